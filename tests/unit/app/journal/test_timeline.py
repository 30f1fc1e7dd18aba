"""`opened.timeline` and `opened.searching` on fakes."""

import asyncio

import pytest

from companion.app import Opened
from companion.app.searching import CHAT, JOURNAL, Wanted
from companion.chat.message import Message, messages_table
from companion.errors import StoreError
from companion.journal import TABLE, Entry
from companion.ports import Change, Drop, Put
from tests.fakes import Desk

GROUP = "a" * 32


def entry(number: int, day: str, text: str = "A quiet morning", **more) -> Entry:
    return Entry(id=f"{number:032x}", day=day, text=text, created_ms=number, changed_ms=number, **more)


def message(number: int, text: str, **more) -> Message:
    base = {"group": GROUP, "sender": "d1", "name": "Wren", "profession": "gp", "state": "received"}
    return Message(id=f"{number:032x}", text=text, at_ms=number, **{**base, **more})


@pytest.fixture
async def desk() -> Desk:
    return await Desk().set_up()


def opened(desk: Desk) -> Opened:
    assert desk.companion.opened is not None
    return desk.companion.opened


async def commit(desk: Desk, *puts: Put, drop: tuple[Drop, ...] = ()) -> None:
    await opened(desk)._context.commit(Change(put=puts, drop=drop))


def put(*entries: Entry) -> tuple[Put, ...]:
    return tuple(Put(TABLE, one.to_doc()) for one in entries)


def said(*messages: Message) -> tuple[Put, ...]:
    return tuple(Put(messages_table(GROUP), one.to_doc()) for one in messages)


async def test_the_index_follows_every_commit(desk: Desk) -> None:
    timeline = opened(desk).timeline
    await commit(desk, *put(entry(1, "2026-11-29")))
    assert len(await timeline.index()) == 1
    await commit(desk, *put(entry(2, "2026-11-30")), *said(message(3, "Hello")))
    await commit(desk, drop=(Drop(TABLE, f"{1:032x}"),))
    assert [head.day for head in (await timeline.index()).heads] == ["2026-11-30"]


async def test_a_commit_during_the_first_reading_is_not_lost(desk: Desk, monkeypatch) -> None:
    store, timeline, go = desk.vault.store, opened(desk).timeline, asyncio.Event()
    await commit(desk, *put(entry(1, "2026-11-29")))
    read = type(store).read

    async def slow(self, table, make):
        made = await read(self, table, make)
        await go.wait()
        return made

    monkeypatch.setattr(type(store), "read", slow)
    first, second = asyncio.create_task(timeline.index()), asyncio.create_task(timeline.index())
    await asyncio.sleep(0)
    await commit(desk, *put(entry(2, "2026-11-30")))
    go.set()
    assert len(await first) == 2
    assert await second is await first


async def test_a_past_day_can_be_hidden_and_shown_again_and_stays_in_the_journal(desk: Desk) -> None:
    timeline, old = opened(desk).timeline, entry(1, "2025-11-30", mood=3)
    await commit(desk, *put(old))
    await timeline.hide_past(old.id)
    assert (await timeline.index()).past_years("2026-11-30") == ()
    kept = Entry.from_doc(desk.vault.store.tables[TABLE][old.id])
    assert (kept.text, kept.mood, kept.is_past_hidden) == (old.text, 3, True)
    await timeline.hide_past(old.id, is_hidden=False)
    assert len((await timeline.index()).past_years("2026-11-30")) == 1


async def test_search_goes_over_journal_and_chats_newest_first(desk: Desk) -> None:
    await commit(desk, *put(entry(5, "2026-11-30", "Café by the mill")), *said(message(7, "Mill on Friday?")))
    found = await opened(desk).searching.find(Wanted(text="mil"))
    assert [(one.is_entry, one.at_ms) for one in found] == [(False, 7), (True, 5)]
    assert (found[0].group, found[0].name, found[1].day) == (GROUP, "Wren", "2026-11-30")
    assert [found[1].passage[start:end] for start, end in found[1].marks] == ["mil"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(text="mill", kinds=frozenset({JOURNAL})), [2, 1]),
        (Wanted(text="mill", kinds=frozenset({CHAT})), [12, 11]),
        (Wanted(text="mill", tag="rota"), [1]),
        (Wanted(text="mill", person="p2"), [12]),
        (Wanted(text="mill", person="d1"), [11]),
        (Wanted(text="mill", days=1), [12, 11, 2]),
        (Wanted(text="  "), []),
        (Wanted(tag="rota"), []),
        (Wanted(text="mill", tag="rota", person="d1"), []),
    ],
)
async def test_search_is_narrowed_by_place_tag_person_and_time(desk: Desk, wanted: Wanted, found: list[int]) -> None:
    desk.clock.ms = 86_400_000 + 2
    await commit(
        desk,
        *put(entry(1, "2026-11-01", "mill", tags=("rota",)), entry(2, "2026-11-02", "mill")),
        *said(
            message(11, "mill"),
            message(12, "mill", sender="d2", person="p2"),
            message(13, "mill", is_deleted=True),
            message(14, "mill", kind="joined"),
        ),
    )
    assert [one.at_ms for one in await opened(desk).searching.find(wanted)] == found


async def test_search_begins_once_and_ends_with_the_lock(desk: Desk) -> None:
    searching = opened(desk).searching
    await searching.start()
    await searching.find(Wanted(text="mill"))
    assert desk.calls.count("search started") == 1
    await desk.companion.lock()
    with pytest.raises(StoreError):
        await searching.find(Wanted(text="mill"))


async def test_idle_reaches_the_store(desk: Desk) -> None:
    desk.vault.store.chores = 2
    assert await opened(desk).idle()
    assert not await opened(desk).idle()
