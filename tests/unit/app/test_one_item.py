"""One item that can never go, be read or be written holds up no other: not a message, an upload, a poll, a letter."""

import dataclasses

import pytest

from companion.app.chat.chatting import UNDO_MS, Ways
from companion.app.chat.polling import MY_POLLS
from companion.app.groups.early import EARLY
from companion.app.groups.inbox import LATER
from companion.attachments import Picture
from companion.chat.agreement import AGREEMENTS, Agreement
from companion.chat.message import WAITING, messages_table
from companion.chat.standing import SEEN, STANDINGS
from companion.errors import Offline, RelayRefused
from companion.inviting import TABLE as INVITES
from companion.ports import PACKAGES, Damage
from companion.stories import TABLE as STORIES
from companion.stories import Segment, Story
from companion.times import DAY_MS
from tests.fakes import PASSPHRASE, Desk, deliver, make_pair
from tests.unit.app.chat.talk import core, said
from tests.unit.app.groups.conftest import link

BAD = "00" * 16
UNREADABLE: dict[str, object] = {"_id": BAD, "_v": 1, "at_ms": ["no time"], "state": "held"}


async def states(desk: Desk, group: str) -> dict[str, str]:
    return {one.text[:20]: one.state for one in await core(desk).chat.messages(group) if one.kind == "message"}


def plant(desk: Desk, table: str, doc: dict[str, object]) -> None:
    """Put a document in front of all others."""
    desk.vault.store.tables[table] = {str(doc["_id"]): doc, **desk.vault.store.tables.get(table, {})}


async def held(desk: Desk, group: str, text: str) -> None:
    await core(desk).chat.post(group, text, Ways(hold_ms=UNDO_MS))


async def due(desk: Desk) -> None:
    desk.clock.move(UNDO_MS)
    await core(desk).due.run()


# Messages that wait ------------------------------------------------------------------------------------


async def test_a_message_that_cannot_be_sealed_is_refused_and_the_next_one_goes(hazel, jay, group):
    await held(hazel, group, "far too long")
    await held(hazel, group, "Whole and kind.")
    for doc in hazel.vault.store.tables[WAITING].values():
        if doc["text"] == "far too long":
            doc["text"] = "far too long " + "x" * 300_000
    await due(hazel)
    await deliver(hazel, jay)
    assert await states(jay, group) == {"Whole and kind.": "received"}
    assert await states(hazel, group) == {"far too long xxxxxxx": "refused", "Whole and kind.": "sent"}


async def test_a_message_that_waits_and_cannot_be_read_keeps_no_other_from_going_or_being_shown(hazel, jay, group):
    await held(hazel, group, "Whole and kind.")
    plant(hazel, WAITING, {**UNREADABLE, "group": group})
    await due(hazel)
    await deliver(hazel, jay)
    assert await states(jay, group) == {"Whole and kind.": "received"}
    assert await states(hazel, group) == {"Whole and kind.": "sent"}


async def test_nothing_that_cannot_go_is_due_again_at_once(hazel, jay, group):
    plant(hazel, WAITING, {**UNREADABLE, "group": group})
    plant(hazel, MY_POLLS, {**UNREADABLE, "closes_ms": "soon"})
    await held(hazel, group, "In a damaged group")
    hazel.vault.store.broken = {WAITING: "missing"}
    await due(hazel)
    assert await core(hazel).due.next_ms() > hazel.clock.now_ms()


async def test_a_damaged_conversation_keeps_what_waits_for_the_others_from_nothing(hazel, jay, group):
    other = await make_pair(hazel, jay, "Second")
    await held(hazel, group, "not now")
    await held(hazel, other, "Whole and kind.")
    hazel.vault.store.broken = {"mls": "missing"}
    hazel.vault.store.broken = {f"tail:{group}": "missing", messages_table(group): "missing"}
    await due(hazel)
    await deliver(hazel, jay)
    assert await states(jay, other) == {"Whole and kind.": "received"}


# Uploads -----------------------------------------------------------------------------------------------


async def pictures(desk: Desk, group: str) -> list[str]:
    """Post two messages with a picture each; return the ids of the blobs here."""
    for text in ("first picture", "second picture"):
        one = await core(desk).sharing.seal(
            group, Picture(content=text.encode(), media_type="image/png", width=4, height=3)
        )
        await core(desk).sharing.post(group, text, (one,), Ways())
    return list(desk.vault.blobs.held)


async def test_an_upload_whose_file_is_gone_is_refused_and_the_next_one_goes(hazel, jay, group):
    first, _ = await pictures(hazel, group)
    del hazel.vault.blobs.held[first]
    assert not await core(hazel).sharing.send_waiting()
    await deliver(hazel, jay)
    assert await states(hazel, group) == {"first picture": "refused", "second picture": "sent"}
    assert await states(jay, group) == {"second picture": "received"}


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (RelayRefused(400, "bad-request"), "refused"),
        (RelayRefused(409, "other-bytes"), "refused"),
        (RelayRefused(413, "full"), "uploading"),
        (RelayRefused(503, "busy"), "uploading"),
        (Offline("no answer"), "uploading"),
    ],
    ids=lambda value: str(value),
)
async def test_only_an_upload_that_the_service_can_never_take_is_refused(
    hazel, jay, group, relay_answers, answer, state
):
    await pictures(hazel, group)
    relay_answers.append(answer)
    has_more = await core(hazel).sharing.send_waiting()
    await deliver(hazel, jay)
    assert has_more is (state == "uploading")
    assert await states(hazel, group) == {"first picture": state, "second picture": "sent"}


@pytest.fixture
def relay_answers(hazel, monkeypatch):
    """What the service answers to the next uploads before it takes them."""
    answers: list[Exception] = []
    plain = hazel.relay.put_blob

    async def put_blob(id, size, read):
        if answers:
            raise answers.pop(0)
        await plain(id, size, read)

    monkeypatch.setattr(hazel.relay, "put_blob", put_blob)
    return answers


# What else is due --------------------------------------------------------------------------------------


async def test_a_poll_that_cannot_be_read_keeps_no_other_open(hazel, jay, group):
    closes_ms = hazel.clock.now_ms() + DAY_MS
    await core(hazel).polls.ask(group, "When?", ("Now", "Later"), is_secret=True, closes_ms=closes_ms)
    await deliver(hazel, jay)
    plant(hazel, MY_POLLS, {**UNREADABLE, "closes_ms": "soon"})
    hazel.clock.move(DAY_MS)
    await core(hazel).due.run()
    assert list(hazel.vault.store.tables[MY_POLLS]) == [BAD]


async def test_a_secret_poll_and_when_it_closes_are_one_commit(hazel, jay, group):
    """A crash between the two would leave it open for good."""
    before = len(hazel.calls)
    closes_ms = hazel.clock.now_ms() + DAY_MS
    await core(hazel).polls.ask(group, "When?", ("Now", "Later"), is_secret=True, closes_ms=closes_ms)
    commits = [tables for name, tables in hazel.calls[before:] if name == "commit"]
    assert [sorted({MY_POLLS, WAITING} & {*tables}) for tables in commits if MY_POLLS in tables] == [
        [MY_POLLS, WAITING]
    ]


async def test_newcomers_of_one_group_are_told_though_another_cannot_be(hazel, jay, group):
    other = await make_pair(hazel, jay, "Second")
    for one in (group, other):
        await core(hazel).agreements.put_forward(Agreement(group=one, purpose="Ten minutes"))
    await deliver(hazel, jay)
    known = await core(hazel).groups.group(group)
    doubted = tuple(dataclasses.replace(seat, accepted=False) for seat in known.seats)
    doc = dataclasses.replace(known, seats=doubted).to_doc()
    tables = hazel.vault.store.tables
    tables["groups"][group] = doc
    for one in (group, other):
        tables[AGREEMENTS][one]["told"] = 0
    await hazel.companion.lock()
    await hazel.companion.unlock(passphrase=PASSPHRASE)
    await core(hazel).due.run()
    assert (tables[AGREEMENTS][group]["told"], tables[AGREEMENTS][other]["told"]) == (0, 2)


async def test_one_damaged_group_keeps_no_other_from_forgetting_what_is_over(hazel, jay, group):
    other = await make_pair(hazel, jay, "Second")
    for one in (group, other):
        await core(hazel).agreements.put_forward(Agreement(group=one, purpose="Ten minutes", keep_days=7))
        await core(hazel).chat.post(one, "over soon")
    await deliver(hazel, jay)
    hazel.vault.store.broken = {messages_table(group): "missing"}
    for _ in range(3):
        hazel.clock.move(9 * DAY_MS)
        await core(hazel).due.run()
    texts = [
        [doc["text"] for doc in hazel.vault.store.tables[messages_table(one)].values() if doc["kind"] == "message"]
        for one in (group, other)
    ]
    assert texts == [["over soon"], []]


# What the service brings and takes ---------------------------------------------------------------------


async def test_a_damaged_outbox_keeps_nothing_from_going_and_nothing_goes_twice(hazel, jay, group):
    for text in ("one", "two"):
        await core(hazel).chat.post(group, text)
    hazel.vault.store.broken = {"outbox": "missing"}
    await hazel.network.exchange()
    sent = len(hazel.relay.logs[group])
    await deliver(hazel, jay, hazel)
    assert await states(jay, group) == {"one": "received", "two": "received"}
    assert len(hazel.relay.logs[group]) <= sent + 1  # that Jay has them


async def test_a_letter_that_damage_does_not_let_in_waits_and_the_next_one_is_read(hazel, jay, group):
    other = await make_pair(hazel, jay, "Second")
    for one in (group, other):
        await core(jay).groups.rejoin(one)
    hazel.vault.store.broken = {"intents": "missing"}
    await deliver(jay, hazel)
    assert {doc["group"] for doc in hazel.vault.store.tables[LATER].values()} == {group, other}
    await core(hazel).mending.go_on(group)
    await core(hazel).mending.go_on(other)
    await deliver(hazel, jay)
    assert not hazel.vault.store.tables[LATER]
    assert [(await core(jay).groups.group(one)).state for one in (group, other)] == ["member", "member"]


@pytest.mark.parametrize(
    "table", [EARLY, LATER, "intents", INVITES, PACKAGES, "outbox", STORIES, STANDINGS, SEEN, AGREEMENTS, "services"]
)
async def test_an_unreadable_document_of_any_list_keeps_no_group_from_going_on(hazel, jay, group, table):
    await hazel.companion.lock()
    plant(hazel, table, {"_id": BAD, "_v": 1, "group": group, "at_ms": "never", "seq": "first"})
    await hazel.companion.unlock(passphrase=PASSPHRASE)
    for one, another in ((hazel, jay), (jay, hazel)):
        await core(one).chat.post(group, f"by {one.name}")
        await deliver(one, another)
        assert f"by {one.name}" in [message.text for message in await said(another, group)]
    await core(hazel).stories.stories()
    await core(hazel).attention.since()


@pytest.mark.parametrize("table", [STANDINGS, SEEN, AGREEMENTS, "wishes"])
async def test_an_unreadable_choice_or_count_of_one_group_keeps_no_group_from_being_shown(hazel, jay, group, table):
    plant(hazel, table, {"_id": group, "_v": 1, "group": [group]})
    await core(hazel).attention.since()
    await core(hazel).attention.wishes(group)
    await core(hazel).agreements.agreement(group)
    assert await core(hazel).chat.messages(group)


async def test_a_letter_that_went_and_cannot_be_struck_off_is_not_offered_again(hazel, jay, group):
    await core(jay).groups.rejoin(group)
    jay.vault.store.broken = {"outbox": "missing"}
    await jay.network.exchange()
    assert not [item for item in await jay.network.sides["local"].outbox() if item.device is not None]


async def test_letters_are_read_though_what_is_kept_of_their_service_is_damaged(hazel, jay, group):
    hazel.vault.store.broken = {"services": "missing"}
    hazel.vault.store.damages = (Damage(part="services", kind="missing", of="local"),)
    await core(jay).groups.rejoin(group)
    await deliver(jay, hazel, jay)
    assert (await core(jay).groups.group(group)).state == "member"
    assert "gap" in [message.kind for message in await core(jay).chat.messages(group)]
    assert LATER not in hazel.vault.store.tables or not hazel.vault.store.tables[LATER]


async def test_a_damaged_table_keeps_no_stamp_of_another_from_being_cut(hazel, jay, group):
    ahead_ms = hazel.clock.now_ms() + 9 * DAY_MS
    await hazel.companion.lock()
    tables = hazel.vault.store.tables
    tables[AGREEMENTS] = {group: {**Agreement(group=group).to_doc(), "keep_since_ms": ahead_ms}}
    plant(hazel, WAITING, {"_id": BAD, "_v": 1, "at_ms": ahead_ms, "due_ms": 0})
    hazel.vault.store.broken = {WAITING: "missing"}
    await hazel.companion.unlock(passphrase=PASSPHRASE)
    assert tables[AGREEMENTS][group]["keep_since_ms"] == hazel.clock.now_ms()


async def test_a_story_whose_sound_is_gone_keeps_no_other_from_being_taken_in(hazel):
    core(hazel)
    await hazel.companion.lock()
    hazel.vault.blobs.held["here"] = b"\x01\x00" * 100
    for id, blob in ((BAD, "gone"), ("11" * 16, "here")):
        sound = (Segment(number=0, reference={"id": blob}),)
        story = Story(id=id, title="Told", created_ms=1, work="recording", segments=sound)
        plant(hazel, STORIES, story.to_doc())
    tables = hazel.vault.store.tables
    tables[STORIES] = dict(reversed(tables[STORIES].items()))
    await hazel.companion.unlock(passphrase=PASSPHRASE)
    assert [doc["work"] for doc in tables[STORIES].values()] == ["recording", "recorded"]


async def test_a_device_is_revoked_everywhere_else_though_one_group_is_damaged(hazel, jay, group):
    other = await make_pair(hazel, jay, "Second")
    tablet = await Desk("New device", hazel.relay).set_up()
    await link(hazel, tablet, jay)
    lost = core(tablet).device
    hazel.vault.store.damages = (Damage(part="mls", kind="missing", of=group),)
    core(hazel).groups.tools.key_states.forget()
    await core(hazel).devices.revoke(lost)
    await deliver(hazel, jay, hazel, jay)
    known = await core(jay).groups.group(other)
    seat = known.seat(core(hazel).me.person)
    assert seat.member.devices.device(lost) is None
