"""Proposals that do not go together, and members who lack a capability."""

from dataclasses import replace

import pytest

from companion.crypto import hpke, primitives
from companion.errors import CryptoError
from companion.mls import (
    applying,
    codec,
    committing,
    group,
    nodes,
    processing,
)
from companion.mls.key_schedule import PskUsage
from companion.mls.messages import decode_message
from companion.mls.nodes import Extension, LeafSource
from companion.mls.proposals import (
    Add,
    ExternalInit,
    GroupContextExtensions,
    Remove,
    Update,
)
from tests.unit.mls.circle import (
    Circle,
    Person,
    dishonest,
    env,
    framed,
    nobody_new,
    own_update,
    psk,
    refused,
    refused_join,
    reinit,
    sealed,
    with_path,
)

BAD_LISTS = {
    "own update": (lambda alice: [own_update(alice)], "its own update"),
    "own removal": (lambda alice: [Remove(0)], "remove itself"),
    "one leaf removed twice": (lambda alice: [Remove(1), Remove(1)], "same leaf"),
    "removal of nobody": (lambda alice: [Remove(3)], "blank"),
    "removal far outside": (lambda alice: [Remove(2**32 - 1)], "blank"),
    "extensions twice": (lambda alice: [GroupContextExtensions(()), GroupContextExtensions(())], "two proposals"),
    "reinitialisation with others": (lambda alice: [reinit(), Remove(1)], "come alone"),
    "external init": (lambda alice: [ExternalInit(bytes(32))], "joining from outside"),
    "one key named twice": (lambda alice: [psk(), psk()], "named twice"),
    "branch key": (lambda alice: [psk(usage=PskUsage.BRANCH)], "usage"),
    "reinit key": (lambda alice: [psk(usage=PskUsage.REINIT)], "usage"),
    "short nonce": (lambda alice: [psk(nonce=bytes(31))], "nonce"),
    "unknown key": (lambda alice: [psk(psk_id=b"unknown")], "not known"),
    "older version": (lambda alice: [replace(reinit(), version=0)], "older version"),
}


@pytest.mark.parametrize("name", BAD_LISTS)
def test_commit_with_proposals_that_do_not_go_together_is_refused(name, monkeypatch):
    make, match = BAD_LISTS[name]
    circle = Circle("alice", "bob", "carol")
    known = env(psks={b"id": bytes(32)})
    proposals = make(circle["alice"])
    with pytest.raises(CryptoError, match=match):
        committing.make_commit(circle["alice"], proposals, known)
    with monkeypatch.context() as patch:
        patch.setattr(applying, "find_psk", lambda *args: bytes(32))
        patch.setattr(applying.RatchetTree, "with_removed", lambda tree, leaf: tree)
        made = dishonest(monkeypatch, circle["alice"], proposals)
    refused(circle["bob"], made.message, match, known)


def test_client_added_twice_is_refused(monkeypatch):
    circle = Circle("alice", "bob")
    dave = Person("dave")
    second = group.make_key_package(dave.identity, env())[1]
    proposals = [Add(decode_message(dave.published)), Add(decode_message(second))]
    with pytest.raises(CryptoError, match="added twice"):
        committing.make_commit(circle["alice"], proposals, env())
    refused(circle["bob"], dishonest(monkeypatch, circle["alice"], proposals).message, "added twice")


def test_commit_that_needs_a_path_and_has_none_is_refused(monkeypatch):
    circle = Circle("alice", "bob", "carol")
    for proposals in ([], [Remove(2)], [GroupContextExtensions(())]):
        with monkeypatch.context() as patch:
            patch.setattr(committing, "is_path_required", lambda proposals: False)
            made = dishonest(monkeypatch, circle["alice"], proposals, with_path=False)
        refused(circle["bob"], made.message, "lacks the update path")


def test_commit_that_refers_to_an_unknown_proposal_is_refused(monkeypatch):
    circle = Circle("alice", "bob", "carol")
    circle.states["bob"], update = group.propose_update(circle["bob"], env())
    alice, _ = group.process(circle["alice"], update, env())
    _, made = group.commit(alice, env())
    refused(circle["carol"], made.message, "not here")


def test_update_that_keeps_its_key_is_refused(monkeypatch):
    circle = Circle("alice", "bob")
    bob = circle["bob"]
    leaf = replace(bob.member(1), source=LeafSource.UPDATE, lifetime=None)
    leaf = leaf.signed(bob.signature_private, bob.group_id, 1)
    refused(circle["alice"], sealed(bob, framed(bob, Update(leaf))), "old encryption key")


def test_update_with_a_leaf_that_is_invalid_in_itself_is_refused():
    circle = Circle("alice", "bob")
    bob = circle["bob"]
    leaf = replace(own_update(bob).leaf_node, extensions=(Extension(500, b""),))
    leaf = leaf.signed(bob.signature_private, bob.group_id, 1)
    refused(circle["alice"], sealed(bob, framed(bob, Update(leaf))), "own extensions")


@pytest.mark.parametrize("source", [LeafSource.COMMIT, LeafSource.KEY_PACKAGE])
def test_update_with_a_leaf_that_was_not_made_for_it_is_refused(source):
    circle = Circle("alice", "bob")
    bob = circle["bob"]
    key = hpke.derive_keypair(b"another")[1]
    lifetime = bob.member(1).lifetime if source == LeafSource.KEY_PACKAGE else None
    leaf = replace(bob.member(1), encryption_key=key, source=source, lifetime=lifetime)
    leaf = leaf.signed(bob.signature_private, bob.group_id, 1)
    refused(circle["alice"], sealed(bob, framed(bob, Update(leaf))), "made for it")


def test_new_signature_key_that_the_application_does_not_know_is_refused(monkeypatch):
    circle = Circle("alice", "bob")
    bob, private, public_key = circle["bob"], *primitives.signing_keypair()
    leaf = replace(own_update(bob).leaf_node, signature_key=public_key).signed(private, bob.group_id, 1)
    message = sealed(bob, framed(bob, Update(leaf)))
    refused(circle["alice"], message, "does not belong", env(authenticate=nobody_new))
    group.process(circle["alice"], message, env())
    rekeyed = with_path(
        monkeypatch,
        circle,
        lambda path, state: replace(
            path,
            leaf_node=replace(path.leaf_node, signature_key=public_key).signed(private, state.group_id, 1),
        ),
        actor="bob",
    )
    refused(circle["alice"], rekeyed, "does not belong", env(authenticate=nobody_new))


def test_members_who_keep_their_key_are_not_asked_about_again():
    """Device lists that differ for a moment must not split a group."""
    circle = Circle("alice", "bob")
    made = circle.pending("alice")
    group.process(circle["bob"], made.message, env(authenticate=nobody_new))


@pytest.mark.parametrize(("group_id", "leaf_index"), [(b"another group id", 1), (b"group id 16 byte", 0)])
def test_update_signed_for_another_group_or_leaf_is_refused(group_id, leaf_index):
    circle = Circle("alice", "bob")
    bob = circle["bob"]
    leaf = own_update(bob).leaf_node.signed(bob.signature_private, group_id, leaf_index)
    refused(circle["alice"], sealed(bob, framed(bob, Update(leaf))), "signature")


def test_too_many_proposals_in_one_epoch_are_refused(monkeypatch):
    circle = Circle("alice", "bob")
    monkeypatch.setattr(processing, "CACHED_PROPOSALS_MAX", 2)
    for _ in range(2):
        circle.states["bob"], update = group.propose_update(circle["bob"], env())
        circle.deliver("bob", update)
    circle.states["bob"], update = group.propose_update(circle["bob"], env())
    refused(circle["alice"], update, "too many")


def test_external_init_as_a_proposal_is_refused():
    circle = Circle("alice", "bob")
    bob = circle["bob"]
    refused(circle["alice"], sealed(bob, framed(bob, ExternalInit(bytes(32)))), "from outside")


def required(extensions=(), proposals=(), credentials=()):
    data = b"".join(codec.vector(codec.uint16(n) for n in numbers) for numbers in (extensions, proposals, credentials))
    return Extension(nodes.EXTENSION_REQUIRED_CAPABILITIES, data)


@pytest.mark.parametrize("demand", [required(extensions=[500]), required(proposals=[500]), required(credentials=[2])])
def test_group_that_requires_what_a_member_lacks_is_refused(demand, monkeypatch):
    circle = Circle("alice", "bob")
    change = [GroupContextExtensions((demand,))]
    with pytest.raises(CryptoError, match="required capability"):
        committing.make_commit(circle["alice"], change, env())
    refused(circle["bob"], dishonest(monkeypatch, circle["alice"], change).message, "required capability")


def test_extension_that_a_member_does_not_support_is_refused(monkeypatch):
    circle = Circle("alice", "bob")
    change = [GroupContextExtensions((Extension(500, b""),))]
    refused(circle["bob"], dishonest(monkeypatch, circle["alice"], change).message, "every extension of the group")


def test_joiner_refuses_a_group_whose_extensions_it_does_not_support(monkeypatch):
    circle = Circle("alice", "bob")
    dave = circle.person("dave")
    change = [GroupContextExtensions((Extension(500, b""),)), Add(dave.own.package)]
    made = dishonest(monkeypatch, circle["alice"], change)
    refused_join(dave, made.welcome, "every extension of the group")


def test_new_member_must_support_the_credentials_in_use(monkeypatch):
    circle = Circle("alice", "bob")
    x509 = Person("dave")
    leaf = x509.own.package.leaf_node
    capabilities = replace(leaf.capabilities, credentials=(2,))
    leaf = replace(leaf, credential=nodes.Credential(2, certificates=(b"cert",)), capabilities=capabilities)
    package = replace(x509.own.package, leaf_node=leaf.signed(x509.identity.signature_private))
    package = package.signed(x509.identity.signature_private)
    made = dishonest(monkeypatch, circle["alice"], [Add(package)])
    refused(circle["bob"], made.message, "every credential in use")
