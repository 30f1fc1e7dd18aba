"""Days on which the clock was wrong: they cost nothing once it is right again, also when the app was closed between."""

import pytest

from companion.app.chat.chatting import UNDO_MS, Ways
from companion.app.searching import Wanted
from companion.chat.agreement import AGREEMENTS, Agreement
from companion.chat.message import messages_table
from companion.crypto.words import words_from_key
from companion.errors import WrongKey
from companion.ports import PACKAGES
from companion.times import DAY_MS, HOUR_MS, MINUTE_MS
from companion.unlocking import LONGEST_WAIT_MS
from services.autolock import AutoLock
from tests.clocks import OwnDesk
from tests.fakes import PASSPHRASE, deliver, make_pair

YEAR_MS = 365 * DAY_MS


def core(desk: OwnDesk):
    return desk.companion.opened


async def reopened(desk: OwnDesk) -> None:
    """Close the app and start it again: nothing of the stopwatch is left."""
    await desk.companion.lock()
    desk.companion._tries = type(desk.companion._tries)(desk.tries, desk.clock)
    desk.clock.restart()
    await desk.companion.unlock(passphrase=PASSPHRASE)


@pytest.fixture
async def hazel() -> OwnDesk:
    return await OwnDesk("Hazel Ford").set_up()


@pytest.fixture
async def jay(hazel: OwnDesk) -> OwnDesk:
    return await OwnDesk("Jay Thistle", hazel.relay).set_up()


@pytest.fixture
async def group(hazel: OwnDesk, jay: OwnDesk) -> str:
    group = await make_pair(hazel, jay)
    await deliver(hazel, jay)
    return group


# Locks and tries


async def fail(desk: OwnDesk, times: int) -> None:
    for _ in range(times):
        with pytest.raises(WrongKey):
            await desk.companion.unlock(passphrase="not the right one")
        desk.clock.move(LONGEST_WAIT_MS)


@pytest.mark.parametrize("is_restarted", [False, True])
@pytest.mark.parametrize("with_words", [False, True])
async def test_wrong_tries_under_a_date_a_year_ahead_lock_nobody_out(
    hazel: OwnDesk, is_restarted: bool, with_words: bool
) -> None:
    words = words_from_key(hazel.vault.store.keys["recovery"])
    await hazel.companion.lock()
    hazel.clock.jump(YEAR_MS)
    await fail(hazel, 12)
    with pytest.raises(WrongKey):
        await hazel.companion.unlock(passphrase="not the right one")
    hazel.clock.jump(-YEAR_MS)
    if is_restarted:
        hazel.companion._tries = type(hazel.companion._tries)(hazel.tries, hazel.clock)
        hazel.clock.restart()
    assert 0 < (await hazel.companion.wrong_tries())[1] <= LONGEST_WAIT_MS
    hazel.clock.move(LONGEST_WAIT_MS)
    await hazel.companion.unlock(**{"words": " ".join(words)} if with_words else {"passphrase": PASSPHRASE})
    assert core(hazel) is not None


async def test_setting_the_clock_ahead_shortens_no_wait(hazel: OwnDesk) -> None:
    await hazel.companion.lock()
    await fail(hazel, 12)
    with pytest.raises(WrongKey):
        await hazel.companion.unlock(passphrase="not the right one")
    hazel.clock.jump(YEAR_MS)
    with pytest.raises(WrongKey):
        await hazel.companion.unlock(passphrase=PASSPHRASE)


async def test_each_start_with_a_stamp_ahead_waits_once_at_most(hazel: OwnDesk) -> None:
    await hazel.companion.lock()
    hazel.clock.jump(YEAR_MS)
    await fail(hazel, 12)
    hazel.clock.jump(-YEAR_MS)
    for _ in range(2):  # the first cuts the stamp, so that the second counts what has passed since
        hazel.companion._tries = type(hazel.companion._tries)(hazel.tries, hazel.clock)
        hazel.clock.restart()
        await hazel.companion.wrong_tries()
        hazel.clock.move(LONGEST_WAIT_MS // 2)
    assert (await hazel.companion.wrong_tries())[1] == 0


@pytest.mark.parametrize("jump_ms", [-YEAR_MS, YEAR_MS])
async def test_the_lock_falls_after_its_minutes_whatever_the_clock_says(hazel: OwnDesk, jump_ms: int) -> None:
    hazel.companion.touch()
    lock = AutoLock(hazel.companion, hazel.clock)
    hazel.clock.jump(jump_ms)
    hazel.clock.move(4 * MINUTE_MS)
    assert lock.left_ms() == MINUTE_MS
    hazel.clock.move(MINUTE_MS)
    assert lock.left_ms() <= 0


# What waits and what is quiet


async def state(desk: OwnDesk, group: str, id: str) -> str:
    if await core(desk).due.next_ms() <= desk.clock.now_ms():
        await core(desk).due.run()
    return (await core(desk).chat.message(group, id)).state


@pytest.mark.parametrize("jump_ms", [-YEAR_MS, -DAY_MS, DAY_MS, YEAR_MS])
async def test_a_held_message_goes_after_its_seconds(hazel: OwnDesk, group: str, jump_ms: int) -> None:
    message = await core(hazel).chat.post(group, "See you at eight", Ways(hold_ms=UNDO_MS))
    hazel.clock.jump(jump_ms)
    assert await state(hazel, group, message.id) == "held"
    hazel.wait(UNDO_MS)
    assert await state(hazel, group, message.id) == "waiting"


async def test_a_message_for_tomorrow_does_not_go_because_the_clock_is_ahead_for_an_hour(
    hazel: OwnDesk, group: str
) -> None:
    ways = Ways(due_ms=hazel.clock.now_ms() + 12 * HOUR_MS)
    message = await core(hazel).chat.post(group, "Tomorrow", ways)
    hazel.clock.jump(YEAR_MS)
    hazel.wait(HOUR_MS)
    assert await state(hazel, group, message.id) == "held"
    hazel.clock.jump(-YEAR_MS)
    hazel.wait(11 * HOUR_MS)
    assert await state(hazel, group, message.id) == "waiting"


async def test_a_message_held_under_a_wrong_date_goes_as_long_after_the_next_start(hazel: OwnDesk, group: str) -> None:
    hazel.clock.jump(5 * YEAR_MS)
    message = await core(hazel).chat.post(group, "Tomorrow", Ways(due_ms=hazel.clock.now_ms() + 12 * HOUR_MS))
    hazel.clock.jump(-5 * YEAR_MS)
    await reopened(hazel)
    hazel.wait(6 * HOUR_MS)
    await reopened(hazel)
    assert await state(hazel, group, message.id) == "held"
    hazel.wait(6 * HOUR_MS)
    assert await state(hazel, group, message.id) == "waiting"


@pytest.mark.parametrize("jump_ms", [-YEAR_MS, YEAR_MS])
async def test_a_pause_lasts_its_hour_while_the_clock_jumps(hazel: OwnDesk, group: str, jump_ms: int) -> None:
    attention = core(hazel).attention
    await attention.set_in_clinic(HOUR_MS)
    await attention.mute(group, HOUR_MS)
    hazel.clock.jump(jump_ms)
    hazel.clock.move(HOUR_MS - 1)
    assert (await attention.is_in_clinic(), attention.is_muted(await attention.wishes(group))) == (True, True)
    hazel.clock.move(1)
    assert (await attention.is_in_clinic(), attention.is_muted(await attention.wishes(group))) == (False, False)


async def test_a_pause_under_a_wrong_date_ends_after_the_next_start(hazel: OwnDesk, group: str) -> None:
    hazel.clock.jump(5 * YEAR_MS)
    await core(hazel).attention.set_in_clinic(HOUR_MS)
    await core(hazel).attention.mute(group, HOUR_MS)
    hazel.clock.jump(-5 * YEAR_MS)
    await reopened(hazel)
    hazel.clock.move(HOUR_MS)
    attention = core(hazel).attention
    assert (await attention.is_in_clinic(), attention.is_muted(await attention.wishes(group))) == (False, False)


@pytest.mark.parametrize(("table", "most_ms"), [("quiet", 4 * HOUR_MS), ("wishes", 7 * DAY_MS)])
async def test_a_pause_that_an_older_version_kept_ends_too(
    hazel: OwnDesk, group: str, table: str, most_ms: int
) -> None:
    attention = core(hazel).attention
    await attention.set_in_clinic(HOUR_MS)
    await attention.mute(group, HOUR_MS)
    for doc in hazel.vault.store.tables[table].values():
        name = "in_clinic" if table == "quiet" else "muted"
        del doc[f"{name}_since_ms"]
        doc[f"{name}_until_ms"] = hazel.clock.now_ms() + 5 * YEAR_MS
    await reopened(hazel)
    hazel.clock.move(most_ms)
    attention = core(hazel).attention
    is_on = await attention.is_in_clinic() if table == "quiet" else attention.is_muted(await attention.wishes(group))
    assert not is_on


# What comes once in a while


async def test_a_check_in_under_a_wrong_date_is_asked_again(hazel: OwnDesk) -> None:
    hazel.clock.jump(5 * YEAR_MS)
    await core(hazel).today.check_in(2)
    assert not await core(hazel).today.check_in_due()
    hazel.clock.jump(-5 * YEAR_MS)
    hazel.clock.move(8 * DAY_MS)
    assert await core(hazel).today.check_in_due()


async def test_help_is_offered_although_it_was_shown_under_a_wrong_date(hazel: OwnDesk) -> None:
    hazel.clock.jump(YEAR_MS)
    assert await core(hazel).care.offers_help("I cannot go on", ("cannot go on",))
    hazel.clock.jump(-YEAR_MS)
    assert await core(hazel).care.offers_help("I cannot go on", ("cannot go on",))


async def test_a_nudge_under_a_wrong_date_neither_stays_nor_stops_the_next(hazel: OwnDesk, group: str) -> None:
    hazel.wait(11 * DAY_MS)
    hazel.clock.jump(YEAR_MS)
    first, _ = await core(hazel).today.nudge()
    assert first is not None
    hazel.clock.jump(-YEAR_MS)
    second, is_new = await core(hazel).today.nudge()
    assert is_new
    assert second.id != first.id


# What is kept for a time


async def agreed(hazel: OwnDesk, jay: OwnDesk, group: str, days: int) -> None:
    await core(hazel).agreements.put_forward(Agreement(group=group, keep_days=days))
    await deliver(hazel, jay)
    for desk in (hazel, jay):
        desk.wait(DAY_MS)
    await core(hazel).chat.post(group, "Yesterday's words")
    await deliver(hazel, jay)


async def words(desk: OwnDesk, group: str) -> list[str]:
    return [one.text for one in await core(desk).chat.messages(group) if one.kind == "message"]


def on_disk(desk: OwnDesk, group: str) -> list[object]:
    return [doc["text"] for doc in desk.vault.store.tables[messages_table(group)].values() if doc["kind"] == "message"]


@pytest.mark.parametrize("is_restarted", [False, True])
async def test_a_clock_a_year_ahead_hides_words_and_brings_them_back(
    hazel: OwnDesk, jay: OwnDesk, group: str, is_restarted: bool
) -> None:
    await agreed(hazel, jay, group, 30)
    jay.clock.jump(YEAR_MS)
    for _ in range(30):
        if is_restarted:
            await reopened(jay)
        jay.clock.move(HOUR_MS)
        await core(jay).due.run()
        assert await words(jay, group) == []
    jay.clock.jump(-YEAR_MS)
    await core(jay).due.run()
    assert await words(jay, group) == ["Yesterday's words"]


async def test_hidden_words_are_neither_found_nor_shown_by_their_id(hazel: OwnDesk, jay: OwnDesk, group: str) -> None:
    await agreed(hazel, jay, group, 30)
    [id] = [one.id for one in await core(jay).chat.messages(group) if one.kind == "message"]
    jay.clock.jump(YEAR_MS)
    assert await core(jay).searching.find(Wanted(text="Yesterday")) == ()
    assert await core(jay).chat.message(group, id) is None
    assert id not in [one.id for one in (await core(jay).chat.around(group, 10, id)).messages]


async def test_what_was_over_while_the_app_was_closed_goes_at_the_second_sighting(
    hazel: OwnDesk, jay: OwnDesk, group: str
) -> None:
    await agreed(hazel, jay, group, 7)
    await jay.companion.lock()
    jay.wait(9 * DAY_MS)
    await reopened(jay)
    await core(jay).due.run()
    assert (await words(jay, group), on_disk(jay, group)) == ([], ["Yesterday's words"])
    for _ in range(2):
        await jay.companion.lock()
        jay.wait(DAY_MS)
        await reopened(jay)
    await core(jay).due.run()
    assert on_disk(jay, group) == []


async def test_a_time_to_keep_set_under_a_wrong_date_still_begins(hazel: OwnDesk, jay: OwnDesk, group: str) -> None:
    hazel.clock.jump(5 * YEAR_MS)
    await core(hazel).agreements.put_forward(Agreement(group=group, keep_days=7))
    hazel.clock.jump(-5 * YEAR_MS)
    await reopened(hazel)
    assert hazel.vault.store.tables[AGREEMENTS][group]["keep_since_ms"] == hazel.clock.now_ms()


async def test_a_clock_that_was_ahead_drops_no_key_package(hazel: OwnDesk, jay: OwnDesk, group: str) -> None:
    before = set(jay.vault.store.tables[PACKAGES])
    jay.clock.jump(YEAR_MS)
    await reopened(jay)
    await deliver(hazel, jay)
    assert before <= set(jay.vault.store.tables[PACKAGES])


async def test_a_line_asked_for_a_year_ahead_can_be_answered_for_thirty_days_from_now(hazel, jay, group) -> None:
    hazel.clock.move(YEAR_MS)
    made = await core(hazel).pairs.open(core(jay).me.person)
    hazel.clock.move(-YEAR_MS)
    await reopened(hazel)
    [invite] = [one for one in hazel.vault.store.tables["invites"].values() if one["group"] == made.id]
    now = hazel.clock.now_ms()
    assert (invite["since_ms"], invite["expires_ms"]) == (now, now + 30 * DAY_MS)
