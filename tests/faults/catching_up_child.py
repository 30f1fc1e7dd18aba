"""A device that catches up and says how far it is, until it is killed. Arguments: folder, service, group."""

import asyncio
import sys
from pathlib import Path

from tests.integration.people import PASSPHRASE, Person


async def main(folder: str, service: str, group: str) -> None:
    person = Person(Path(folder), service)
    await person.companion.unlock(passphrase=PASSPHRASE)
    while True:
        known = await person.opened.groups.group(group)
        print(known.cursor if known else 0, flush=True)
        await asyncio.sleep(0.002)


asyncio.run(main(*sys.argv[1:]))
