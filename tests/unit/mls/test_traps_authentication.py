"""Forged signatures, senders and tags, and the committer's own leaf: one test per trap."""

import itertools
from dataclasses import replace

import pytest

from companion.crypto import hpke, primitives
from companion.mls import (
    committing,
    framing,
    group,
    key_schedule,
    ratchet_tree,
    suites,
)
from companion.mls.framing import Sender, SenderType
from companion.mls.messages import decode_message, encode_message
from companion.mls.nodes import LeafSource
from companion.mls.proposals import (
    Remove,
)
from tests.unit.mls.circle import Circle, env, framed, public, refused, sealed


def test_committers_leaf_is_rekeyed_and_resigned_in_every_path_commit():
    circle = Circle("alice", "bob", "carol")
    seen = set()
    for actor in ("alice", "bob", "alice", "carol"):
        circle.commit(actor)
        leaf = circle["alice"].member(circle.leaf(actor))
        leaf.verify(circle["alice"].group_id, circle.leaf(actor))
        assert leaf.source == LeafSource.COMMIT
        seen.add((leaf.encryption_key, leaf.signature))
    assert len(seen) == 4
    assert len({key for key, _ in seen}) == 4


def test_commit_that_keeps_the_committers_key_is_refused(monkeypatch):
    circle = Circle("alice", "bob")
    old = circle["alice"].private_keys[0]
    derive, count = hpke.derive_keypair, itertools.count()

    def keys(secret):
        # The one parent's key pair comes first, then the leaf's.
        return (old, primitives.dh_public(old)) if next(count) == 1 else derive(secret)

    with monkeypatch.context() as patch:
        patch.setattr(hpke, "derive_keypair", keys)
        made = circle.pending("alice")
    refused(circle["bob"], made.message, "old encryption key")


def test_parent_hash_covers_the_original_sibling_tree():
    """A member added after a commit stands unmerged: the parent hash must be checked as if it were not there."""
    circle = Circle("alice", "bob", "carol", "dave")
    circle.commit("alice")
    circle.commit("carol", remove=["dave"])
    circle.commit("alice")
    circle.commit("alice", add=["erin"], with_path=False)
    tree = circle["erin"].tree
    unmerged = [node.unmerged_leaves for node in tree.nodes[1::2] if node is not None]
    assert (3,) in unmerged
    ratchet_tree.verify_parent_hashes(tree)
    circle.commit("erin")
    circle.agree()


def test_exporter_hashes_its_context():
    state = Circle("alice")["alice"]
    secret = suites.derive_secret(state.secrets.exporter_secret, b"label")
    for context in (b"", b"context", bytes(1000)):
        expected = suites.expand_with_label(secret, b"exported", primitives.sha256(context), 40)
        assert group.export_secret(state, b"label", context, 40) == expected


@pytest.mark.parametrize("wrap", [sealed, public])
def test_wrongly_signed_proposal_is_refused(wrap):
    circle = Circle("alice", "bob", "carol")
    content = framed(circle["bob"], Remove(2))
    refused(circle["alice"], wrap(circle["bob"], content, signer=primitives.random_bytes(32)), "signature")
    group.process(circle["alice"], wrap(circle["bob"], content), env())


def test_wrongly_signed_application_data_is_refused():
    circle = Circle("alice", "bob")
    content = framed(circle["bob"], b"forged")
    refused(circle["alice"], sealed(circle["bob"], content, signer=bytes(32)), "signature")


def test_wrongly_signed_application_data_of_a_past_epoch_is_refused():
    circle = Circle("alice", "bob")
    message = sealed(circle["bob"], framed(circle["bob"], b"forged"), signer=bytes(32))
    circle.commit("alice")
    refused(circle["alice"], message, "signature")


def test_unsigned_message_is_refused():
    circle = Circle("alice", "bob")
    content = framed(circle["bob"], b"unsigned")
    for signature in (b"", bytes(64)):
        message = sealed(
            circle["bob"],
            content,
            alter=lambda signed, s=signature: replace(signed, auth=framing.AuthData(s)),
        )
        refused(circle["alice"], message, "signature")


def test_wrongly_signed_commit_is_refused(monkeypatch):
    circle = Circle("alice", "bob")
    forger = replace(circle["bob"], signature_private=primitives.random_bytes(32))
    with monkeypatch.context() as patch:
        path = committing.create_path
        patch.setattr(
            committing,
            "create_path",
            lambda suite, tree, leaf, signer, *rest: path(suite, tree, leaf, circle["bob"].signature_private, *rest),
        )
        _, made = group.commit(forger, env())
    refused(circle["alice"], made.message, "signature")


def test_one_member_cannot_speak_for_another():
    """Bob seals with Carol's ratchet, which he can derive, and signs with his own key."""
    circle = Circle("alice", "bob", "carol")
    content = framed(circle["bob"], b"I am Carol", sender=Sender(SenderType.MEMBER, circle.leaf("carol")))
    refused(circle["alice"], sealed(circle["bob"], content), "signature")


@pytest.mark.parametrize("leaf", [3, 4, 1000, 2**32 - 1])
def test_sender_who_is_not_in_the_tree_is_refused(leaf):
    circle = Circle("alice", "bob", "carol")
    content = framed(circle["bob"], Remove(2), sender=Sender(SenderType.MEMBER, leaf))
    refused(circle["alice"], public(circle["bob"], content), "blank")


def test_private_message_of_a_blank_leaf_is_refused():
    circle = Circle("alice", "bob", "carol")
    content = framed(circle["bob"], b"text", sender=Sender(SenderType.MEMBER, 3))
    refused(circle["alice"], sealed(circle["bob"], content), "blank")


def test_late_message_of_somebody_who_was_not_there_is_refused():
    circle = Circle("alice", "bob", "carol")
    content = framed(circle["bob"], b"text", sender=Sender(SenderType.MEMBER, 3))
    message = sealed(circle["bob"], content)
    circle.commit("alice")
    refused(circle["alice"], message, "no other member")


def test_membership_tag_that_does_not_match_is_refused():
    """The service knows no membership key; a removed member knows an old one."""
    circle = Circle("alice", "bob", "carol")
    content = framed(circle["bob"], Remove(2))
    refused(circle["alice"], public(circle["bob"], content, membership_key=bytes(32)), "membership tag")


def test_public_member_message_without_membership_tag_is_malformed():
    circle = Circle("alice", "bob", "carol")
    message = decode_message(public(circle["bob"], framed(circle["bob"], Remove(2))))
    refused(circle["alice"], encode_message(replace(message, membership_tag=None)))


def test_unencrypted_application_data_is_refused():
    circle = Circle("alice", "bob")
    refused(circle["alice"], public(circle["bob"], framed(circle["bob"], b"text")), "unencrypted")


def test_confirmation_tag_that_does_not_match_is_refused(monkeypatch):
    circle = Circle("alice", "bob")
    with monkeypatch.context() as patch:
        patch.setattr(key_schedule, "confirmation_tag", lambda key, transcript: bytes(32))
        made = circle.pending("alice")
    refused(circle["bob"], made.message, "confirmation tag")


def test_own_message_that_comes_back_is_refused():
    circle = Circle("alice", "bob")
    alice = circle["alice"]
    for wrap in (sealed, public):
        refused(alice, wrap(alice, framed(alice, Remove(1))), "our own")
    late = circle.say("alice", b"text")
    refused(circle["alice"], late, "our own")
    circle.commit("bob")
    refused(circle["alice"], late, "our own")
