"""Spaces: what it costs to open, to turn, to come late, and to see an edit on another device.

    uv run python -m benchmarks.spaces --quick

The last line is one JSON object. Times are medians in ms or s by this machine's clock, with a real relay process where
a service is asked. `--quick` leaves out the log of 100,000 items and the window of the direct line.
"""

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import psutil

from benchmarks.spaces_lines import measure_lines
from companion.app.spaces.desk import stand
from companion.crypto.primitives import dh_keypair, signing_keypair
from companion.ports import Change
from companion.space.items import cid_of, open_item, seal_item
from companion.space.keys import SHELF, log_id
from companion.space.place import Space
from companion.space.turns import seal_turn
from services.due import DueTimer
from services.relay.database.sqlite import DATABASE_NAME, SqliteDatabase
from services.relay.hub import Hub
from services.relay.limits import Quotas
from services.relay.log.store import Draft
from services.sync.protocol import capability_hash
from tests.integration.people import Noon, Person, until
from tests.relay_process import RelayProcess

TEXT = "Two partners away, one locum who knows nobody, and the phones. " * 12
PAGES_LINKED = 20_000
EDITS = 20
FREE = Quotas(events_per_minute=1 << 30, event_bytes_per_day=1 << 40, newcomer_bytes_per_day=1 << 40)


def open_item_ms(count: int = 500) -> float:
    """Open and verify one item of a page's length."""
    key, log = os.urandom(32), log_id(os.urandom(16), SHELF)
    envelope = seal_item(key, 0, log, signing_keypair()[0], {"kind": "version", "body": {"text": TEXT}})
    times = []
    for _ in range(count):
        began = time.perf_counter()
        open_item(key, log, envelope)
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1_000


def turn_of_500() -> tuple[float, int]:
    """Seal a turn for 500 groups: how long, and how many bytes."""
    space, boxes = os.urandom(16), {os.urandom(16): dh_keypair()[1] for _ in range(500)}
    log, private, now, following = log_id(space, "book"), signing_keypair()[0], os.urandom(32), os.urandom(32)
    began = time.perf_counter()
    envelope = seal_turn(now, 0, following, space=space, log=log, sign_private=private, at=1, boxes=boxes)
    return (time.perf_counter() - began) * 1_000, len(envelope)


class Shared:
    """A relay, and a phone whose own space has a log that is as long as wanted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.relay = RelayProcess(folder / "relay")
        self.timers: list[DueTimer] = []

    async def person(self, name: str, *, begins: bool = True) -> Person:
        person = Person(self.folder / name, self.relay.url)
        if begins:
            await person.begin("Alice Green")
        timer = DueTimer(person.companion, Noon())
        timer.start()
        self.timers.append(timer)
        return person

    async def own_space(self, phone: Person) -> Space:
        await phone.opened.own.turn_on()

        async def stands() -> bool:
            space = await phone.opened.own.space()
            return space is not None and bool(space.first)

        await until(stands)
        space = await phone.opened.own.space()
        assert space is not None
        return space

    async def fill(self, phone: Person, space: Space, count: int) -> None:
        """Put versions of pages into the log behind the phone's back, while the relay does not run."""
        self.relay.stop()
        store = SqliteDatabase(self.folder / "relay" / DATABASE_NAME, FREE)
        await store.open(Hub())
        context = phone.opened._context
        log, key, at_ms = space.log_id(SHELF), space.keys[0], int(time.time() * 1_000)
        device = bytes.fromhex(context.me.device)
        opens = capability_hash(bytes.fromhex(space.capability(SHELF)))

        async def put(number: int) -> None:
            content = _page(number, context.me.device, at_ms)
            body = seal_item(key, 0, log, context.me.sign_private, content)
            cid = bytes.fromhex(cid_of(body))
            await store.log.append(
                Draft(group=log, capability_hash=opens, device=device, cid=cid, body=body, at_ms=at_ms)
            )

        for start in range(0, count, 500):
            await asyncio.gather(*(put(number) for number in range(start, min(count, start + 500))))
        await store.close()
        at = replace(space.logs[SHELF], cursor=count)
        await context.commit(Change(put=(stand(space.with_log(SHELF, at)),)))
        self.relay.start()

    async def close(self, *people: Person) -> None:
        for timer in self.timers:
            await timer.stop()
        for person in people:
            await person.companion.lock(hands_over=False)
        self.relay.close()


def _page(number: int, device: str, at_ms: int) -> dict[str, object]:
    day = f"{2_020 + number % 6}-{1 + number % 12:02d}-{1 + number % 28:02d}"
    page = {"_v": 2, "day": day, "text": f"{number} {TEXT[:200]}", "created_ms": at_ms, "changed_ms": at_ms}
    page |= {"prompt": None, "template": None, "mood": None, "energy": None, "connection": None, "tags": []}
    page |= {"attachments": [], "is_past_hidden": False}
    id = number.to_bytes(16, "big").hex()
    version = {"id": os.urandom(16).hex(), "device": device, "at_ms": at_ms, "body": page, "past": []}
    return {"kind": "version", "table": "journal", "doc": id, **version}


async def link(old: Person, new: Person) -> None:
    code = await old.opened.devices.offer()
    await new.opened.devices.link(code.code, "Tablet")


async def late_comer(folder: Path, count: int) -> dict[str, float]:
    """Link a device to a log of this length: until the newest pages are there, until all are, and what that takes."""
    shared = Shared(folder)
    shared.relay.start()
    phone = await shared.person("phone")
    space = await shared.own_space(phone)
    await shared.fill(phone, space, count)
    await phone.companion.lock(hands_over=False)
    phone = await shared.person("phone", begins=False)
    await phone.companion.unlock(passphrase="three kettles and a lantern")
    tablet = await shared.person("tablet")
    process = psutil.Process()
    before_mb = process.memory_info().rss / 2**20
    began = time.perf_counter()
    await link(phone, tablet)

    async def has(least: int) -> bool:
        counts = await tablet.opened._context.store.counts()
        return counts.get("journal", 0) >= least

    await until(lambda: has(min(200, count)), 120)
    newest_s = time.perf_counter() - began
    await until(lambda: has(count), 3_000)
    whole_s = time.perf_counter() - began
    grown_mb = process.memory_info().rss / 2**20 - before_mb
    await shared.close(phone, tablet)
    return {"newest_s": newest_s, "whole_s": whole_s, "rss_growth_mb": grown_mb}


async def edits_seen(folder: Path) -> tuple[float, float]:
    """Edit on one of two devices that are both there: until the other has it, in ms, and bytes at the service."""
    shared = Shared(folder)
    shared.relay.start()
    phone, tablet = await shared.person("phone"), await shared.person("tablet")
    space = await shared.own_space(phone)
    await link(phone, tablet)
    page = phone.opened.journal.draft(None, TEXT)
    await phone.opened.journal.save_drafts()
    times = list[float]()
    for number in range(EDITS):
        text = f"{TEXT} {number}"
        phone.opened.journal.draft(page, text)
        began = time.perf_counter()
        await phone.opened.journal.save_drafts()

        async def has(text: str = text) -> bool:
            entry = await tablet.opened.journal.entry(page)
            return entry is not None and entry.text == text

        await until(has, 120)
        if number:  # the first one waits for the devices to hear of each other
            times.append((time.perf_counter() - began) * 1_000)
    relay = await phone.opened.groups._network.relay(space.service)
    events = await relay.events(space.log_id(SHELF).hex(), space.capability(SHELF), 0)
    sizes = [len(event.body) for event in events if event.body]
    await shared.close(phone, tablet)
    return statistics.median(times), statistics.median(sizes)


async def measure(*, is_quick: bool) -> dict[str, float]:
    turn_ms, turn_bytes = turn_of_500()
    found: dict[str, float] = {"open_item_ms": open_item_ms()}
    found |= {"turn_500_boxes_ms": turn_ms, "turn_500_boxes_bytes": turn_bytes}
    with tempfile.TemporaryDirectory() as folder:
        seen_ms, size = await edits_seen(Path(folder))
        found |= {"sync_1_edit_seen_ms": seen_ms, "sync_bytes_per_edit": size}
    with tempfile.TemporaryDirectory() as folder:
        linked = await late_comer(Path(folder), PAGES_LINKED)
        found |= {"link_20k_usable_s": linked["newest_s"], "link_20k_whole_s": linked["whole_s"]}
        found |= {"rss_growth_mb_20k": linked["rss_growth_mb"]}
    if not is_quick:
        with tempfile.TemporaryDirectory() as folder:
            long = await late_comer(Path(folder), 100_000)
            found |= {"newest_200_of_100k_ms": long["newest_s"] * 1_000, "rss_growth_mb_100k": long["rss_growth_mb"]}
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    is_quick = parser.parse_args().quick
    found = asyncio.run(measure(is_quick=is_quick))
    if not is_quick:
        found |= measure_lines(5)
    print(json.dumps({name: round(value, 3) for name, value in found.items()}))


if __name__ == "__main__":
    main()
