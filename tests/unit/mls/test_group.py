"""The public surface, as the app uses it."""

import pytest

from companion.crypto.padding import padded_length
from companion.errors import CryptoError, MessageRejected
from companion.mls import committing, framing, group, processing
from companion.mls.framing import ContentType, SenderType
from companion.mls.group_state import Status
from companion.mls.key_schedule import PreSharedKeyId
from companion.mls.messages import decode_message
from companion.mls.nodes import EXTENSION_REQUIRED_CAPABILITIES, Extension, LeafSource
from companion.mls.private_message import PrivateMessage
from companion.mls.processing import EpochChanged, ProposalReceived, RemovedFromGroup
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


def test_suite_three_group_refuses_a_suite_one_package():
    circle = Circle("alice", suite=CipherSuite.X25519_CHACHA20POLY1305_SHA256_ED25519)
    with pytest.raises(CryptoError, match="cipher suite"):
        group.commit(circle["alice"], env(), add=[Person("bob").published])
    with pytest.raises(MessageRejected, match="cipher suite"):
        group.parse_key_package(Person("bob").published, env(), circle.suite)
