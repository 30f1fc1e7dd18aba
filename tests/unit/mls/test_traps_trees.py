"""Trees that somebody forged, and keys that stand twice: one test per trap."""

from dataclasses import replace

import pytest

from companion.crypto import hpke
from companion.errors import CryptoError
from companion.mls import (
    committing,
    group,
    joining,
    nodes,
    ratchet_tree,
    update_path,
)
from companion.mls.messages import encode_message
from companion.mls.nodes import LeafSource
from tests.unit.mls.circle import Circle, Person, env, refused, refused_join, unchecked


def welcome_with_tree(circle, monkeypatch, alter, fix_hash=True):
    """Return Dave and a Welcome whose tree was altered by a dishonest committer, who signs what it says."""
    info = committing.group_info

    def altered(state, *rest):
        tree = alter(state.tree)
        made = info(replace(state, tree=tree), *rest)
        context = replace(made.context, tree_hash=tree.tree_hash()) if fix_hash else made.context
        return replace(made, context=context).signed(state.signature_private)

    dave = circle.person("dave")
    with monkeypatch.context() as patch:
        patch.setattr(committing, "group_info", altered)
        made = circle.pending("alice", add=["dave"])
    return dave, made.welcome


def busy_circle():
    circle = Circle("alice", "bob", "carol", "erin")
    for actor in ("alice", "bob", "carol", "erin"):
        circle.commit(actor)
    return circle


def test_tree_hash_that_does_not_hold_is_refused(monkeypatch):
    circle = busy_circle()

    def other_key(tree):
        parent = tree.parent_node(1)
        return tree.with_nodes({1: None}) if parent is not None else tree

    circle.commit("alice")
    dave, welcome = welcome_with_tree(circle, monkeypatch, other_key, fix_hash=False)
    refused_join(dave, welcome, "tree hash")


def test_parent_hash_that_does_not_hold_is_refused(monkeypatch):
    circle = busy_circle()

    def forged_parent(tree):
        return tree.with_nodes({1: replace(tree.parent_node(1), encryption_key=hpke.derive_keypair(b"evil")[1])})

    dave, welcome = welcome_with_tree(circle, monkeypatch, forged_parent)
    refused_join(dave, welcome, "parent hash of node 1")


def test_root_with_a_parent_hash_is_refused(monkeypatch):
    circle = busy_circle()

    def above_the_root(tree):
        return tree.with_nodes({tree.root: replace(tree.parent_node(tree.root), parent_hash=bytes(32))})

    dave, welcome = welcome_with_tree(circle, monkeypatch, above_the_root)
    refused_join(dave, welcome, "root has a parent hash")


def test_parent_node_that_no_member_set_is_refused(monkeypatch):
    circle = Circle("alice", "bob", "carol", "erin")
    circle.commit("alice", remove=["carol"])

    def planted(tree):
        blank = next(node for node in range(1, len(tree.nodes), 2) if tree.nodes[node] is None)
        return tree.with_nodes({blank: nodes.ParentNode(encryption_key=hpke.derive_keypair(b"evil")[1])})

    circle.commit("alice", add=["frank", "grace"], with_path=False)
    dave, welcome = welcome_with_tree(circle, monkeypatch, planted)
    refused_join(dave, welcome, "parent hash")


def test_parent_hash_of_the_committers_leaf_is_checked(monkeypatch):
    circle = busy_circle()
    with monkeypatch.context() as patch:
        path_nodes = update_path._path_nodes
        patch.setattr(update_path, "_path_nodes", lambda *args: (path_nodes(*args)[0], bytes(32)))
        made = circle.pending("alice")
    refused(circle["bob"], made.message, "parent hash")


@pytest.mark.parametrize(
    ("leaves", "match"),
    [((7,), "no member below"), ((2,), "no member below"), ((0, 0), "increasing"), ((1, 0), "increasing")],
)
def test_unmerged_leaves_that_are_not_below_are_refused(monkeypatch, leaves, match):
    circle = busy_circle()

    def unmerged(tree):
        return tree.with_nodes({1: replace(tree.parent_node(1), unmerged_leaves=leaves)})

    dave, welcome = welcome_with_tree(circle, monkeypatch, unmerged)
    refused_join(dave, welcome, match)


def test_unmerged_leaf_that_is_missing_below_is_refused():
    circle = busy_circle()
    circle.commit("alice", add=["frank"])
    tree = circle["alice"].tree
    root = replace(tree.parent_node(tree.root), unmerged_leaves=(0,))
    with pytest.raises(CryptoError, match="missing below"):
        ratchet_tree.verify_unmerged_leaves(tree.with_nodes({tree.root: root}))


def test_duplicate_encryption_key_in_a_joined_tree_is_refused(monkeypatch):
    circle = busy_circle()

    def doubled(tree):
        key = tree.leaf(1).encryption_key
        return tree.with_nodes({1: replace(tree.parent_node(1), encryption_key=key)})

    dave, welcome = welcome_with_tree(circle, monkeypatch, doubled)
    refused_join(dave, welcome, "encryption key stands twice")


def test_duplicate_signature_key_in_a_joined_tree_is_refused(monkeypatch):
    circle = Circle("alice", "bob")
    twin = Person("twin")
    signer = circle.people["bob"].identity
    circle.commit("alice", add=["carol"])

    def doubled(tree):
        leaf = replace(twin.own.package.leaf_node, signature_key=signer.signature_public)
        return tree.with_leaf(2, leaf.signed(signer.signature_private))

    dave, welcome = welcome_with_tree(circle, monkeypatch, doubled)
    refused_join(dave, welcome, "signature key stands twice")


@pytest.mark.parametrize("source", [LeafSource.KEY_PACKAGE, LeafSource.COMMIT])
def test_wrongly_signed_leaf_in_a_joined_tree_is_refused(monkeypatch, source):
    circle = Circle("alice", "bob", "carol")
    if source == LeafSource.COMMIT:
        circle.commit("bob")

    def unsigned(tree):
        leaf = tree.leaf(1)
        assert leaf.source == source
        return tree.with_nodes({2: replace(leaf, signature=bytes(64))})

    dave, welcome = welcome_with_tree(circle, monkeypatch, unsigned)
    monkeypatch.setattr(joining, "verify_parent_hashes", lambda tree: None)
    refused_join(dave, welcome, "signature does not hold")


def test_add_of_a_client_who_is_in_the_group_is_refused(monkeypatch):
    circle = Circle("alice", "bob", "carol")
    _, published = group.make_key_package(circle.people["bob"].identity, env())
    with pytest.raises(CryptoError, match="signature key stands twice"):
        group.commit(circle["alice"], env(), add=[published])
    with unchecked(monkeypatch, (committing, "verify_unique_keys")):
        _, made = group.commit(circle["alice"], env(), add=[published])
    refused(circle["carol"], made.message, "signature key stands twice")


def test_add_with_an_encryption_key_of_the_tree_is_refused(monkeypatch):
    circle = Circle("alice", "bob", "carol")
    eve = Person("eve")
    leaf = replace(eve.own.package.leaf_node, encryption_key=circle["alice"].member(1).encryption_key)
    leaf = leaf.signed(eve.identity.signature_private)
    package = encode_message(replace(eve.own.package, leaf_node=leaf).signed(eve.identity.signature_private))
    with pytest.raises(CryptoError, match="encryption key stands twice"):
        group.commit(circle["alice"], env(), add=[package])
    with unchecked(monkeypatch, (committing, "verify_unique_keys")):
        _, made = group.commit(circle["alice"], env(), add=[package])
    refused(circle["carol"], made.message, "encryption key stands twice")


def test_update_path_that_repeats_a_key_is_refused(monkeypatch):
    circle = busy_circle()
    stolen = circle["alice"].member(3).encryption_key
    create = committing.create_path

    def repeating(*args):
        own = create(*args)
        first = replace(own.path.nodes[0], encryption_key=stolen)
        return replace(own, path=replace(own.path, nodes=(first, *own.path.nodes[1:])))

    monkeypatch.setattr(committing, "create_path", repeating)
    made = circle.pending("alice")
    refused(circle["bob"], made.message, "repeats a key")
