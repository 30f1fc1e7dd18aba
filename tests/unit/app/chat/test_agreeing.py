"""What a group agrees, and asking those who look after it for help."""

import pytest

from companion.chat.agreement import DAY_MS, Agreement
from companion.chat.message import messages_table
from companion.errors import MessageRejected, UsageError
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
