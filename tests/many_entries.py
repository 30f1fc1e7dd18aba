"""A journal as it is after many years, put in through the store's own API."""

import asyncio
import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from companion.chat.message import Message, messages_table
from companion.journal import TABLE, Entry
from companion.ports import Change, Put
from main import build_profile
from services.store.documents import DocumentStore
from services.store.vault import SealedVault

COUNT = 20_000
PASSPHRASE = "three kettles and a lantern"
AT_ONCE = 1_000
GROUP = "ab" * 16
RARE = "quincunx"
"""A word of every two thousandth entry, and of one message, which is older than all of them."""
SENDER = "Wren Hill"
A_DAY = 3
SENTENCE = """the partners meeting ran over again and I said what has been on my mind since June nobody fixed it
but Wren stayed behind made two teas asked what would help tomorrow ring Rowan before clinic rota nurse patient quiet"""
WORDS = tuple(SENTENCE.split())


def day_of(number: int, count: int, today: date) -> str:
    """Return the day of an entry: the last of `count` is of yesterday, three entries a day."""
    return (today - timedelta(days=1 + (count - 1 - number) // A_DAY)).isoformat()


def title_of(number: int) -> str:
    return f"Page number {number}"


def make_entry(number: int, count: int, today: date, chance: random.Random) -> Entry:
    """Return an entry of about 1 KB."""
    day = day_of(number, count, today)
    words = chance.choices(WORDS, k=185)
    if number % 2_000 == 0:
        words[20] = RARE
    at_ms = int(datetime.fromisoformat(f"{day}T12:00:00+00:00").astimezone(UTC).timestamp() * 1000) + number
    return Entry(
        id=f"{number:032x}",
        day=day,
        text=f"{title_of(number)}\n" + " ".join(words),
        created_ms=at_ms,
        changed_ms=at_ms,
        mood=chance.randint(1, 5),
        energy=chance.randint(1, 5),
        tags=("rota",) if number % 5 == 0 else (),
    )


async def fill(store: DocumentStore, count: int, today: date) -> None:
    """Put in `count` entries and one message."""
    chance = random.Random(7)
    entries = [make_entry(number, count, today, chance) for number in range(count)]
    for start in range(0, count, AT_ONCE):
        batch = entries[start : start + AT_ONCE]
        await store.commit(Change(put=tuple(Put(TABLE, entry.to_doc()) for entry in batch)))
    said = Message(
        id="cd" * 16,
        group=GROUP,
        sender="ef" * 16,
        name=SENDER,
        profession="gp",
        text=f"A {RARE} of chairs",
        at_ms=entries[0].created_ms,
        state="received",
    )
    await store.commit(Change(put=(Put(messages_table(GROUP), said.to_doc()),)))


def make_profile(data: Path, name: str, count: int = COUNT) -> None:
    """Make a profile with a long journal, without a screen. Takes some seconds."""

    async def make() -> None:
        profile = build_profile(data, name, "http://127.0.0.1:9")
        key, _ = profile.companion.recovery_words()
        await profile.companion.create("Hazel Fern", "gp", PASSPHRASE, key)
        await profile.companion.lock()
        store, _ = await SealedVault(profile.folder / "vault").unlock(passphrase=PASSPHRASE)
        try:
            await fill(store, count, datetime.now().astimezone().date())
        finally:
            await store.close()

    asyncio.run(make())
