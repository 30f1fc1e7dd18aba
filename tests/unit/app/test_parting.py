"""What was promised is handed over before the keys go, or the lock screen says that it waits."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.app import Opened
from companion.app.chat.chatting import UNDO_MS, Ways
from companion.app.groups.tools import stand
from companion.app.parting import Left
from companion.attachments import Picture
from companion.errors import StoreError
from companion.outgoing import TABLE as OUTBOX
from companion.ports import Change
from tests.fakes import PASSPHRASE, Desk, deliver, make_pair
from tests.unit.app.chat.talk import HOUR_MS, core, said

HELD = Ways(hold_ms=UNDO_MS)
PICTURE = Picture(content=b"pixels", media_type="image/png", width=4, height=3)


async def test_what_was_sent_a_moment_ago_arrives_while_the_app_is_locked(hazel: Desk, jay: Desk, group: str) -> None:
    await core(hazel).chat.post(group, "Ring me now", HELD)
    await hazel.companion.lock()
    await deliver(jay)
    assert [one.text for one in await said(jay, group)] == ["Ring me now"]
    assert hazel.companion.left == Left()


async def test_so_does_a_picture(hazel: Desk, jay: Desk, group: str) -> None:
    one = await core(hazel).sharing.seal(group, PICTURE)
    await core(hazel).sharing.post(group, "", (one,), HELD)
    await hazel.companion.lock()
    await deliver(jay)
    assert [len(one.attachments) for one in await said(jay, group)] == [1]


async def test_so_does_the_word_that_messages_have_come(hazel: Desk, jay: Desk, group: str) -> None:
    await core(hazel).chat.post(group, "Did you get it?")
    await deliver(hazel, jay)
    await jay.companion.lock()
    await deliver(hazel)
    assert (await core(hazel).attention.standing(group)).delivered


async def test_what_is_meant_for_later_stays_and_is_not_said_to_be_late(hazel: Desk, jay: Desk, group: str) -> None:
    later = hazel.clock.now_ms() + HOUR_MS
    await core(hazel).chat.post(group, "Tomorrow", Ways(hold_ms=UNDO_MS, due_ms=later))
    await hazel.companion.lock()
    await deliver(jay)
    assert await said(jay, group) == []
    assert hazel.companion.left == Left()


async def test_without_a_connection_it_is_counted_and_goes_after_the_next_unlock(
    hazel: Desk, jay: Desk, group: str
) -> None:
    await core(hazel).chat.post(group, "Ring me now", HELD)
    one = await core(hazel).sharing.seal(group, PICTURE)
    await core(hazel).sharing.post(group, "", (one,), HELD)
    hazel.relay.is_online = False
    await hazel.companion.lock()
    assert hazel.companion.left == Left(messages=2)
    hazel.relay.is_online = True
    await hazel.companion.unlock(passphrase=PASSPHRASE)
    await core(hazel).due.run()
    await deliver(hazel, jay)
    assert len(await said(jay, group)) == 2
    await hazel.companion.lock()
    assert hazel.companion.left == Left()


async def test_an_act_that_is_no_message_is_counted_too(hazel: Desk, jay: Desk, group: str) -> None:
    await core(hazel).chat.post(group, "A thought")
    await deliver(hazel, jay)
    [line] = await said(hazel, group)
    hazel.relay.is_online = False
    await core(hazel).chat.react(group, line.id, "👍", True)
    await hazel.companion.lock()
    assert hazel.companion.left == Left(others=1)


async def test_what_has_gone_never_looks_as_if_it_had_not_while_its_coming_back_is_committed(
    hazel: Desk, jay: Desk, group: str
) -> None:
    opened, seen = core(hazel), list[int]()
    store, commit = opened._context.store, opened._context.store.commit

    async def watched(change: Change) -> None:
        if any(drop.table == OUTBOX for drop in change.drop):
            seen.append(len(await opened.groups.tools.outbox.unsent()))
        await commit(change)

    store.commit = watched
    await opened.chat.post(group, "Words")
    await deliver(hazel, jay)
    assert seen == [0]


async def doubt(desk: Desk, group: str) -> None:
    """Somebody in the group has another key than before: nothing goes there until it is accepted."""
    known = await core(desk).groups.group(group)
    assert known is not None
    unknown = tuple(replace(seat, accepted=False) for seat in known.seats)
    await core(desk)._context.commit(Change(put=(stand(replace(known, seats=unknown)),)))


async def test_one_message_that_cannot_go_holds_up_no_other_and_keeps_its_words(
    hazel: Desk, jay: Desk, group: str
) -> None:
    other = await core(hazel).groups.create("Others", "pine")
    await core(hazel).chat.post(other.id, "Stuck", HELD)
    await core(hazel).chat.post(group, "Free", HELD)
    await doubt(hazel, other.id)
    await hazel.companion.lock()
    await deliver(jay)
    assert [one.text for one in await said(jay, group)] == ["Free"]
    await hazel.companion.unlock(passphrase=PASSPHRASE)
    assert [(one.text, one.state) for one in await said(hazel, other.id)] == [("Stuck", "refused")]


async def test_a_receipt_that_cannot_go_holds_up_no_picture(hazel: Desk, jay: Desk, group: str) -> None:
    await core(jay).chat.post(group, "Did you get it?")
    await deliver(jay, hazel)
    await doubt(hazel, group)
    other = await core(hazel).groups.create("Others", "pine")
    one = await core(hazel).sharing.seal(other.id, PICTURE)
    await core(hazel).sharing.post(other.id, "", (one,), HELD)
    await hazel.companion.lock()
    assert len(hazel.relay.blobs) == 1


async def test_a_full_disk_still_drops_the_keys(hazel: Desk, group: str) -> None:
    await core(hazel).chat.post(group, "Ring me now", HELD)
    core(hazel).chat.draft(group, "Half a thou")
    hazel.vault.store.fails = True
    with pytest.raises(StoreError):
        await hazel.companion.lock()
    assert not hazel.vault.store.is_open
    assert "network closed" in hazel.calls


async def test_what_a_full_disk_held_back_is_counted(hazel: Desk, group: str) -> None:
    await core(hazel).chat.post(group, "Ring me now", HELD)
    hazel.vault.store.fails = True
    await hazel.companion.lock()
    assert hazel.companion.left == Left(messages=1)


async def test_erasing_hands_nothing_over(hazel: Desk, jay: Desk, group: str) -> None:
    await core(hazel).chat.post(group, "Better not", HELD)
    await hazel.companion.erase()
    await deliver(jay)
    assert await said(jay, group) == []


class SlowNetwork:
    """Holds the handing over until the test lets it go."""

    def __init__(self, desk: Desk) -> None:
        self.begun, self.may_end = asyncio.Event(), asyncio.Event()
        desk.network.hand_over = self.hand_over

    async def hand_over(self, job: object, busy: object, patience_s: float) -> None:
        self.begun.set()
        await self.may_end.wait()


async def test_every_screen_is_locked_before_anything_is_handed_over(hazel: Desk) -> None:
    slow, told = SlowNetwork(hazel), list[frozenset[str]]()
    hazel.companion.subscribe(told.append)
    locking = asyncio.create_task(hazel.companion.lock())
    await slow.begun.wait()
    assert told == [frozenset({"phase"})]
    assert (await hazel.companion.phase(), hazel.companion.opened) == ("locked", None)
    slow.may_end.set()
    await locking


@pytest.mark.parametrize("what", ["lock", "unlock"])
async def test_a_second_lock_and_an_unlock_wait_for_the_first_lock(hazel: Desk, what: str) -> None:
    slow = SlowNetwork(hazel)
    locking = asyncio.create_task(hazel.companion.lock())
    await slow.begun.wait()
    again: Callable[[], Awaitable[None]] = hazel.companion.lock
    if what == "unlock":
        again = lambda: hazel.companion.unlock(passphrase=PASSPHRASE)  # noqa: E731  # one of two
    second = asyncio.ensure_future(again())
    for _ in range(20):
        await asyncio.sleep(0)
    assert not second.done()
    slow.may_end.set()
    await asyncio.gather(locking, second)
    assert await hazel.companion.phase() == ("open" if what == "unlock" else "locked")


async def say(opened: Opened, group: str) -> None:
    await opened.chat.post(group, "Words", HELD)


async def show(opened: Opened, group: str) -> None:
    await opened.sharing.post(group, "", (await opened.sharing.seal(group, PICTURE),), HELD)


async def ask(opened: Opened, group: str) -> None:
    await opened.polls.ask(group, "When?", ("Now", "Later"), is_secret=False, ways=HELD)


async def react(opened: Opened, group: str) -> None:
    first = (await opened.chat.messages(group))[0]
    await opened.chat.react(group, first.id, "👍", True)


async def edit(opened: Opened, group: str) -> None:
    first = next(one for one in await opened.chat.messages(group) if one.text == "First")
    await opened.chat.edit(group, first.id, "First")


async def hand_on(opened: Opened, group: str) -> None:
    await opened.groups.set_administrators(group, (opened.me.person,))


ACTS = {"say": say, "show": show, "ask": ask, "react": react, "edit": edit, "hand on": hand_on}


@given(acts=st.lists(st.sampled_from(sorted(ACTS)), min_size=1, max_size=6), is_online=st.booleans())
@settings(max_examples=30, deadline=None)
def test_whatever_was_done_before_a_lock_has_gone_or_is_counted_and_goes_later(
    acts: list[str], is_online: bool
) -> None:
    async def run() -> None:
        hazel = await Desk("Hazel Ford").set_up()
        jay = await Desk("Jay Thistle", hazel.relay).set_up()
        group = await make_pair(hazel, jay)
        await core(hazel).chat.post(group, "First")
        await deliver(hazel, jay)
        for act in acts:
            await ACTS[act](core(hazel), group)
        hazel.relay.is_online = is_online
        await hazel.companion.lock()
        left, lines = hazel.companion.left, sum(act in ("say", "show", "ask") for act in acts)
        unsent = len(hazel.vault.store.tables.get(OUTBOX, {}))
        assert left.messages == (0 if is_online else lines)
        assert (left.messages + left.others > 0) == (not is_online and bool(unsent or lines))
        hazel.relay.is_online = True
        await hazel.companion.unlock(passphrase=PASSPHRASE)
        await core(hazel).due.run()
        await deliver(hazel, jay)
        assert len(await said(jay, group)) == 1 + lines
        assert not hazel.vault.store.tables.get(OUTBOX)

    asyncio.run(run())


async def test_an_invite_taken_back_without_a_connection_is_used_up_when_there_is_one(hazel: Desk, group: str) -> None:
    invite = await core(hazel).groups.invite(group)
    hazel.relay.is_online = False
    await core(hazel).groups.revoke_invite(invite.code.id)
    await hazel.companion.lock()
    hazel.relay.is_online = True
    await hazel.companion.unlock(passphrase=PASSPHRASE)
    await deliver(hazel)
    assert hazel.relay.invites[invite.code.id][1]
