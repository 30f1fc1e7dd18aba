"""A leader's day without a screen: real store, real relay process, two and three people."""

import asyncio
import contextlib

import pytest

from companion.errors import (
    ConsentMissing,
    InviteExpired,
    InviteUnknown,
    InviteUsed,
    MicrophoneUnavailable,
    Offline,
    StoreBusy,
    UsageError,
    WrongKey,
)
from companion.wire import create_invite_code
from tests.integration.people import PASSPHRASE, Person, PlainRecorder, until

CANARY = "marmalade lighthouse"


@pytest.fixture
async def make_person(tmp_path, relay):
    async with contextlib.AsyncExitStack() as stack:

        async def make(name: str, profession: str = "gp") -> Person:
            person = Person(tmp_path / "profiles" / name.lower(), relay.url)
            stack.push_async_callback(person.companion.lock)
            return await person.begin(name, profession)

        yield make


async def befriend(host: Person, guest: Person) -> str:
    """Host makes a group and lets guest in; return its id."""
    group = await host.opened.groups.create("First-year leads", "pine")
    await let_in(host, guest, group.id)
    return group.id


async def let_in(host: Person, guest: Person, group: str) -> None:
    async def is_invited() -> bool:
        with contextlib.suppress(Offline):
            nonlocal invite
            invite = await host.opened.groups.invite(group)
            return True
        return False

    invite = None
    await until(is_invited)
    invitation = await guest.opened.groups.look_at(invite.code.link)
    await guest.opened.groups.join(invitation)

    async def is_member() -> bool:
        joined = await guest.opened.groups.group(group)
        return joined is not None and joined.state == "member"

    await until(is_member)


async def has_line(person: Person, group: str, line: tuple[str, str, str]) -> None:
    async def found() -> bool:
        return line in await person.lines(group)

    await until(found)


async def test_messages_go_both_ways(make_person) -> None:
    alice, bob = await make_person("Alice"), await make_person("Bob", "practice_manager")
    group = await befriend(alice, bob)
    await alice.opened.chat.post(group, "Two words is plenty.")
    await has_line(bob, group, ("Alice", "Two words is plenty.", "received"))
    await bob.opened.chat.post(group, "Hello Alice.")
    await has_line(alice, group, ("Bob", "Hello Alice.", "received"))
    await has_line(alice, group, ("Alice", "Two words is plenty.", "sent"))


async def test_everyone_sees_who_joined_before_that_person_can_read(make_person) -> None:
    alice, bob, carol = await make_person("Alice"), await make_person("Bob"), await make_person("Carol")
    group = await befriend(alice, bob)
    await alice.opened.chat.post(group, "Before Carol.")
    await has_line(bob, group, ("Alice", "Before Carol.", "received"))
    await let_in(bob, carol, group)

    async def alice_knows() -> bool:
        return any(m.kind == "joined" and m.name == "Carol" for m in await alice.opened.chat.messages(group))

    await until(alice_knows)
    await alice.opened.chat.post(group, "After Carol.")
    await has_line(carol, group, ("Alice", "After Carol.", "received"))
    assert ("Alice", "Before Carol.", "received") not in await carol.lines(group)


async def test_two_members_who_admit_at_once_do_not_part_the_group(make_person) -> None:
    alice, bob = await make_person("Alice"), await make_person("Bob")
    carol, dan = await make_person("Carol"), await make_person("Dan")
    group = await befriend(alice, bob)
    of_alice, of_bob = await alice.opened.groups.invite(group), await bob.opened.groups.invite(group)
    for guest, invite in ((carol, of_alice), (dan, of_bob)):
        await guest.opened.groups.join(await guest.opened.groups.look_at(invite.code.link))

    async def all_agree() -> bool:
        known = [await p.opened.groups.group(group) for p in (alice, bob, carol, dan)]
        return all(g is not None and len(g.seats) == 4 for g in known)

    await until(all_agree)
    await dan.opened.chat.post(group, "All four?")
    for person in (alice, bob, carol):
        await has_line(person, group, ("Dan", "All four?", "received"))


async def test_message_waits_while_the_service_is_stopped_and_goes_once(make_person, relay) -> None:
    alice, bob = await make_person("Alice"), await make_person("Bob")
    group = await befriend(alice, bob)
    relay.stop()
    await alice.opened.chat.post(group, "Are you there?")
    assert ("Alice", "Are you there?", "waiting") in await alice.lines(group)

    async def says_waiting() -> bool:
        service = (await alice.opened.groups.group(group)).service
        return alice.opened.groups.sync_state(service) == "waiting"

    await until(says_waiting)
    await alice.companion.lock()  # an app restart while it waits
    await alice.companion.unlock(passphrase=PASSPHRASE)
    assert ("Alice", "Are you there?", "waiting") in await alice.lines(group)
    relay.start()
    await has_line(bob, group, ("Alice", "Are you there?", "received"))
    await has_line(alice, group, ("Alice", "Are you there?", "sent"))
    await alice.opened.chat.post(group, "After.")
    await has_line(bob, group, ("Alice", "After.", "received"))
    assert [text for _, text, _ in await bob.lines(group)].count("Are you there?") == 1


async def test_group_made_without_service_works_when_it_is_back(make_person, relay) -> None:
    alice, bob = await make_person("Alice"), await make_person("Bob")
    relay.stop()
    group = await alice.opened.groups.create("Night shift", "sky")
    await alice.opened.chat.post(group.id, "To nobody yet.")
    relay.start()
    await has_line(alice, group.id, ("Alice", "To nobody yet.", "sent"))
    await let_in(alice, bob, group.id)


async def test_invite_without_service_says_so_and_leaves_the_app_usable(make_person, relay) -> None:
    alice = await make_person("Alice")
    group = await alice.opened.groups.create("Night shift", "sky")
    relay.stop()
    with pytest.raises(Offline):
        await alice.opened.groups.invite(group.id)
    await alice.opened.chat.post(group.id, "Still here.")


async def test_used_invite_says_used(make_person) -> None:
    alice, bob, carol = await make_person("Alice"), await make_person("Bob"), await make_person("Carol")
    group = await alice.opened.groups.create("First-year leads", "pine")
    invite = await alice.opened.groups.invite(group.id)
    await bob.opened.groups.join(await bob.opened.groups.look_at(invite.code.link))
    with pytest.raises(InviteUsed):
        await carol.opened.groups.look_at(invite.code.link)


async def test_unknown_invite_says_unknown(make_person, relay) -> None:
    alice = await make_person("Alice")
    with pytest.raises(InviteUnknown):
        await alice.opened.groups.look_at(create_invite_code(b"0123456789", relay.url).link)


async def test_expired_invite_says_expired(make_person, relay) -> None:
    alice, bob = await make_person("Alice"), await make_person("Bob")
    group = await alice.opened.groups.create("First-year leads", "pine")
    code = create_invite_code(b"0123456789", relay.url)
    import time

    client = await alice.opened.groups._network.relay(relay.url)
    soon_ms = time.time_ns() // 1_000_000 + 300
    await client.put_invite(code.id, b"x" * 60, soon_ms)

    async def is_expired() -> bool:
        try:
            await bob.opened.groups.look_at(code.link)
        except InviteExpired:
            return True
        except UsageError:
            return False
        return False

    await until(is_expired)
    assert (await bob.opened.groups.groups()) == ()
    assert group.state == "member"


async def test_garbage_in_the_log_is_skipped_and_the_group_lives(make_person, relay) -> None:
    alice, bob = await make_person("Alice"), await make_person("Bob")
    group = await befriend(alice, bob)
    doc = await alice.opened.groups.group(group)
    client = await bob.opened.groups._network.relay(relay.url)
    for n, body in enumerate((b"rubbish", b"CMPN\x01\x01" + bytes(200), b"CMPN\x01\x09" + bytes(300))):
        await client.append(group, doc.capability, f"{n:032x}", body)
    await bob.opened.chat.post(group, "Still with me?")
    await has_line(alice, group, ("Bob", "Still with me?", "received"))


async def test_journal_survives_lock_and_restart(make_person) -> None:
    alice = await make_person("Alice")
    entry = alice.opened.journal.draft(None, "I had an answer.")
    await alice.companion.lock()  # locking saves what was typed
    assert alice.companion.opened is None
    await alice.companion.unlock(passphrase=PASSPHRASE)
    kept = await alice.opened.journal.entry(entry)
    assert kept is not None
    assert kept.text == "I had an answer."


async def test_recovery_words_open_what_the_passphrase_opened(make_person) -> None:
    alice = await make_person("Alice")
    await alice.companion.lock()
    await alice.companion.unlock(words=" ".join(alice.words).upper())
    assert alice.opened.me.name == "Alice"


async def test_wrong_passphrase_counts_and_slows_down(make_person) -> None:
    alice = await make_person("Alice")
    await alice.companion.lock()
    for _ in range(3):
        with pytest.raises(WrongKey):
            await alice.companion.unlock(passphrase="not this one")
    count, wait_ms = await alice.companion.wrong_tries()
    assert count == 3
    assert wait_ms > 0
    with pytest.raises(WrongKey, match="too soon"):
        await alice.companion.unlock(passphrase=PASSPHRASE)
    assert alice.companion.opened is None


async def test_second_window_on_the_same_folder_is_told_so(make_person, relay) -> None:
    alice = await make_person("Alice")
    twin = Person(alice.folder, relay.url)
    with pytest.raises(StoreBusy):
        await twin.companion.unlock(passphrase=PASSPHRASE)


async def test_story_is_recorded_only_under_consent(make_person) -> None:
    alice = await make_person("Alice")
    stories = alice.opened.stories
    story = await stories.begin("The day I said yes")
    microphone = PlainRecorder()
    with pytest.raises(ConsentMissing):
        await stories.record(story.id, microphone)
    await stories.agree(story.id, frozenset())
    with pytest.raises(ConsentMissing):
        await stories.record(story.id, microphone)
    assert microphone.take is None
    await stories.agree(story.id, frozenset({"record"}))
    await stories.record(story.id, microphone)
    sound = bytes(range(256)) * 1250  # 10 s
    for start in range(0, len(sound), 8_000):
        await microphone.hear(sound[start : start + 8_000])
    await stories.finish()
    kept = await stories.story(story.id)
    assert kept is not None
    assert (kept.work, kept.length_ms, len(kept.segments)) == ("recorded", 10_000, 3)
    assert await stories.sound(kept, 0, len(sound)) == sound
    assert await stories.sound(kept, 131_072, 6_000) == sound[131_072:137_072]


async def test_missing_microphone_leaves_the_story_as_it_was(make_person) -> None:
    alice = await make_person("Alice")
    stories = alice.opened.stories
    story = await stories.begin("")
    await stories.agree(story.id, frozenset({"record"}))
    with pytest.raises(MicrophoneUnavailable):
        await stories.record(story.id, PlainRecorder(is_there=False))
    assert not stories.is_recording


async def test_lock_while_recording_keeps_what_was_said(make_person) -> None:
    alice = await make_person("Alice")
    story = await alice.opened.stories.begin("")
    await alice.opened.stories.agree(story.id, frozenset({"record"}))
    microphone = PlainRecorder()
    await alice.opened.stories.record(story.id, microphone)
    await microphone.hear(bytes(32_000))
    await alice.companion.lock()
    await alice.companion.unlock(passphrase=PASSPHRASE)
    kept = await alice.opened.stories.story(story.id)
    assert kept is not None
    assert (kept.work, kept.length_ms) == ("recorded", 1_000)


async def test_check_in_then_a_nudge_to_welcome_the_newcomer(make_person) -> None:
    alice, rowan = await make_person("Alice"), await make_person("Rowan")
    await befriend(alice, rowan)
    assert await alice.opened.today.check_in_due()
    await alice.opened.today.check_in(2)
    assert not await alice.opened.today.check_in_due()
    nudge, is_new = await alice.opened.today.nudge()
    assert nudge is not None
    assert (nudge.rule, nudge.name, is_new) == ("new_member", "Rowan", True)
    assert (await alice.opened.today.nudge()) == (nudge, False)
    await alice.opened.today.answer_nudge(nudge, "done")
    assert (await alice.opened.today.nudge()) == (None, False)


async def test_no_canary_word_in_any_folder(make_person, tmp_path, relay) -> None:
    alice, bob = await make_person("Alice Quillfeather"), await make_person("Bob")
    group = await alice.opened.groups.create("Group of the marmalade lighthouse", "pine")
    await let_in(alice, bob, group.id)
    await alice.opened.chat.post(group.id, f"Say {CANARY} to nobody.")
    await has_line(bob, group.id, ("Alice Quillfeather", f"Say {CANARY} to nobody.", "received"))
    alice.opened.journal.draft(None, f"The {CANARY} again.")
    await alice.opened.journal.save_drafts()
    await alice.opened.today.check_in(1, "marmalade")
    await alice.opened.stories.begin(f"{CANARY} story")
    relay.stop()
    files = [f for f in tmp_path.rglob("*") if f.is_file()]
    assert len(files) > 5
    for file in files:
        content = file.read_bytes().lower()
        for word in (b"marmalade", b"lighthouse", b"quillfeather"):
            assert word not in content, file.name


async def test_sent_words_do_not_come_back_as_a_draft(make_person) -> None:
    """The draft is saved at the very moment at which the message is sent."""
    alice = await make_person("Alice")
    group = await alice.opened.groups.create("Night shift", "sky")
    for number in range(40):
        alice.opened.chat.draft(group.id, f"Line {number}.")
        sending = asyncio.create_task(alice.opened.chat.post(group.id, f"Line {number}."))
        await asyncio.sleep(number * 0.000_2)  # the autosave falls into every part of the sending
        await alice.opened.chat.save_drafts()
        await sending
        doc = await alice.opened.groups._context.store.get("drafts", group.id)
        assert doc is not None
        assert doc["text"] == ""
        assert alice.opened.chat.draft_now(group.id) == ""
