"""A profile whose group has a long past, put in through the store's own API: nobody waits for 10,000 envelopes."""

import asyncio
from pathlib import Path

from companion.chat.message import Message, messages_table
from companion.outgoing import TABLE
from companion.ports import Change, Put
from main import build_profile
from tests.integration.people import until

COUNT = 10_000
BATCH = 500
PASSPHRASE = "three kettles and a lantern"
NAME = "Winter leads"
WORDS = "of a long talk about the winter rota, the call on Thursday and who has a spare hour."


def make_long_group(data: Path, profile: str, service: str, count: int = COUNT) -> str:
    """Make the profile with its group at the service; return a link that lets one more in."""
    return asyncio.run(make_group(data, profile, service, count))


async def make_group(data: Path, profile: str, service: str, count: int) -> str:
    """The same, where a loop runs already."""
    companion = build_profile(data, profile, service).companion
    key, _ = companion.recovery_words()
    await companion.create("Hazel Fern", "gp", PASSPHRASE, key)
    opened = companion.opened
    assert opened is not None
    group = await opened.groups.create(NAME, "pine")
    context = opened._context

    async def is_made() -> bool:
        return not await context.store.all(TABLE)

    await until(is_made)
    now = context.clock.now_ms()
    for start in range(0, count, BATCH):
        lines = [line(group.id, number, now) for number in range(start, min(start + BATCH, count))]
        await context.commit(Change(put=tuple(Put(messages_table(group.id), one.to_doc()) for one in lines)))
    link = (await opened.groups.invite(group.id)).code.link
    await companion.lock()
    return link


def line(group: str, number: int, now_ms: int) -> Message:
    """One of the old messages; all have the first number of the order, so that what the service numbers comes after."""
    person = f"{number % 7:032x}"
    return Message(
        id=f"{number:032x}",
        group=group,
        sender=person,
        person=person,
        name=f"Person {number % 7}",
        profession="gp",
        text=f"Line {number} {WORDS}",
        at_ms=now_ms - (COUNT - number) * 60_000,
        sent_ms=now_ms - (COUNT - number) * 60_000,
        state="received",
        seq=1,
    )
