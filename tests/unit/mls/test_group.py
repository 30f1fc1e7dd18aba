"""The public surface, as the app uses it."""

from dataclasses import replace

import pytest

from companion.errors import CryptoError, MessageRejected
from companion.mls import committing, framing, group, processing
from companion.mls.framing import ContentType, SenderType
from companion.mls.group_state import PAST_EPOCH_MS, PAST_EPOCHS_MAX, Status
from companion.mls.key_schedule import PreSharedKeyId
from companion.mls.messages import decode_message
from companion.mls.nodes import EXTENSION_REQUIRED_CAPABILITIES, Extension, LeafSource
from companion.mls.private_message import PrivateMessage, padded_length
from companion.mls.processing import ApplicationMessage, EpochChanged, ProposalReceived, RemovedFromGroup
from companion.mls.proposals import Add, GroupContextExtensions, PreSharedKey, Remove
from companion.mls.suites import CipherSuite
from tests.unit.mls.circle import DAY_MS, NOW_MS, Circle, Person, env, framed


@pytest.mark.parametrize("suite", list(CipherSuite))
def test_everybody_agrees_and_reads_everybody(suite):
    circle = Circle("alice", "bob", "carol", suite=suite)
    for speaker in list(circle.states):
        event = circle.deliver(speaker, circle.say(speaker, speaker.encode()))
        assert event.plaintext == event.identity == speaker.encode()
        assert event.sender == circle.leaf(speaker)
    circle.agree()


def test_members_come_and_go():
    circle = Circle("alice", "bob")
    secrets = [circle.agree()]
    for actor, changes in (
        ("bob", {"add": ["carol", "dave"]}),
        ("dave", {"remove": ["alice"]}),
        ("carol", {"add": ["erin"], "remove": ["bob"]}),
        ("erin", {}),
        ("carol", {"add": ["frank", "grace", "heidi"]}),
        ("grace", {"remove": ["heidi", "carol"]}),
    ):
        circle.commit(actor, **changes)
        secrets.append(circle.agree())
    assert len(set(secrets)) == len(secrets)
    assert {identity for _, identity in circle["grace"].members()} == {b"dave", b"erin", b"frank", b"grace"}


def test_events_say_what_happened():
    circle = Circle("alice", "bob", "carol")
    made = circle.pending("alice", add=["dave"], remove=["carol"])
    assert group.head(made.message).content_type == ContentType.COMMIT
    _, event = group.process(circle["bob"], made.message, env())
    assert event == EpochChanged(committer=0, added=(2,), removed=(2,))
    removed, event = group.process(circle["carol"], made.message, env())
    assert event == RemovedFromGroup(committer=0)
    assert removed.status == Status.REMOVED


def test_removed_member_keeps_no_key_and_can_do_nothing():
    circle = Circle("alice", "bob")
    bob = circle["bob"]
    made = circle.pending("alice", remove=["bob"])
    removed, _ = group.process(bob, made.message, env())
    saved = group.encode_state(removed)
    for secret in (
        bob.secrets.init_secret,
        bob.secrets.exporter_secret,
        bob.signature_private,
        *bob.private_keys.values(),
        *bob.secret_tree.secrets.values(),
    ):
        assert secret not in saved
    for attempt in (
        lambda: group.protect(removed, b"text", env()),
        lambda: group.commit(removed, env()),
        lambda: group.propose_update(removed, env()),
        lambda: group.export_secret(removed, b"label", b""),
        lambda: group.process(removed, made.message, env()),
    ):
        with pytest.raises((CryptoError, MessageRejected)):
            attempt()


def test_proposals_of_several_members_are_committed_by_reference():
    circle = Circle("alice", "bob", "carol", "dave")
    keys = {name: circle["alice"].member(circle.leaf(name)).encryption_key for name in ("bob", "dave")}
    circle.states["bob"], update = group.propose_update(circle["bob"], env())
    event = circle.deliver("bob", update)
    assert isinstance(event, ProposalReceived)
    assert event.sender.kind == SenderType.MEMBER
    circle.states["carol"], add = group.propose_add(circle["carol"], circle.person("erin").published, env())
    circle.deliver("carol", add)
    circle.states["alice"], remove = group.propose_remove(circle["alice"], circle.leaf("dave"), env())
    circle.deliver("alice", remove)
    made = circle.pending("alice")
    del circle.states["dave"]
    circle.deliver("alice", made.message)
    circle.states["alice"] = group.accept(circle["alice"], made, env())
    circle.states["erin"], _ = group.join(made.welcome, [circle.people["erin"].own], env())
    circle.agree()
    assert circle["erin"].member(circle.leaf("bob")).encryption_key != keys["bob"]
    assert b"dave" not in dict(circle["bob"].members()).values()
    circle.deliver("bob", circle.say("bob", b"with my new key"))
    circle.commit("carol")
    circle.agree()


def test_later_update_and_any_remove_win_among_proposals():
    circle = Circle("alice", "bob", "carol")
    for _ in range(2):
        circle.states["bob"], update = group.propose_update(circle["bob"], env())
        circle.deliver("bob", update)
    last = circle["bob"].proposals[-1].proposal.leaf_node.encryption_key
    circle.states["carol"], update = group.propose_update(circle["carol"], env())
    circle.deliver("carol", update)
    made = circle.pending("alice", remove=["carol"])
    del circle.states["carol"]
    circle.deliver("alice", made.message)
    assert circle["bob"].member(1).encryption_key == last


def test_proposals_that_spoil_a_commit_are_left_out():
    """Two add the same client, one names a key that the committer lacks: nobody can stop a group with a proposal."""
    circle = Circle("alice", "bob", "carol")
    published = circle.person("dave").published
    for name in ("bob", "carol"):
        circle.states[name], message = group.propose_add(circle[name], published, env())
        circle.deliver(name, message)
    proposal = PreSharedKey(PreSharedKeyId(psk_id=b"only bob has it", psk_nonce=bytes(32)))
    circle.states["bob"], message = committing.propose(circle["bob"], proposal, env())
    circle.deliver("bob", message)
    made = circle.pending("alice")
    circle.deliver("alice", made.message)
    circle.states["alice"] = group.accept(circle["alice"], made, env())
    circle.states["dave"], _ = group.join(made.welcome, [circle.people["dave"].own], env())
    circle.agree()
    assert len(circle["dave"].members()) == 4


def second_package_of_bob(circle):
    return Add(decode_message(group.make_key_package(circle.people["bob"].identity, env())[1]))


SPOILERS = {
    "a client who is here": second_package_of_bob,
    "a demand that nobody meets": lambda circle: GroupContextExtensions(
        (Extension(EXTENSION_REQUIRED_CAPABILITIES, b"\x02\x01\xf4\0\0"),)
    ),
    "a key named twice": lambda circle: PreSharedKey(PreSharedKeyId(psk_id=b"id", psk_nonce=bytes(32))),
    "a package that expires meanwhile": lambda circle: Add(decode_message(Person("erin").published)),
}


@pytest.mark.parametrize("name", SPOILERS)
def test_every_kind_of_spoiling_proposal_is_left_out(name):
    circle = Circle("alice", "bob", "carol")
    known = {"psks": {b"id": bytes(32)}}
    spoiler = SPOILERS[name](circle)
    for author in ("bob", "carol"):
        circle.states[author], message = committing.propose(circle[author], spoiler, env(**known))
        circle.deliver(author, message, env(**known))
    circle.states["bob"], update = group.propose_update(circle["bob"], env())
    circle.deliver("bob", update)
    later = env(NOW_MS + (90 * DAY_MS if "expires" in name else 0), **known)
    made = circle.pending("alice", environment=later)
    assert made.welcome is None
    circle.deliver("alice", made.message, later)
    assert circle["carol"].member(1).source == LeafSource.UPDATE


def test_only_application_data_becomes_an_application_message():
    circle = Circle("alice", "bob")
    content = framed(circle["alice"], Remove(1))
    message = framing.sign(bytes(32), framing.WireFormat.PRIVATE_MESSAGE, content, circle["alice"].context)
    with pytest.raises(CryptoError, match="not application data"):
        processing._application_message(message, b"alice")


def test_waiting_proposals_must_be_committed_before_anybody_speaks():
    circle = Circle("alice", "bob")
    circle.states["bob"], update = group.propose_update(circle["bob"], env())
    circle.deliver("bob", update)
    with pytest.raises(CryptoError, match="waiting proposals"):
        circle.say("alice", b"text")
    circle.commit("alice")
    circle.deliver("alice", circle.say("alice", b"text"))


def test_loser_of_a_race_drops_its_commit_and_follows_the_winner():
    circle = Circle("alice", "bob", "carol")
    loser = circle.pending("bob", add=["dave"])
    circle.commit("alice", add=["erin"])
    with pytest.raises(CryptoError, match="does not follow"):
        group.accept(circle["bob"], loser, env())
    circle.commit("bob", add=["dave"])
    circle.agree()


def test_pending_commit_survives_a_restart():
    circle = Circle("alice", "bob")
    made = circle.pending("alice", add=["carol"])
    restored = group.decode_pending(group.encode_pending(made))
    assert restored == made
    circle.deliver("alice", restored.message)
    circle.states["alice"] = group.accept(circle["alice"], restored, env())
    circle.states["carol"], _ = group.join(restored.welcome, [circle.people["carol"].own], env())
    circle.agree()


def test_message_received_while_a_commit_was_pending_cannot_be_replayed_after_it():
    circle = Circle("alice", "bob")
    message = circle.say("bob", b"meanwhile")
    made = circle.pending("alice")
    circle.states["alice"], _ = group.process(circle["alice"], message, env())
    circle.states["alice"] = group.accept(circle["alice"], made, env())
    with pytest.raises(MessageRejected):
        group.process(circle["alice"], message, env())


def test_commit_without_path_is_allowed_for_adds_alone():
    circle = Circle("alice", "bob")
    before = circle["alice"].member(0)
    circle.commit("alice", add=["carol"], with_path=False)
    assert circle["carol"].member(0) == before
    circle.agree()
    circle.commit("carol")
    circle.agree()


def test_pre_shared_key_is_mixed_in():
    circle = Circle("alice", "bob")
    right = env(psks={b"id": bytes(32)})
    circle.commit("alice", environment=right, psk_ids=[b"id"])
    circle.agree()
    made = circle.pending("bob", environment=right, psk_ids=[b"id"])
    for wrong in (env(), env(psks={b"id": bytes(31) + b"x"})):
        with pytest.raises(MessageRejected):
            group.process(circle["alice"], made.message, wrong)


def test_last_resort_package_can_be_used_twice():
    bob = Person("bob", is_last_resort=True)
    assert bob.own.package.is_last_resort
    for creator in ("alice", "carol"):
        circle = Circle(creator)
        circle.people["bob"] = bob
        circle.commit(creator, add=["bob"])
        circle.agree()


def test_key_package_survives_a_restart():
    bob = Person("bob")
    assert group.decode_key_package(bob.own.encode()) == bob.own
    stranger = replace(bob.own, init_private=Person("eve").own.init_private)
    with pytest.raises(CryptoError, match="does not belong"):
        group.decode_key_package(stranger.encode())


def test_late_message_of_the_epoch_before_is_read_for_some_minutes_only():
    circle = Circle("alice", "bob", "carol")
    late, later = circle.say("bob", b"one"), circle.say("bob", b"two")
    circle.commit("alice")
    carol, event = group.process(circle["carol"], late, env(NOW_MS + PAST_EPOCH_MS - 1))
    assert event == ApplicationMessage(sender=1, identity=b"bob", epoch=1, plaintext=b"one", authenticated_data=b"")
    with pytest.raises(MessageRejected):
        group.process(carol, late, env(NOW_MS))
    with pytest.raises(MessageRejected, match="gone"):
        group.process(carol, later, env(NOW_MS + PAST_EPOCH_MS))
    with pytest.raises(MessageRejected, match="gone"):
        group.process(group.forget_past(carol), later, env())


def test_keys_of_few_past_epochs_are_kept():
    circle = Circle("alice", "bob")
    late = circle.say("bob", b"text")
    for _ in range(PAST_EPOCHS_MAX):
        circle.commit("alice")
    group.process(circle["alice"], late, env())
    circle.commit("alice")
    with pytest.raises(MessageRejected, match="gone"):
        group.process(circle["alice"], late, env())
    assert len(circle["alice"].past_epochs) == PAST_EPOCHS_MAX


def test_expired_keys_leave_the_state_with_the_next_message():
    circle = Circle("alice", "bob")
    circle.commit("alice")
    assert circle["bob"].past_epochs
    after = env(NOW_MS + PAST_EPOCH_MS)
    circle.deliver("alice", circle.say("alice", b"text", after), after)
    assert circle["bob"].past_epochs == circle["alice"].past_epochs == ()


def test_service_sees_group_epoch_and_padded_size_only():
    circle = Circle("alice", "bob")
    sizes = set()
    for text in (b"", b"yes", b"no, not today"):
        message = circle.say("alice", text)
        assert not text or text not in message
        sizes.add(len(message))
    assert len(sizes) == 1
    for message in (
        circle.pending("alice", add=["carol"]).message,
        group.propose_update(circle["alice"], env())[1],
    ):
        assert isinstance(decode_message(message), PrivateMessage)
        assert b"alice" not in message
        assert b"carol" not in message
    assert group.head(circle.say("bob", b"text")).epoch == 1


def test_padding_is_never_more_than_an_eighth():
    for length in range(257, 5_000):
        assert length <= padded_length(length) <= length * 9 // 8
    assert padded_length(0) == padded_length(256) == 256


def test_authenticated_data_is_signed_and_returned():
    circle = Circle("alice", "bob")
    _, message = group.protect(circle["alice"], b"text", env(), b"shown to all")
    assert b"shown to all" in message
    _, event = group.unprotect(circle["bob"], message, env())
    assert event.authenticated_data == b"shown to all"
    with pytest.raises(MessageRejected):
        group.process(circle["bob"], message.replace(b"shown to all", b"shown to ALL"), env())


def test_unprotect_takes_application_data_only():
    circle = Circle("alice", "bob")
    with pytest.raises(MessageRejected, match="not application data"):
        group.unprotect(circle["bob"], circle.pending("alice").message, env())


def test_too_long_application_data_is_refused():
    circle = Circle("alice", "bob")
    text = bytes(group.APPLICATION_BYTES_MAX)
    circle.deliver("alice", circle.say("alice", text))
    with pytest.raises(CryptoError, match="too long"):
        circle.say("alice", text + b"x")


def test_saved_state_is_the_state():
    circle = Circle("alice", "bob", "carol", administrators=["alice"])
    circle.commit("alice")
    circle.deliver("bob", circle.say("bob", b"text"))
    circle.states["bob"], update = group.propose_update(circle["bob"], env())
    circle.deliver("bob", update)
    for state in circle.states.values():
        saved = group.encode_state(state)
        assert group.decode_state(saved) == state
        assert group.encode_state(group.decode_state(saved)) == saved


@pytest.mark.parametrize("version", [0, 2, 65_535])
def test_saved_state_of_another_version_is_refused(version):
    saved = group.encode_state(Circle("alice")["alice"])
    with pytest.raises(CryptoError, match="version"):
        group.decode_state(saved[:4] + version.to_bytes(2, "big") + saved[6:])
    with pytest.raises(CryptoError, match="version"):
        group.decode_state(b"XXXX" + saved[4:])


def test_cut_saved_state_is_refused():
    saved = group.encode_state(Circle("alice", "bob")["alice"])
    for length in range(0, len(saved), 7):
        with pytest.raises(CryptoError):
            group.decode_state(saved[:length])
    with pytest.raises(CryptoError):
        group.decode_state(saved + b"\0")


def test_saved_state_of_an_unknown_suite_or_status_is_refused():
    """The suite stands in the group context and in the secret tree; found by the fuzzer."""
    state = Circle("alice", "bob")["alice"]
    saved = group.encode_state(state)
    tree = state.secret_tree.encode()
    for damaged in (
        saved[:6] + b"\x09" + saved[7:],
        saved.replace(tree, b"\x20\xe2" + tree[2:]),
        saved.replace(state.context.encode(), b"\0\x01\x20\xe2" + state.context.encode()[4:]),
    ):
        assert damaged != saved
        with pytest.raises(CryptoError):
            group.decode_state(damaged)


def test_errors_and_representations_hold_no_keys():
    circle = Circle("alice", "bob")
    shown = repr(circle["alice"]) + repr(circle.people["alice"].identity) + repr(circle.people["bob"].own)
    for secret in (
        circle["alice"].signature_private,
        circle["alice"].secrets.init_secret,
        circle.people["bob"].own.init_private,
        *circle["alice"].private_keys.values(),
    ):
        assert repr(secret)[2:-1] not in shown


def test_suite_three_group_refuses_a_suite_one_package():
    circle = Circle("alice", suite=CipherSuite.X25519_CHACHA20POLY1305_SHA256_ED25519)
    with pytest.raises(CryptoError, match="cipher suite"):
        group.commit(circle["alice"], env(), add=[Person("bob").published])
    with pytest.raises(MessageRejected, match="cipher suite"):
        group.parse_key_package(Person("bob").published, env(), circle.suite)
