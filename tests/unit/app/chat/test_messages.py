"""Replies, edits, deletions, reactions, and whose they are to make; long conversations."""

import pytest

from companion.app.chat.chatting import Ways
from companion.chat.agreement import DAY_MS
from companion.errors import MessageRejected, UsageError
from tests.fakes import Desk, deliver
from tests.unit.app.chat.talk import core, forge, only, pass_on, said


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
