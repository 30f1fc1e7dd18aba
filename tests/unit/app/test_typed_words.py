"""What I type is cleaned and never lost: keyboards send half characters, and what is pasted hides others."""

import asyncio
import json

import pytest

from companion.app.chat.chatting import Ways
from companion.chat.agreement import Agreement
from companion.chat.contents import message_content
from companion.people import create_me
from companion.ports import Change, Put
from tests.fakes import Desk, deliver, make_pair

HALF = "Good day \ud83d and more words"
HIDDEN = "Night\u202e \x00shift\n\ud83d"


@pytest.fixture
async def pair():
    ann = await Desk("Ann Lee").set_up()
    ben = await Desk("Ben Okri", ann.relay).set_up()
    return ann, ben, await make_pair(ann, ben)


async def _say_everything(ann, group):
    opened = ann.companion.opened
    said = await opened.chat.post(group, HALF, Ways(topic=HIDDEN))
    await deliver(ann)
    await opened.chat.edit(group, said.id, HALF + " twice")
    await opened.chat.note_decision(group, said.id)
    await opened.polls.ask(group, HIDDEN, (HIDDEN, "Day shift"), is_secret=False)
    await opened.agreements.put_forward(Agreement(group=group, purpose=HALF, rules=(HIDDEN, "Be kind")))
    opened.chat.draft(group, HALF)
    await opened.chat.save_drafts()
    await opened.groups.create(HIDDEN, "pine")
    story = await opened.stories.begin(HIDDEN)
    await opened.stories.rename(story.id, HIDDEN)
    await opened.today.check_in(2, HIDDEN)
    opened.journal.draft(None, HALF, tags=("\ud83d",))
    await opened.journal.save_drafts()


async def test_everything_that_can_be_typed_is_saved_in_whole_characters(pair):
    ann, ben, group = pair
    await _say_everything(ann, group)
    await deliver(ann, ben)
    for desk in pair[:2]:
        kept = json.dumps(desk.vault.store.tables, ensure_ascii=False)
        kept.encode()
    kept = json.dumps(ann.vault.store.tables)
    assert kept.count("and more words") == 5
    assert "Night shift \\ufffd" in kept
    texts = [one.text for one in await ben.companion.opened.chat.messages(group)]
    assert "Good day \ufffd and more words twice" in texts


async def test_a_page_with_half_a_character_does_not_take_the_others_along(pair):
    ann, _, _ = pair
    journal = ann.companion.opened.journal
    journal.draft(None, "Other page, plain words")
    journal.draft(None, HALF)
    await journal.save_drafts()
    assert {one.text for one in await journal.entries()} == {
        "Other page, plain words",
        "Good day \ufffd and more words",
    }


async def test_what_slips_by_every_reader_is_mended_before_it_is_kept(pair):
    ann, _, _ = pair
    odd = {"_id": "x", "_v": 1, "lines": [{"\ud83d": HALF}]}
    await ann.companion.opened._context.commit(Change(put=(Put("settings", odd),)))
    kept = ann.vault.store.tables["settings"]["x"]
    assert kept["lines"] == [{"\ufffd": "Good day \ufffd and more words"}]


async def test_a_message_kept_by_an_earlier_version_goes_in_whole_characters(pair):
    ann, ben, group = pair
    opened = ann.companion.opened
    held = await opened.chat.post(group, "Held", Ways(hold_ms=500))
    ann.vault.store.tables["waiting"][held.id]["text"] = "half \ud83d"
    (waiting,) = await opened.chat.waiting(group)
    json.dumps(message_content(waiting), ensure_ascii=False).encode()
    await opened.chat.release(waiting)
    await deliver(ann, ben)
    assert [m.text for m in await ben.companion.opened.chat.messages(group) if m.kind == "message"] == ["half \ufffd"]


def test_my_own_name_is_cleaned_before_it_is_signed():
    me = create_me(" Ann\u202e  Lee\n", "gp")
    assert me.member.name == "Ann Lee"
    me.member.check()


async def test_a_save_of_drafts_that_is_cancelled_leaves_them_to_be_saved(pair, monkeypatch):
    ann, _, group = pair
    opened, begun = ann.companion.opened, asyncio.Event()

    async def stuck(change):
        begun.set()
        await asyncio.Event().wait()

    opened.chat.draft(group, "Half a thought")
    with monkeypatch.context() as patch:
        patch.setattr(ann.vault.store, "commit", stuck)
        saving = asyncio.create_task(opened.chat.save_drafts())
        await begun.wait()
        saving.cancel()
        await asyncio.wait([saving])
    await opened.chat.save_drafts()
    assert ann.vault.store.tables["drafts"][group]["text"] == "Half a thought"
