"""What a group agrees, and asking those who look after it for help."""

from typing import Any

import pytest

from companion.chat.agreement import AGREEMENTS, DAY_MS, PURPOSE_LIMIT, RULE_LIMIT, RULES_LIMIT, Agreement
from companion.chat.message import messages_table
from companion.chat.reports import NOTE_LIMIT, QUOTE_LIMIT
from companion.errors import MessageRejected, UsageError
from companion.outgoing import TABLE as OUTBOX
from tests.fakes import Desk, deliver
from tests.unit.app.chat.talk import core, forge, make_six, only, pass_on, said


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


FULL: dict[str, Any] = {"purpose": "p" * PURPOSE_LIMIT, "rules": ("r" * RULE_LIMIT,) * RULES_LIMIT, "keep_days": 90}
BEYOND: tuple[dict[str, Any], ...] = (
    {"purpose": "p" * (PURPOSE_LIMIT + 1)},
    {"rules": ("r",) * (RULES_LIMIT + 1)},
    {"rules": ("r" * (RULE_LIMIT + 1),)},
    {"rules": ("Listen", "")},
    {"keep_days": 8},
)


def commits(desk: Desk) -> int:
    return sum(call[0] == "commit" for call in desk.calls)


def waiting(desk: Desk) -> int:
    """How many envelopes wait to go."""
    return len(desk.vault.store.tables.get(OUTBOX, {}))


async def test_the_longest_agreement_arrives_whole(hazel: Desk, jay: Desk, group: str) -> None:
    await core(hazel).agreements.put_forward(Agreement(group=group, **FULL))
    await deliver(hazel, jay)
    known = await core(jay).agreements.agreement(group)
    assert {name: getattr(known, name) for name in FULL} == FULL


@pytest.mark.parametrize("beyond", BEYOND, ids=("purpose", "rules", "rule", "empty-rule", "days"))
async def test_what_the_others_would_reject_or_cut_is_not_put_forward(
    hazel: Desk, group: str, beyond: dict[str, Any]
) -> None:
    with pytest.raises(UsageError):
        await core(hazel).agreements.put_forward(Agreement(group=group, **beyond))
    assert (await core(hazel).agreements.agreement(group)).version == 0


async def test_words_are_cleaned_before_they_are_put_forward(hazel: Desk, group: str) -> None:
    await core(hazel).agreements.put_forward(Agreement(group=group, purpose="Talk \ud83d", rules=("Listen\nwell",)))
    known = await core(hazel).agreements.agreement(group)
    assert (known.purpose, known.rules) == ("Talk \ufffd", ("Listen well",))


async def test_the_same_agreement_put_forward_again_is_no_new_version(hazel: Desk, group: str) -> None:
    wanted = Agreement(group=group, purpose="First-year leads")
    await core(hazel).agreements.put_forward(wanted)
    before = waiting(hazel)
    await core(hazel).agreements.put_forward(wanted)
    assert waiting(hazel) == before
    assert (await core(hazel).agreements.agreement(group)).version == 1


async def test_only_other_words_ask_for_another_yes(hazel: Desk, jay: Desk, group: str) -> None:
    me, other = core(hazel).me.person, core(jay).me.person
    await core(hazel).agreements.put_forward(Agreement(group=group, purpose="One"))
    await deliver(hazel, jay)
    await core(jay).agreements.agree(group)
    await deliver(hazel, jay)
    await core(hazel).agreements.put_forward(Agreement(group=group, purpose="One", keep_days=30))
    assert (await core(hazel).agreements.agreement(group)).agreed == (me, other)
    await core(hazel).agreements.put_forward(Agreement(group=group, purpose="Two", keep_days=30))
    known = await core(hazel).agreements.agreement(group)
    assert (known.version, known.agreed) == (3, (me,))


async def test_a_line_of_a_new_agreement_waits_until_the_service_has_it(hazel: Desk, jay: Desk, group: str) -> None:
    await core(hazel).agreements.put_forward(Agreement(group=group, purpose="One"))
    [told] = [one for one in await core(hazel).chat.messages(group) if one.kind == "rules"]
    assert (told.state, told.name, told.sent_ms) == ("waiting", "Hazel Ford", 0)
    await deliver(hazel, jay)
    [told] = [one for one in await core(hazel).chat.messages(group) if one.kind == "rules"]
    assert told.state == "sent"


async def test_a_yes_is_sent_once_and_not_to_nothing(hazel: Desk, jay: Desk, group: str) -> None:
    await core(jay).agreements.agree(group)
    assert waiting(jay) == 0
    await core(hazel).agreements.put_forward(Agreement(group=group, purpose="One"))
    await deliver(hazel, jay)
    await core(jay).agreements.agree(group)
    await core(jay).agreements.agree(group)
    assert waiting(jay) == 1


async def test_who_joins_is_told_once_and_by_a_facilitator_alone(hazel: Desk, jay: Desk, group: str) -> None:
    await core(hazel).agreements.put_forward(Agreement(group=group, purpose="One"))
    await deliver(hazel, jay)
    for desk in (hazel, jay, hazel, jay):
        await core(desk).agreements.tell_newcomers()
        await deliver(hazel, jay)
    wren = await Desk("Wren", hazel.relay).set_up()
    invite = await core(hazel).groups.invite(group)
    await core(wren).groups.join(await core(wren).groups.look_at(invite.code.code))
    await deliver(hazel, jay, wren)
    told = []
    for desk in (jay, wren, hazel, hazel):
        before = waiting(desk)
        await core(desk).agreements.tell_newcomers()
        told.append(waiting(desk) - before)
    assert told == [0, 0, 1, 0]
    before = commits(hazel)
    await core(hazel).agreements.tell_newcomers()
    assert commits(hazel) == before
    for desk in (hazel, jay):
        assert desk.vault.store.tables[AGREEMENTS][group]["told"] == 3


async def test_nobody_is_told_what_holds_when_somebody_has_left(hazel: Desk, jay: Desk, group: str) -> None:
    await core(hazel).agreements.put_forward(Agreement(group=group, purpose="One"))
    await core(hazel).agreements.tell_newcomers()
    await deliver(hazel, jay)
    await core(jay).groups.leave(group)
    await deliver(jay, hazel, jay)
    before = waiting(hazel)
    await core(hazel).agreements.tell_newcomers()
    assert waiting(hazel) == before
    assert hazel.vault.store.tables[AGREEMENTS][group]["told"] == 1


async def test_a_group_that_agreed_nothing_tells_nobody_anything(hazel: Desk, group: str) -> None:
    await deliver(hazel)
    before = commits(hazel)
    await core(hazel).agreements.tell_newcomers()
    assert (waiting(hazel), commits(hazel)) == (0, before)


async def test_a_group_that_was_left_is_not_told(hazel: Desk, jay: Desk, group: str) -> None:
    await core(hazel).agreements.put_forward(Agreement(group=group, purpose="One"))
    await deliver(hazel, jay)
    await core(jay).groups.leave(group)
    before = commits(jay)
    await core(jay).agreements.tell_newcomers()
    assert commits(jay) == before


async def test_what_is_passed_on_with_a_report_is_cut_to_what_the_others_take(
    hazel: Desk, jay: Desk, group: str
) -> None:
    await core(jay).agreements.report(group, "worry", quote="q" * (QUOTE_LIMIT + 1), note="n" * (NOTE_LIMIT + 1))
    await deliver(jay, hazel)
    [asked] = await core(hazel).agreements.reports()
    assert (len(asked.quote), len(asked.note), asked.reason) == (QUOTE_LIMIT, NOTE_LIMIT, "worry")
    assert not asked.is_mine


async def test_reports_stand_newest_first(hazel: Desk, jay: Desk, group: str) -> None:
    for note in ("First", "Second", "Third"):
        await core(jay).agreements.report(group, "worry", note=note)
        await deliver(jay, hazel)
        jay.clock.move(1_000)
    for desk in (jay, hazel):
        assert [one.note for one in await core(desk).agreements.reports()] == ["Third", "Second", "First"]


@pytest.mark.parametrize("answer", ["", "  \n", "a" * (NOTE_LIMIT + 1)], ids=["none", "blank", "too-long"])
async def test_an_answer_that_would_not_be_taken_is_not_sent(hazel: Desk, jay: Desk, group: str, answer: str) -> None:
    await core(jay).agreements.report(group, "worry", note="Please look")
    await deliver(jay, hazel)
    [asked] = await core(hazel).agreements.reports()
    with pytest.raises(UsageError):
        await core(hazel).agreements.answer(asked.id, answer)
    assert (await core(hazel).agreements.reports())[0].answer == ""


async def test_the_longest_answer_arrives(hazel: Desk, jay: Desk, group: str) -> None:
    await core(jay).agreements.report(group, "worry", note="Please look")
    await deliver(jay, hazel)
    [asked] = await core(hazel).agreements.reports()
    await core(hazel).agreements.answer(asked.id, "a" * NOTE_LIMIT)
    await deliver(hazel, jay)
    [mine] = await core(jay).agreements.reports()
    assert mine.answer == "a" * NOTE_LIMIT
    [kept] = await core(hazel).agreements.reports()
    assert (kept.answer, kept.answered_by) == ("a" * NOTE_LIMIT, "Hazel Ford")


async def test_nobody_answers_a_report_of_their_own_or_none(hazel: Desk, jay: Desk, group: str) -> None:
    await core(jay).agreements.report(group, "worry", note="Please look")
    [mine] = await core(jay).agreements.reports()
    await core(hazel).groups.set_administrators(group, (core(hazel).me.person, core(jay).me.person))
    await deliver(hazel, jay, hazel)
    for id in (mine.id, "00" * 16):
        with pytest.raises(UsageError):
            await core(jay).agreements.answer(id, "All is well")


async def test_who_is_not_in_the_group_asks_nobody_for_help(hazel: Desk, jay: Desk, group: str) -> None:
    await core(jay).groups.leave(group)
    for where in (group, "00" * 16):
        with pytest.raises(UsageError):
            await core(jay).agreements.report(where, "worry", note="Please look")
    assert await core(jay).agreements.reports() == ()


async def test_who_has_left_gets_no_answer(hazel: Desk, jay: Desk, group: str) -> None:
    await core(jay).agreements.report(group, "worry", note="Please look")
    await deliver(jay, hazel)
    [asked] = await core(hazel).agreements.reports()
    await core(jay).groups.leave(group)
    await deliver(jay, hazel, jay)
    with pytest.raises(UsageError):
        await core(hazel).agreements.answer(asked.id, "All is well")
    assert (await core(hazel).agreements.reports())[0].answer == ""
