"""Erasing a profile over a real service: it is asked to delete at once, or whenever there is a connection again."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import apsw
import pytest

from companion.app.farewells import Remains
from companion.farewells import ACCOUNT, DEVICE
from services.erasing import owed_file
from services.relay.database.sqlite import DATABASE_NAME
from services.relay.log.store import author_name
from services.sync.embedded import EmbeddedRelay
from tests.integration.people import Person, until
from tests.integration.test_thread import befriend, has_line
from tests.relay_process import RelayProcess

LATER = """
import asyncio, sys
from pathlib import Path
from services.farewells import FarewellTimer
from tests.integration.people import Person, until

async def main():
    person = Person(Path(sys.argv[1]), "")
    assert await person.companion.phase() == "first_start"
    timer = FarewellTimer(person.companion, 0.05)
    timer.start()
    async def is_gone():
        return bool((await person.companion.farewells.remains()).gone)
    await until(is_gone)
    await timer.stop()

asyncio.run(main())
"""


@pytest.fixture
async def people(tmp_path: Path, relay: RelayProcess) -> AsyncIterator[tuple[Person, Person, str]]:
    ann, bob = Person(tmp_path / "ann", relay.url), Person(tmp_path / "bob", relay.url)
    await ann.begin("Ann")
    await bob.begin("Bob")
    group = await befriend(ann, bob)
    for one, other in ((ann, "Bob"), (bob, "Ann")):
        await one.opened.chat.post(group, f"To {other}")
    await has_line(bob, group, ("Ann", "To Bob", "received"))
    await has_line(ann, group, ("Bob", "To Ann", "received"))
    yield ann, bob, group
    for one in (ann, bob):
        await one.companion.lock(hands_over=False)


def database(relay: RelayProcess) -> apsw.Connection:
    connection = apsw.Connection(str(relay.data / DATABASE_NAME), flags=apsw.SQLITE_OPEN_READONLY)
    connection.set_busy_timeout(5_000)
    return connection


def held(relay: RelayProcess, device: str) -> dict[str, int]:
    """Return how many rows of each table name this device at a service, but for its counters: they go in two days."""
    found = {}
    connection = database(relay)
    tables = [
        name
        for (name,) in connection.execute("select name from sqlite_schema where type = 'table' and name <> 'meter'")
    ]
    for table in tables:
        rows = list(connection.execute(f"select * from {table}"))  # noqa: S608  (names of its own)
        count = sum(bytes.fromhex(device) in [bytes(v) for v in row if isinstance(v, bytes)] for row in rows)
        if count:
            found[table] = count
    connection.close()
    return found


def sent_by(relay: RelayProcess, device: str, group: str) -> int:
    """Return how many envelopes of this device still have their words."""
    connection = database(relay)
    sql = "select count(*) from event e join author a on a.anum = e.author where a.name = ? and length(e.body) > 0"
    (count,) = next(connection.execute(sql, (author_name(bytes.fromhex(group), bytes.fromhex(device)),)))
    connection.close()
    return count


ONLY_THE_NUMBER = {"device": 1}


async def test_service_that_answers_holds_nothing_but_the_number_of_the_device(people, relay: RelayProcess) -> None:
    ann, bob, group = people
    gone, stays = ann.opened.device, bob.opened.device
    assert held(relay, gone).keys() > {"device", "session", "key_package"}
    assert sent_by(relay, gone, group)
    before, sent = held(relay, stays), sent_by(relay, stays, group)
    await ann.companion.erase(DEVICE)
    assert not await ann.companion.farewells.deliver()
    assert held(relay, gone) == ONLY_THE_NUMBER
    assert (held(relay, stays), sent_by(relay, stays, group)) == (before, sent)
    assert sent_by(relay, gone, group) == 0
    assert (await ann.companion.farewells.remains()).gone == (relay.url,)
    assert not owed_file(ann.folder).exists()
    assert ("Ann", "To Bob", "received") in await bob.lines(group)  # others keep what they have


async def test_who_does_not_want_it_leaves_everything_there(people, relay: RelayProcess) -> None:
    ann, _, _ = people
    before = held(relay, ann.opened.device)
    gone = ann.opened.device
    await ann.companion.erase()
    await ann.companion.farewells.deliver()
    assert held(relay, gone) == before


async def test_service_that_is_away_is_asked_by_a_later_start_of_the_app(people, relay: RelayProcess) -> None:
    ann, _, _ = people
    gone = ann.opened.device
    await asyncio.to_thread(relay.stop)
    await ann.companion.erase(DEVICE)
    assert await ann.companion.farewells.deliver()
    assert await ann.companion.farewells.remains() == Remains(unanswered=(relay.url,))
    assert not ann.folder.exists()
    assert owed_file(ann.folder).stat().st_mode & 0o777 == 0o600
    await asyncio.to_thread(relay.start)
    assert held(relay, gone).keys() > ONLY_THE_NUMBER.keys()
    later = [sys.executable, "-c", LATER, str(ann.folder)]
    done = await asyncio.to_thread(subprocess.run, later, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert held(relay, gone) == ONLY_THE_NUMBER
    assert not owed_file(ann.folder).exists()


async def test_profile_erased_twice_before_there_was_an_answer_owes_both(people, relay: RelayProcess) -> None:
    ann, bob, _ = people
    first = ann.opened.device
    await asyncio.to_thread(relay.stop)
    await ann.companion.erase(DEVICE)
    await asyncio.to_thread(relay.start)
    await ann.begin("Ann again")
    second = ann.opened.device
    await befriend(ann, bob)
    await ann.companion.erase(DEVICE)
    assert held(relay, first).keys() & held(relay, second).keys() > {"device"}
    assert not await ann.companion.farewells.deliver()
    assert held(relay, first) == held(relay, second) == ONLY_THE_NUMBER


async def test_service_at_another_address_does_not_take_it_and_that_is_said(
    people, relay: RelayProcess, tmp_path: Path
) -> None:
    ann, _, _ = people
    gone, asked = ann.opened.device, relay.url
    await ann.companion.erase(DEVICE)
    await asyncio.to_thread(relay.stop)
    relay.options = ("--origin", "https://moved.example")
    await asyncio.to_thread(relay.start)
    assert relay.url == asked
    before = held(relay, gone)
    assert not await ann.companion.farewells.deliver()
    assert await ann.companion.farewells.remains() == Remains(refused=(asked,))
    assert held(relay, gone) == before
    assert await Person(ann.folder, "").companion.farewells.remains() == Remains(refused=(asked,))


async def test_whole_account_goes_with_the_other_device_where_that_is_wanted(people, relay: RelayProcess) -> None:
    ann, _, _ = people
    tablet = await Person(ann.folder.with_name("tablet"), relay.url).begin("Ann")
    offer = await ann.opened.devices.offer()
    await tablet.opened.devices.link(offer.link, "Tablet")

    async def is_linked() -> bool:
        return not await tablet.opened.devices.is_linking() and bool(await tablet.opened.groups.groups())

    await until(is_linked)
    devices = (ann.opened.device, tablet.opened.device)

    async def both_are_of_the_account() -> bool:
        return all({"key_package", "session"} <= held(relay, device).keys() for device in devices)

    await until(both_are_of_the_account)
    await ann.companion.erase(ACCOUNT)
    assert not await ann.companion.farewells.deliver()
    assert [held(relay, device) for device in devices] == [ONLY_THE_NUMBER] * 2
    assert len(await tablet.opened.groups.groups()) == 1  # what is on it stays
    await tablet.companion.lock(hands_over=False)


async def test_service_of_this_computer_is_asked_too(tmp_path: Path) -> None:
    embedded = EmbeddedRelay(tmp_path / "relay")
    ann = await Person(tmp_path / "ann", "local", embedded).begin("Ann")
    gone = ann.opened.device
    try:
        group = await ann.opened.groups.create("First-year leads", "pine")
        await ann.opened.chat.post(group.id, "To myself")

        async def is_there() -> bool:
            return (tmp_path / "relay" / DATABASE_NAME).exists() and "key_package" in held(local, gone)

        local = RelayProcess(tmp_path / "relay")
        await until(is_there)
        await ann.companion.erase(DEVICE)
        await embedded.close()  # and it comes back at the port that it had
        assert not await ann.companion.farewells.deliver()
        assert held(local, gone) == ONLY_THE_NUMBER
    finally:
        await ann.companion.lock(hands_over=False)
        await embedded.close()
