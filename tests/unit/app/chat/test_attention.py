"""What was delivered and read, what is new, and when somebody is alerted."""

from dataclasses import replace

import pytest

from companion.app.chat.chatting import Ways
from companion.chat.agreement import Agreement
from tests.fakes import Desk, deliver
from tests.unit.app.chat.talk import HOUR_MS, core, forge, pass_on, said


async def test_one_receipt_says_delivered_and_there_is_only_one(hazel: Desk, jay: Desk, group: str) -> None:
    await pass_on(hazel, jay, group, "One")
    await pass_on(hazel, jay, group, "Two")
    before, end = len(hazel.relay.logs[group]), hazel.clock.now_ms() + 60_000
    while hazel.clock.now_ms() < end:  # each one runs the moment it is due, as the timer does
        due_ms = min(await core(hazel).due.next_ms(), await core(jay).due.next_ms(), end)
        hazel.clock.move(max(0, due_ms - hazel.clock.now_ms()))
        for desk in (jay, hazel):
            if await core(desk).due.next_ms() <= hazel.clock.now_ms():
                await core(desk).due.run()
        await deliver(hazel, jay)
    assert len(hazel.relay.logs[group]) == before + 1
    newest = (await said(hazel, group))[-1]
    assert (await core(hazel).attention.standing(group)).delivered >= newest.seq


@pytest.mark.parametrize(("agrees", "tells", "readers"), [(True, True, 1), (True, False, 0), (False, True, 0)])
async def test_what_was_read_is_told_only_if_group_and_reader_agree(
    hazel: Desk, jay: Desk, group: str, agrees: bool, tells: bool, readers: int
) -> None:
    if agrees:
        await core(hazel).agreements.put_forward(Agreement(group=group, is_read_shared=True))
    await pass_on(hazel, jay, group, "Read me")
    attention = core(jay).attention
    await attention.set_wishes(replace(await attention.wishes(group), tells_seen=tells))
    await attention.mark_seen(group)
    for _ in range(3):
        jay.clock.move(10_000)
        await core(jay).due.run()
        await deliver(jay, hazel)
    assert len((await core(hazel).attention.standing(group)).readers) == readers


async def test_a_receipt_that_nobody_agreed_to_is_not_kept(hazel: Desk, jay: Desk, group: str) -> None:
    await forge(jay, hazel, group, {"kind": "seen", "seq": 1})
    assert (await core(hazel).attention.standing(group)).readers == {}


async def test_catching_up_names_what_is_for_me(hazel: Desk, jay: Desk, group: str) -> None:
    me = core(hazel).me.person
    await core(jay).chat.post(group, "Hazel, did you get the second pair of hands?")
    await core(jay).chat.post(group, "Thank you @Hazel", Ways(mentions=(me,)))
    decided = await core(jay).chat.post(group, "We meet on Thursdays")
    await deliver(jay, hazel)
    await core(jay).chat.note_decision(group, decided.id)
    await deliver(jay, hazel)
    [since] = await core(hazel).attention.since()
    assert since.news.unread == 4
    assert [one.text for one in since.questions] == ["Hazel, did you get the second pair of hands?"]
    assert [one.text for one in since.mentions] == ["Thank you @Hazel"]
    assert [one.text for one in since.decisions] == ["We meet on Thursdays"]
    await core(hazel).attention.mark_seen(group)
    assert await core(hazel).attention.since() == ()


async def test_what_comes_after_it_was_seen_is_new(hazel: Desk, jay: Desk, group: str) -> None:
    await pass_on(jay, hazel, group, "One")
    await core(hazel).attention.mark_all_seen()
    await pass_on(jay, hazel, group, "Two")
    assert (await core(hazel).attention.news(group)).unread == 1


async def test_one_alert_for_a_burst_and_none_in_quiet_hours(hazel: Desk, jay: Desk, group: str) -> None:
    attention = core(hazel).attention
    for text in ("One", "Two"):
        await pass_on(jay, hazel, group, text)
    alert = await attention.alert()
    assert alert is not None
    assert alert.level == "new"
    assert await attention.alert() is None
    await pass_on(jay, hazel, group, "Three")
    assert await attention.alert() is None
    hazel.clock.move(HOUR_MS)
    await attention.set_in_clinic(HOUR_MS)
    assert await attention.alert() is None
    hazel.clock.move(HOUR_MS)
    assert await attention.alert() is not None


@pytest.mark.parametrize(("minute", "is_heard"), [(10 * 60, True), (23 * 60, False), (6 * 60, False), (7 * 60, True)])
async def test_quiet_hours_go_over_midnight(hazel: Desk, jay: Desk, group: str, minute: int, is_heard: bool) -> None:
    await pass_on(jay, hazel, group, "One")
    hazel.clock.minute = minute
    assert (await core(hazel).attention.alert() is not None) is is_heard


async def test_a_silent_message_a_muted_group_and_mentions_only(hazel: Desk, jay: Desk, group: str) -> None:
    attention, me = core(hazel).attention, core(hazel).me.person
    await pass_on(jay, hazel, group, "Shh", Ways(is_silent=True, mentions=(me,)))
    assert await attention.alert() is None
    await attention.set_wishes(replace(await attention.wishes(group), is_mentions_only=True))
    await pass_on(jay, hazel, group, "To all")
    assert await attention.alert() is None
    await attention.mute(group, HOUR_MS)
    await pass_on(jay, hazel, group, "To you", Ways(mentions=(me,)))
    assert await attention.alert() is None
    hazel.clock.move(HOUR_MS)
    assert await attention.alert() is not None


async def test_in_clinic_holds_nudges_back_too(hazel: Desk, jay: Desk, group: str) -> None:
    today = core(hazel).today
    await core(hazel).attention.set_in_clinic(HOUR_MS)
    assert await today.nudge() == (None, False)
    await core(hazel).attention.set_in_clinic(0)
    nudge, is_new = await today.nudge()
    assert nudge is not None
    assert is_new


async def test_quiet_hours_and_what_i_want_of_a_group_hold_on_all_my_devices(
    hazel: Desk, jay: Desk, group: str
) -> None:
    tablet = await Desk("Hazel Ford", hazel.relay).set_up()
    code = await core(hazel).devices.offer()
    await core(tablet).devices.link(code.code, "Tablet")
    await deliver(hazel, tablet, jay, rounds=8)
    assert core(tablet).me.person == core(hazel).me.person
    await core(hazel).attention.set_in_clinic(HOUR_MS)
    await core(tablet).attention.mute(group, HOUR_MS)
    await deliver(hazel, tablet)
    assert await core(tablet).attention.is_in_clinic()
    assert (await core(hazel).attention.wishes(group)).muted_until_ms > 0
    assert not await core(jay).attention.is_in_clinic()
