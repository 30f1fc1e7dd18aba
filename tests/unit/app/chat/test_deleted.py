"""Deleted for everyone means gone from everything that was made of it, on every device, in whatever order it comes."""

import json

import pytest

from companion.app.chat.chatting import Ways
from companion.app.chat.keeping import is_over
from companion.app.chat.letting_go import let_go, local_of
from companion.chat.agreement import DAY_MS, Agreement
from companion.chat.message import Message
from companion.chat.standing import KEPT_MARKS, Gone, Seen, Standing, note_deleted
from tests.fakes import Desk, deliver, make_pair

WORDS = "zanzibar"


@pytest.fixture
async def pair():
    ann = await Desk("Ann Lee").set_up()
    ben = await Desk("Ben Okri", ann.relay).set_up()
    return ann, ben, await make_pair(ann, ben)


def core(desk):
    return desk.companion.opened


async def say(ann, ben, group, text=f"Ben, is {WORDS} the word?", **ways):
    said = await core(ann).chat.post(group, text, Ways(**ways))
    await deliver(ann, ben)
    return said


async def delete(ann, ben, group, said):
    await core(ann).chat.delete(group, said.id)
    await deliver(ann, ben)


def holds(desk, word=WORDS):
    """Whether a document that is shown or searched has the word; reports and sealed envelopes are apart."""
    tables = {name: docs for name, docs in desk.vault.store.tables.items() if name not in ("reports", "outbox")}
    return word in json.dumps(tables, ensure_ascii=False)


async def test_a_decision_that_quoted_it_keeps_no_word_on_any_device(pair):
    ann, ben, group = pair
    said = await say(ann, ben, group)
    await core(ben).chat.note_decision(group, said.id)
    await deliver(ben, ann)
    await delete(ann, ben, group, said)
    assert not holds(ann)
    assert not holds(ben)
    (line,) = [one for one in await core(ann).chat.messages(group) if one.kind == "decision"]
    assert line.is_deleted


async def test_a_decision_that_comes_after_the_deletion_brings_no_word(pair):
    ann, ben, group = pair
    said = await say(ann, ben, group)
    await core(ben).chat.note_decision(group, said.id)  # still in Ben's outbox
    await core(ann).chat.delete(group, said.id)
    await deliver(ann, ben)
    assert not holds(ann)
    assert not holds(ben)


async def test_who_gets_all_of_it_at_once_keeps_no_word(pair):
    """The message, the decision and the deletion are one commit there."""
    ann, ben, group = pair
    cay = await Desk("Cay Moss", ann.relay).set_up("other")
    invite = await core(ann).groups.invite(group)
    await core(cay).groups.join(await core(cay).groups.look_at(invite.code.code))
    await deliver(cay, ann, ben)
    said = await say(ann, ben, group, topic=WORDS)
    await core(ben).chat.note_decision(group, said.id)
    await deliver(ben, ann)
    await delete(ann, ben, group, said)
    await deliver(cay)
    assert not holds(cay)
    assert (await core(cay).attention.news(group)).unread == 0


async def test_other_decisions_stay(pair):
    ann, ben, group = pair
    said, other = await say(ann, ben, group), await say(ann, ben, group, "We meet on Tuesday")
    await core(ben).chat.note_decision(group, other.id)
    await deliver(ben, ann)
    await delete(ann, ben, group, said)
    (line,) = [one for one in await core(ann).chat.messages(group) if one.kind == "decision"]
    assert line.text == "We meet on Tuesday"


async def test_it_is_counted_no_more_and_is_for_nobody(pair):
    ann, ben, group = pair
    said = await say(ann, ben, group)
    assert (await core(ben).attention.news(group)).questions == (said.id,)
    await delete(ann, ben, group, said)
    news = await core(ben).attention.news(group)
    assert (news.unread, news.questions, news.mentions) == (0, (), ())
    assert await core(ben).attention.since() == ()


async def test_a_decision_without_words_is_counted_no_more(pair):
    ann, ben, group = pair
    said = await say(ben, ann, group, "Plain words")
    await core(ann).attention.mark_seen(group)
    await core(ben).chat.note_decision(group, said.id)
    await deliver(ben, ann)
    assert len((await core(ann).attention.news(group)).decisions) == 1
    await delete(ben, ann, group, said)
    news = await core(ann).attention.news(group)
    assert (news.unread, news.decisions) == (0, ())


async def test_what_comes_after_is_still_counted_whether_the_deleted_one_was_seen_or_not(pair):
    ann, ben, group = pair
    seen = await say(ann, ben, group, "One")
    await core(ben).attention.mark_seen(group)
    unseen = await say(ann, ben, group, "Two")
    await delete(ann, ben, group, seen)
    assert (await core(ben).attention.news(group)).unread == 1
    await delete(ann, ben, group, unseen)
    assert (await core(ben).attention.news(group)).unread == 0
    await say(ann, ben, group, "Three")
    assert (await core(ben).attention.news(group)).unread == 1
    await core(ben).attention.mark_seen(group)
    assert (await core(ben).attention.news(group)).unread == 0


async def test_answers_to_it_and_other_decisions_are_still_counted(pair):
    ann, ben, group = pair
    said, other = await say(ben, ann, group, "One"), await say(ben, ann, group, "Two")
    await core(ann).attention.mark_seen(group)
    await core(ben).chat.note_decision(group, other.id)
    await say(ben, ann, group, "I meant it", reply_to=said.id)
    await delete(ben, ann, group, said)
    news = await core(ann).attention.news(group)
    assert (news.unread, len(news.decisions)) == (2, 1)


async def test_nobody_is_alerted_to_it(pair):
    ann, ben, group = pair
    await core(ben).attention.mute(group, 60_000)
    said = await say(ann, ben, group)
    await delete(ann, ben, group, said)
    await core(ben).attention.mute(group, 0)
    assert await core(ben).attention.alert() is None
    await say(ann, ben, group, "Still here?")
    assert await core(ben).attention.alert() is not None


async def test_a_topic_that_only_it_had_goes_on_both_sides_and_one_that_others_have_stays(pair):
    ann, ben, group = pair
    only = await say(ann, ben, group, "One", topic=WORDS)
    shared = await say(ann, ben, group, "Two", topic="Rota")
    await say(ben, ann, group, "Three", topic="rota")
    await delete(ann, ben, group, only)
    await delete(ann, ben, group, shared)
    for desk in (ann, ben):
        assert [one.lower() for one in await core(desk).attention.topics(group)] == ["rota"]
        assert not holds(desk)


async def test_a_report_keeps_what_was_passed_on(pair):
    """Who is reported must not be able to take away what the facilitators have to judge."""
    ann, ben, group = pair
    said = await say(ben, ann, group, f"You {WORDS}")
    await core(ann).groups.set_administrators(group, (core(ann).me.person, core(ben).me.person))
    await deliver(ann, ben)
    assert await core(ben).agreements.report(group, "report", quote=said.text) == 1
    await deliver(ben, ann)
    await delete(ben, ann, group, said)
    assert WORDS in (await core(ann).agreements.reports())[0].quote


def test_counts_of_an_earlier_version_are_read():
    old = Standing(group="aa" * 16, received=3).to_doc()
    del old["gone"]
    assert Standing.from_doc(old).received == 3
    seen = Seen(group="aa" * 16, seq=2).to_doc()
    del seen["alerted_seq"]
    assert Seen.from_doc(seen).seq == 2


async def test_what_expires_goes_from_topics_and_from_what_is_for_me(pair):
    ann, ben, group = pair
    await say(ann, ben, group, topic=WORDS)
    ann.clock.move(8 * DAY_MS)
    await core(ann).agreements.put_forward(Agreement(group=group, keep_days=7))
    await deliver(ann, ben)
    ann.clock.move(DAY_MS)
    for desk in (ann, ben):
        await core(desk).agreements.expire()
        assert not holds(desk)
    news = await core(ben).attention.news(group)
    assert (news.unread, news.questions) == (0, ())


async def expire(desk):
    """All that was said and told until now goes from this device."""
    desk.clock.move(10 * DAY_MS)
    await core(desk).agreements.expire()


async def test_what_was_deleted_before_it_expired_is_taken_from_the_counts_once(pair):
    ann, ben, group = pair
    await core(ann).agreements.put_forward(Agreement(group=group, keep_days=7))
    await deliver(ann, ben)
    await core(ben).attention.mark_seen(group)
    await delete(ann, ben, group, await say(ann, ben, group))
    await expire(ben)
    await say(ann, ben, group, "Still here?")
    assert (await core(ben).attention.news(group)).unread == 1


async def test_a_notice_that_expires_takes_nothing_from_what_is_new(pair):
    ann, ben, group = pair
    await say(ann, ben, group, "Seen")
    await core(ben).attention.mark_seen(group)
    await core(ann).agreements.put_forward(Agreement(group=group, keep_days=7))
    await deliver(ann, ben)
    await expire(ben)
    await say(ann, ben, group, "Still here?")
    assert (await core(ben).attention.news(group)).unread == 1


def test_what_expires_does_not_push_out_what_was_deleted_later():
    late = Standing(group="aa" * 16, received=300, gone=(Gone(seq=300, is_loud=True, is_for_me=False),)).to_doc()
    said = {"group": "aa" * 16, "sender": "bb" * 16, "name": "Ann", "profession": "gp", "text": "", "state": "received"}
    expired = [Message(id=f"{seq:032x}", at_ms=1, seq=seq, **said) for seq in range(1, 2 * KEPT_MARKS)]
    kept = Standing.from_doc(note_deleted(expired, "cc" * 16, ())(late)).gone
    assert (len(kept), kept[-1].seq) == (KEPT_MARKS, 300)


@pytest.mark.parametrize(
    ("doc", "over"),
    [
        ({"sent_ms": 99, "at_ms": 200}, True),
        ({"sent_ms": 100, "at_ms": 1}, False),
        ({"sent_ms": 0, "at_ms": 99}, True),
        ({"sent_ms": 0, "at_ms": 100}, False),
        ({"sent_ms": "99", "at_ms": 200}, False),
        ({"at_ms": "200"}, True),
        ({}, True),
    ],
)
def test_the_service_says_when_a_line_was_said_and_its_sender_where_it_has_not(doc, over):
    assert is_over(doc, 100) is over


def test_what_is_not_here_is_not_let_go():
    assert local_of({"local": None}) is None
    assert local_of({}) is None
    assert let_go(None).put == ()
