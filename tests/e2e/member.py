"""A member without a window: joins with an invite, says each line that it reads, and stays until all are sent.

python -m tests.e2e.member FOLDER SERVICE LINK NAME

It prints "joined", and for each line when it was said, in ms since the epoch.
"""

import asyncio
import sys
import time
from pathlib import Path

from companion.outgoing import TABLE
from tests.integration.people import Person, until


async def speak(folder: Path, service: str, link: str, name: str) -> None:
    person = await Person(folder, service).begin(name)
    invitation = await person.opened.groups.look_at(link)
    await person.opened.groups.join(invitation)

    async def is_member() -> bool:
        group = await person.opened.groups.group(invitation.group)
        return group is not None and group.state == "member"

    await until(is_member)
    print("joined", flush=True)
    while line := (await asyncio.to_thread(sys.stdin.readline)).strip():
        await person.opened.chat.post(invitation.group, line)
        print(round(time.time() * 1000), flush=True)

    async def is_empty() -> bool:
        return not await person.opened._context.store.all(TABLE)

    await until(is_empty)
    await person.companion.lock()


if __name__ == "__main__":
    asyncio.run(speak(Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]))
