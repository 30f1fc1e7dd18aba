"""Replays, generations, epochs, deletion and restored states: one test per trap."""

from dataclasses import replace

import pytest

from companion.crypto import primitives
from companion.errors import CryptoError
from companion.mls import (
    framing,
    group,
)
from companion.mls.proposals import Remove
from companion.mls.secret_tree import SKIPPED_MAX, RatchetKind
from tests.unit.mls.circle import Circle, env, framed, public, refused, sealed


def test_replayed_application_data_is_refused():
    circle = Circle("alice", "bob")
    message = circle.say("alice", b"once")
    circle.deliver("alice", message)
    refused(circle["bob"], message, "used already")


def test_replayed_proposal_and_commit_are_refused():
    circle = Circle("alice", "bob", "carol")
    circle.states["bob"], update = group.propose_update(circle["bob"], env())
    circle.deliver("bob", update)
    refused(circle["alice"], update, "used already")
    made = circle.commit("alice")
    refused(circle["bob"], made, "epoch")


def test_replayed_late_message_is_refused():
    circle = Circle("alice", "bob")
    message = circle.say("alice", b"once")
    circle.commit("bob")
    circle.deliver("alice", message)
    refused(circle["bob"], message, "used already")


def test_reused_generation_is_refused():
    """A second message under a generation that was used, with other content."""
    circle = Circle("alice", "bob")
    alice = circle["alice"]
    circle.deliver("alice", sealed(alice, framed(alice, b"first")))
    refused(circle["bob"], sealed(alice, framed(alice, b"second")), "used already")


def test_messages_out_of_order_are_read_once_each():
    circle = Circle("alice", "bob")
    messages = [circle.say("alice", str(number).encode()) for number in range(20)]
    for number in (7, 3, 19, 0, 18, 5):
        assert circle.deliver("alice", messages[number]).plaintext == str(number).encode()
        refused(circle["bob"], messages[number], "used already")


def test_skipped_generations_are_bounded():
    circle = Circle("alice", "bob")
    alice = circle["alice"]
    messages = {}
    for number in range(SKIPPED_MAX + 3):
        alice, message = group.protect(alice, b"x", env())
        if number in (0, 1, SKIPPED_MAX, SKIPPED_MAX + 1, SKIPPED_MAX + 2):
            messages[number] = message
    bob = circle["bob"]
    refused(bob, messages[SKIPPED_MAX + 1], "too far ahead")
    bob, _ = group.process(bob, messages[SKIPPED_MAX], env())
    assert len(bob.secret_tree.ratchets[0][RatchetKind.APPLICATION].skipped) == SKIPPED_MAX
    bob, _ = group.process(bob, messages[SKIPPED_MAX + 2], env())
    assert len(bob.secret_tree.ratchets[0][RatchetKind.APPLICATION].skipped) == SKIPPED_MAX
    refused(bob, messages[0], "too old")
    group.process(bob, messages[1], env())


def test_huge_generation_is_refused_at_once():
    circle = Circle("alice", "bob")
    tree = circle["alice"].secret_tree
    with pytest.raises(CryptoError, match="too far"):
        tree.key_at(1, RatchetKind.APPLICATION, 2**32 - 1)


def test_ratchet_ends_before_its_counter_turns_over():
    tree = Circle("alice", "bob")["alice"].secret_tree._opened(0)
    ratchet = replace(tree.ratchets[0][0], generation=2**32 - 1)
    with pytest.raises(CryptoError, match="no generation left"):
        ratchet.next(tree.suite)


def test_used_keys_and_their_origins_are_deleted():
    circle = Circle("alice", "bob", "carol", "dave")
    tree = circle["bob"].secret_tree
    root = dict(tree.secrets)
    assert set(root) == {circle["bob"].tree.root}
    message = circle.say("alice", b"text")
    key, _ = tree.key_at(0, RatchetKind.APPLICATION, 0)
    circle.deliver("alice", message)
    saved = group.encode_state(circle["bob"])
    assert key.key not in saved
    assert key.nonce not in saved
    assert next(iter(root.values())) not in saved
    assert set(circle["bob"].secret_tree.secrets) == {2, 5}


def test_old_epoch_secrets_are_deleted_by_a_commit():
    circle = Circle("alice", "bob")
    before = circle["bob"]
    circle.commit("alice")
    saved = group.encode_state(group.forget_past(circle["bob"]))
    for secret in (
        before.secrets.init_secret,
        before.secrets.exporter_secret,
        before.secrets.sender_data_secret,
        before.private_keys[1],
    ):
        assert secret not in saved


@pytest.mark.parametrize("wrap", [sealed, public])
@pytest.mark.parametrize("difference", [1, -1, 7])
def test_wrong_epoch_is_refused(wrap, difference):
    """Signed and sealed by a real member with the current keys, but for another epoch."""
    circle = Circle("alice", "bob", "carol")
    for _ in range(2):
        circle.commit("carol")
    content = framed(circle["bob"], Remove(2), epoch=circle["bob"].epoch + difference)
    refused(circle["alice"], wrap(circle["bob"], content), "for epoch")


def test_application_data_of_a_future_epoch_is_refused():
    circle = Circle("alice", "bob")
    made = circle.pending("bob")
    ahead = group.accept(circle["bob"], made, env())
    _, message = group.protect(ahead, b"text", env())
    refused(circle["alice"], message, "for epoch")


@pytest.mark.parametrize("wrap", [sealed, public])
@pytest.mark.parametrize("body", [Remove(2), b"text"])
def test_wrong_group_is_refused(wrap, body):
    circle = Circle("alice", "bob", "carol")
    if wrap is public and isinstance(body, bytes):
        return
    content = framed(circle["bob"], body, group_id=b"another group id")
    refused(circle["alice"], wrap(circle["bob"], content), "another group")


def test_message_of_another_group_of_the_same_people_is_refused():
    one, two = Circle("alice", "bob"), Circle("alice", "bob")
    refused(two["bob"], one.say("alice", b"text"), "does not open")


def test_signature_is_bound_to_group_and_epoch():
    """A signed message cannot be taken from one epoch and sealed again in the next."""
    circle = Circle("alice", "bob", "carol")
    old = circle["bob"]
    circle.commit("alice")
    new = circle["bob"]
    content = framed(new, b"text")
    signed = framing.sign(old.signature_private, framing.WireFormat.PRIVATE_MESSAGE, content, old.context)
    moved = sealed(new, content, alter=lambda message: replace(message, auth=signed.auth))
    refused(circle["alice"], moved, "signature")


def test_refused_message_leaves_the_state_as_it_was():
    """Every byte of a commit flipped in turn: nothing of it sticks, and the commit itself still works."""
    circle = Circle("alice", "bob", "carol")
    made = circle.pending("alice", add=["dave"], remove=["carol"])
    before = circle["bob"]
    saved = group.encode_state(before)
    for position in range(0, len(made.message), 5):
        forged = bytearray(made.message)
        forged[position] ^= 0x01
        refused(before, bytes(forged))
    assert group.encode_state(before) == saved
    group.process(before, made.message, env())


def test_restored_state_never_reuses_a_key_and_nonce(monkeypatch):
    """Every operation is followed by saving and restoring; no (key, nonce) is ever used twice for sealing."""
    used = []
    encrypt = primitives.aead_encrypt

    def watched(aead, key, nonce, plaintext, aad):
        used.append((key, nonce))
        return encrypt(aead, key, nonce, plaintext, aad)

    monkeypatch.setattr(primitives, "aead_encrypt", watched)
    circle = Circle("alice", "bob", "carol")
    for number in range(30):
        for name in list(circle.states):
            circle.deliver(name, circle.say(name, b"same words", env(random=bytes)))
            circle.states = {who: group.decode_state(group.encode_state(state)) for who, state in circle.states.items()}
        if number % 10 == 9:
            circle.pending("bob")
            circle.states["bob"], _ = group.propose_update(circle["bob"], env())
            circle.commit("carol")
    assert len(used) > 200
    assert len(set(used)) == len(used)


def test_sending_advances_the_state_before_the_bytes_are_returned():
    circle = Circle("alice", "bob")
    before = circle["alice"]
    after, _ = group.protect(before, b"text", env())
    assert after.secret_tree.ratchets[0][RatchetKind.APPLICATION].generation == 1
    assert group.encode_state(after) != group.encode_state(before)


def test_reuse_guard_masks_the_nonce(monkeypatch):
    """Even a state that was rolled back does not repeat a nonce: the guard is random."""
    circle = Circle("alice", "bob")
    used = set()
    encrypt = primitives.aead_encrypt
    monkeypatch.setattr(
        primitives, "aead_encrypt", lambda aead, key, nonce, *rest: used.add(nonce) or encrypt(aead, key, nonce, *rest)
    )
    for _ in range(2):
        group.protect(circle["alice"], b"text", env())
    content_nonces = {nonce[4:] for nonce in used}
    assert len(used) == 4
    assert len(content_nonces) == 3
