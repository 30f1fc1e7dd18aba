"""What a group's state keeps, for how long, what of it is saved and loaded, and what it never shows."""

from dataclasses import replace

import pytest

from companion.errors import CryptoError, MessageRejected
from companion.mls import group
from companion.mls.group_state import PAST_EPOCH_MS, PAST_EPOCHS_MAX
from companion.mls.processing import ApplicationMessage
from tests.unit.mls.circle import NOW_MS, Circle, Person, env


def test_pending_commit_survives_a_restart():
    circle = Circle("alice", "bob")
    made = circle.pending("alice", add=["carol"])
    restored = group.decode_pending(group.encode_pending(made))
    assert restored == made
    circle.deliver("alice", restored.message)
    circle.states["alice"] = group.accept(circle["alice"], restored, env())
    circle.states["carol"], _ = group.join(restored.welcome, [circle.people["carol"].own], env())
    circle.agree()


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
