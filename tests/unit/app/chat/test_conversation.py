"""Two or more cores on one fake relay: what one says, the others have, and nothing that was not theirs to say."""

from dataclasses import replace
from typing import Any

import pytest

from companion.app import Opened
from companion.app.chat.chatting import UNDO_MS, Ways
from companion.app.chat.receiving import Receiving
from companion.chat.agreement import DAY_MS, Agreement
from companion.chat.message import Message, messages_table
from companion.chat.polls import results
from companion.errors import MessageRejected, StoreError, UsageError
from tests.fakes import Desk, deliver, make_pair

HOUR_MS = 3_600_000


def core(desk: Desk) -> Opened:
    assert desk.companion.opened is not None
    return desk.companion.opened


@pytest.fixture
async def hazel() -> Desk:
    return await Desk("Hazel Ford").set_up("practice_manager")


@pytest.fixture
async def jay(hazel: Desk) -> Desk:
    return await Desk("Jay Thistle", hazel.relay).set_up("gp")


@pytest.fixture
async def group(hazel: Desk, jay: Desk) -> str:
    return await make_pair(hazel, jay)


async def said(desk: Desk, group: str) -> list[Message]:
    return [one for one in await core(desk).chat.messages(group) if one.kind in ("message", "poll", "decision")]


async def only(desk: Desk, group: str) -> Message:
    [one] = await said(desk, group)
    return one


async def pass_on(hazel: Desk, jay: Desk, group: str, text: str, ways: Ways | None = None) -> Message:
    """Hazel says something and Jay has it; return Jay's copy."""
    await core(hazel).chat.post(group, text, ways)
    await deliver(hazel, jay)
    return (await said(jay, group))[-1]


# Holding and taking back


async def test_a_held_message_can_be_taken_back_and_nobody_ever_had_it(hazel: Desk, jay: Desk, group: str) -> None:
    held = await core(hazel).chat.post(group, "Too soon", Ways(hold_ms=UNDO_MS))
    await core(hazel).due.run()
    await deliver(hazel, jay)
    assert (held.state, await said(jay, group)) == ("held", [])
    assert await core(hazel).chat.undo(held.id) == "Too soon"
    hazel.clock.move(UNDO_MS)
    await core(hazel).due.run()
    await deliver(hazel, jay)
    assert await said(jay, group) == await said(hazel, group) == []
    assert await core(hazel).chat.draft_of(group) == "Too soon"


async def test_a_held_message_goes_when_it_is_due_also_after_a_restart(hazel: Desk, jay: Desk, group: str) -> None:
    await core(hazel).chat.post(group, "In a moment", Ways(hold_ms=UNDO_MS))
    assert await core(hazel).due.next_ms() <= hazel.clock.now_ms() + UNDO_MS
    await hazel.companion.lock()
    hazel.clock.move(UNDO_MS)
    await hazel.companion.unlock(passphrase="green chair by the window")
    await core(hazel).due.run()
    await deliver(hazel, jay)
    assert (await only(jay, group)).text == "In a moment"
    assert (await only(hazel, group)).state == "sent"


async def test_what_has_gone_cannot_be_taken_back(hazel: Desk, group: str) -> None:
    message = await core(hazel).chat.post(group, "Gone")
    assert await core(hazel).chat.undo(message.id) is None


async def test_send_later_waits_for_its_time(hazel: Desk, jay: Desk, group: str) -> None:
    later = hazel.clock.now_ms() + HOUR_MS
    await core(hazel).chat.post(group, "Tomorrow", Ways(hold_ms=UNDO_MS, due_ms=later))
    hazel.clock.move(HOUR_MS - 1)
    await core(hazel).due.run()
    await deliver(hazel, jay)
    assert await said(jay, group) == []
    hazel.clock.move(1)
    await core(hazel).due.run()
    await deliver(hazel, jay)
    assert (await only(jay, group)).text == "Tomorrow"


async def test_a_full_disk_keeps_the_words_in_the_composer(hazel: Desk, group: str) -> None:
    core(hazel).chat.draft(group, "Keep me")
    hazel.vault.store.fails = True
    with pytest.raises(StoreError):
        await core(hazel).chat.post(group, "Keep me")
    assert core(hazel).chat.draft_now(group) == "Keep me"


# Replies, edits, deletions, reactions


async def test_reply_topic_and_mention_arrive(hazel: Desk, jay: Desk, group: str) -> None:
    first = await pass_on(hazel, jay, group, "Who has a spare hour?")
    me = core(hazel).me.person
    await core(jay).chat.post(group, "I do", Ways(reply_to=first.id, topic=" Winter   rota ", mentions=(me,)))
    await deliver(jay, hazel)
    answer = (await said(hazel, group))[-1]
    assert (answer.reply_to, answer.topic, answer.mentions) == (first.id, "Winter rota", (me,))
    assert await core(hazel).attention.topics(group) == await core(jay).attention.topics(group) == ("Winter rota",)


async def test_an_edit_shows_that_it_was_edited(hazel: Desk, jay: Desk, group: str) -> None:
    message = await pass_on(hazel, jay, group, "Tuesday")
    await core(hazel).chat.edit(group, message.id, "Thursday")
    await deliver(hazel, jay)
    for desk in (hazel, jay):
        shown = await only(desk, group)
        assert (shown.text, shown.edited_ms > 0) == ("Thursday", True)


async def test_nobody_edits_or_deletes_for_somebody_else(hazel: Desk, jay: Desk, group: str) -> None:
    message = await pass_on(hazel, jay, group, "Mine")
    for act in (core(jay).chat.edit(group, message.id, "Yours"), core(jay).chat.delete(group, message.id)):
        with pytest.raises(UsageError):
            await act
    for content in ({"kind": "edit", "id": message.id, "text": "Yours"}, {"kind": "delete", "id": message.id}):
        await forge(jay, hazel, group, content)
    assert (await only(hazel, group)).text == "Mine"


async def test_a_message_is_deleted_for_everyone_for_a_day(hazel: Desk, jay: Desk, group: str) -> None:
    message = await pass_on(hazel, jay, group, "Wrong group")
    hazel.clock.move(DAY_MS)
    await core(hazel).chat.delete(group, message.id)
    await deliver(hazel, jay)
    for desk in (hazel, jay):
        shown = await only(desk, group)
        assert (shown.text, shown.is_deleted) == ("", True)


async def test_after_a_day_it_stays(hazel: Desk, jay: Desk, group: str) -> None:
    message = await pass_on(hazel, jay, group, "Said is said")
    hazel.clock.move(DAY_MS + 1)
    with pytest.raises(UsageError):
        await core(hazel).chat.delete(group, message.id)
    await forge(hazel, jay, group, {"kind": "delete", "id": message.id})
    assert (await only(jay, group)).text == "Said is said"


async def test_each_person_has_each_reaction_once(hazel: Desk, jay: Desk, group: str) -> None:
    message = await pass_on(hazel, jay, group, "We did it")
    for desk in (hazel, jay, jay):
        await core(desk).chat.react(group, message.id, "🎉", True)
    await deliver(hazel, jay)
    people = {core(hazel).me.person, core(jay).me.person}
    for desk in (hazel, jay):
        shown = (await only(desk, group)).reactions
        assert len(shown) == 2
        assert {one.person for one in shown} == people
    await core(jay).chat.react(group, message.id, "🎉", False)
    await deliver(jay, hazel)
    assert [one.person for one in (await only(hazel, group)).reactions] == [core(hazel).me.person]


async def test_words_are_no_reaction(hazel: Desk, jay: Desk, group: str) -> None:
    message = await pass_on(hazel, jay, group, "Hello")
    with pytest.raises(MessageRejected):
        await forge(jay, hazel, group, {"kind": "react", "id": message.id, "emoji": "no", "on": True})


async def test_an_id_is_used_once(hazel: Desk, jay: Desk, group: str) -> None:
    message = await pass_on(hazel, jay, group, "Mine")
    with pytest.raises(MessageRejected):
        await forge(jay, hazel, group, {"kind": "message", "id": message.id, "text": "Yours", "at_ms": 1})


async def test_unknown_content_is_left_alone(hazel: Desk, jay: Desk, group: str) -> None:
    await forge(jay, hazel, group, {"kind": "hologram", "id": 7})
    assert await said(hazel, group) == []


async def forge(sender: Desk, reader: Desk, group: str, content: dict[str, Any]) -> None:
    """Content as a changed app of a member could send it, at the relay's time now."""
    known = await core(reader).groups.group(group)
    assert known is not None
    seat = known.seat(core(sender).me.person)
    assert seat is not None
    context = core(reader)._context
    at_ms = reader.clock.now_ms()
    await context.commit(await Receiving(context).take_in(known, seat, content, seq=known.cursor + 1, at_ms=at_ms))


# Delivered


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


# Catching up


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


# Polls


async def test_an_open_poll_shows_results_to_those_who_answered(hazel: Desk, jay: Desk, group: str) -> None:
    poll = await core(hazel).polls.ask(group, "Tuesday?", ("Yes", "No"), is_secret=False)
    await deliver(hazel, jay)
    names = {core(jay).me.person: "Jay"}
    now = hazel.clock.now_ms()
    shown = (await only(hazel, group)).poll
    assert shown is not None
    assert results(shown, names, now).counts is None
    for desk, option in ((hazel, 0), (jay, 1), (jay, 0)):
        await core(desk).polls.vote(group, poll.id, option)
    await deliver(hazel, jay)
    shown = (await only(hazel, group)).poll
    assert shown is not None
    assert results(shown, names, now).counts == (2, 0)
    assert results(shown, names, now).names[0] == ("Jay",)
    await core(hazel).polls.close(group, poll.id)
    await deliver(hazel, jay)
    with pytest.raises(UsageError):
        await core(jay).polls.vote(group, poll.id, 1)


async def make_six(hazel: Desk, jay: Desk) -> tuple[str, list[Desk]]:
    group = await make_pair(hazel, jay, "Six")
    desks = [hazel, jay]
    for name in ("Wren", "Sorrel", "Ivy", "Rowan"):
        desk = await Desk(name, hazel.relay).set_up()
        invite = await core(hazel).groups.invite(group)
        await core(desk).groups.join(await core(desk).groups.look_at(invite.code.code))
        desks.append(desk)
        await deliver(*desks)
    return group, desks


@pytest.mark.parametrize(("voters", "reason", "counts"), [(5, "", (5, 0)), (4, "few", None)])
async def test_a_secret_poll_tells_numbers_when_it_closes_and_not_under_five(
    hazel: Desk, jay: Desk, voters: int, reason: str, counts: tuple[int, ...] | None
) -> None:
    group, desks = await make_six(hazel, jay)
    closes = hazel.clock.now_ms() + HOUR_MS
    poll = await core(hazel).polls.ask(group, "Are you well?", ("Yes", "No"), is_secret=True, closes_ms=closes)
    await deliver(*desks)
    for desk in desks[:voters]:
        await core(desk).polls.vote(group, poll.id, 0)
    await deliver(*desks)
    person = core(jay).me.person
    for desk in (hazel, *desks[2:]):
        kept = (await only(desk, group)).poll
        assert kept is not None
        assert results(kept, {}, hazel.clock.now_ms()).reason == "secret"
        if desk is not hazel:
            assert person not in str(kept)
    hazel.clock.move(HOUR_MS)
    assert await core(hazel).due.next_ms() <= hazel.clock.now_ms()
    await core(hazel).due.run()
    await deliver(*desks)
    for desk in desks:
        kept = (await only(desk, group)).poll
        assert kept is not None
        told = results(kept, {}, hazel.clock.now_ms())
        assert (told.reason, told.counts, told.is_closed) == (reason, counts, True)


async def test_only_who_asked_closes(hazel: Desk, jay: Desk, group: str) -> None:
    poll = await core(hazel).polls.ask(group, "Tuesday?", ("Yes", "No"), is_secret=False)
    await deliver(hazel, jay)
    with pytest.raises(UsageError):
        await core(jay).polls.close(group, poll.id)
    await forge(jay, hazel, group, {"kind": "close", "id": poll.id})
    assert (await only(hazel, group)).poll["is_closed"] is False


# What a group agrees


async def test_rules_are_put_forward_agreed_and_told_to_who_joins_later(hazel: Desk, jay: Desk, group: str) -> None:
    wanted = Agreement(group=group, purpose="First-year leads", rules=("What is said here stays here.",))
    await core(hazel).agreements.put_forward(wanted)
    await deliver(hazel, jay)
    await core(jay).agreements.agree(group)
    await deliver(hazel, jay)
    for desk in (hazel, jay):
        known = await core(desk).agreements.agreement(group)
        assert (known.version, known.purpose, len(known.agreed)) == (1, "First-year leads", 2)
        kinds = [one.kind for one in await core(desk).chat.messages(group)]
        assert kinds.count("rules") == 1
    wren = await Desk("Wren", hazel.relay).set_up()
    invite = await core(hazel).groups.invite(group)
    await core(wren).groups.join(await core(wren).groups.look_at(invite.code.code))
    await deliver(hazel, jay, wren)
    await core(hazel).due.run()
    await deliver(hazel, jay, wren)
    known = await core(wren).agreements.agreement(group)
    assert (known.purpose, known.rules) == ("First-year leads", ("What is said here stays here.",))


async def test_only_a_facilitator_puts_rules_forward(hazel: Desk, jay: Desk, group: str) -> None:
    with pytest.raises(UsageError):
        await core(jay).agreements.put_forward(Agreement(group=group, purpose="Mine"))
    forged = {"kind": "agreement", "id": "ab" * 16, "version": 9, "keep_days": 7}
    with pytest.raises(MessageRejected):
        await forge(jay, hazel, group, forged)
    assert (await core(hazel).agreements.agreement(group)).version == 0


async def test_a_keep_for_time_removes_old_messages_everywhere_after_a_day(hazel: Desk, jay: Desk, group: str) -> None:
    await pass_on(hazel, jay, group, "Old")
    hazel.clock.move(8 * DAY_MS)
    await core(hazel).agreements.put_forward(Agreement(group=group, keep_days=7))
    await deliver(hazel, jay)
    for desk in (hazel, jay):
        await core(desk).agreements.expire()
        assert (await only(desk, group)).text == "Old"
        assert [one.kind for one in await core(desk).chat.messages(group)][-1] == "keep"
    hazel.clock.move(DAY_MS)
    for desk in (hazel, jay):
        await core(desk).agreements.expire()
        assert await said(desk, group) == []
        assert ("purged", messages_table(group)) in desk.calls


# Asking for help


async def test_a_report_reaches_facilitators_alone_and_its_outcome_the_reporter(hazel: Desk, jay: Desk) -> None:
    group, desks = await make_six(hazel, jay)
    wren, ivy = desks[2], desks[4]
    about = core(ivy).me.person
    asked = await core(wren).agreements.report(group, "report", about=about, quote="Unkind words", note="Please look")
    await deliver(*desks)
    assert asked == 1
    assert [len(await core(desk).agreements.reports()) for desk in desks] == [1, 0, 1, 0, 0, 0]
    [report] = await core(hazel).agreements.reports()
    assert (report.quote, report.note, report.by_name) == ("Unkind words", "Please look", "Wren")
    await core(hazel).agreements.answer(report.id, "We have talked with them.")
    await deliver(*desks)
    [mine] = await core(wren).agreements.reports()
    assert (mine.answer, mine.answered_by) == ("We have talked with them.", "Hazel Ford")


async def test_nobody_is_asked_about_themselves(hazel: Desk, jay: Desk, group: str) -> None:
    with pytest.raises(UsageError):
        await core(jay).agreements.report(group, "report", about=core(hazel).me.person, quote="Hm")


# Long conversations


async def test_stretches_go_both_ways_and_meet_without_gap(hazel: Desk, jay: Desk, group: str) -> None:
    for number in range(50):
        await core(hazel).chat.post(group, f"{number}", Ways(topic="Odd" if number % 2 else ""))
    await deliver(hazel, jay)
    chat = core(jay).chat
    newest = await chat.newest(group, 10)
    assert [one.text for one in newest.messages] == [str(n) for n in range(40, 50)]
    assert (newest.has_older, newest.has_newer) == (True, False)
    older = await chat.older(group, 10, newest.messages[0].id)
    assert [one.text for one in older.messages] == [str(n) for n in range(30, 40)]
    back = await chat.newer(group, 15, older.messages[-1].id)
    assert [one.text for one in back.messages] == [str(n) for n in range(40, 50)]
    assert not back.has_newer
    there = await chat.around(group, 10, older.messages[0].id)
    assert [one.text for one in there.messages] == [str(n) for n in range(27, 41)]
    odd = await chat.newest(group, 10, "Odd")
    assert [one.text for one in odd.messages] == [str(n) for n in range(31, 51, 2)]
    older_odd = await chat.older(group, 100, odd.messages[0].id, "Odd")
    assert [one.text for one in older_odd.messages] == [str(n) for n in range(1, 31, 2)]
    assert not older_odd.has_older


async def test_in_clinic_holds_nudges_back_too(hazel: Desk, jay: Desk, group: str) -> None:
    today = core(hazel).today
    await core(hazel).attention.set_in_clinic(HOUR_MS)
    assert await today.nudge() == (None, False)
    await core(hazel).attention.set_in_clinic(0)
    nudge, is_new = await today.nudge()
    assert nudge is not None
    assert is_new


# All my devices


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


async def test_my_words_on_one_device_are_mine_on_the_other_and_not_news(hazel: Desk, jay: Desk, group: str) -> None:
    tablet = await Desk("Hazel Ford", hazel.relay).set_up()
    code = await core(hazel).devices.offer()
    await core(tablet).devices.link(code.code, "Tablet")
    await deliver(hazel, tablet, jay, rounds=8)
    await core(hazel).chat.post(group, "From my phone")
    await deliver(hazel, tablet, jay)
    shown = (await said(tablet, group))[-1]
    assert (shown.text, shown.state, shown.author) == ("From my phone", "sent", core(tablet).me.person)
    assert (await core(tablet).attention.news(group)).unread == 0
    await core(tablet).chat.edit(group, shown.id, "From both")
    await deliver(tablet, hazel, jay)
    assert [(await said(desk, group))[-1].text for desk in (hazel, tablet, jay)] == ["From both"] * 3
