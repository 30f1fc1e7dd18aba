"""Update paths of a dishonest committer."""

from dataclasses import replace

import pytest

from companion.crypto import hpke, primitives
from companion.errors import CryptoError
from companion.mls import (
    committing,
    nodes,
    suites,
    update_path,
)
from companion.mls.nodes import Extension, LeafSource
from tests.unit.mls.circle import Circle, refused, refused_join, with_path


def resigned(path, state, **changes):
    leaf = replace(path.leaf_node, **changes).signed(state.signature_private, state.group_id, state.own_leaf)
    return replace(path, leaf_node=leaf)


def first_node(path, **changes):
    return replace(path, nodes=(replace(path.nodes[0], **changes), *path.nodes[1:]))


UNSUPPORTED = (Extension(500, b""),)
BAD_PATHS = {
    "unsigned leaf": (lambda path, s: replace(path, leaf_node=replace(path.leaf_node, signature=bytes(64))), "signat"),
    "leaf of an update": (lambda path, s: resigned(path, s, source=LeafSource.UPDATE), "not made for a commit"),
    "unsupported extension": (lambda path, s: resigned(path, s, extensions=UNSUPPORTED), "own extensions"),
    "another name": (
        lambda path, s: resigned(path, s, credential=nodes.Credential(1, identity=b"ghost")),
        "another credential",
    ),
    "too few nodes": (lambda path, s: replace(path, nodes=path.nodes[:-1]), "1 nodes instead of 2"),
    "too many nodes": (lambda path, s: replace(path, nodes=(*path.nodes, path.nodes[0])), "3 nodes instead of 2"),
    "secret missing": (lambda path, s: first_node(path, ciphertexts=()), "wrong number of secrets"),
    "secret too many": (lambda path, s: first_node(path, ciphertexts=path.nodes[0].ciphertexts * 2), "wrong number"),
}


@pytest.mark.parametrize("name", BAD_PATHS)
def test_update_path_that_does_not_hold_is_refused(name, monkeypatch):
    alter, match = BAD_PATHS[name]
    circle = Circle("alice", "bob", "carol", "dave")
    message = with_path(monkeypatch, circle, alter)
    refused(circle["bob"], message, match)
    refused(circle["carol"], message, match)


def test_secret_sealed_to_others_is_refused(monkeypatch):
    circle = Circle("alice", "bob")
    message = with_path(
        monkeypatch,
        circle,
        lambda path, s: first_node(
            path,
            ciphertexts=(
                suites.encrypt_with_label(
                    s.suite, hpke.derive_keypair(b"x")[1], b"UpdatePathNode", b"", bytes(32), primitives.random_bytes
                ),
            ),
        ),
    )
    refused(circle["bob"], message, "does not open")


def test_public_key_that_does_not_follow_from_its_secret_is_refused(monkeypatch):
    """The committer puts a key into the tree that only an outsider can use."""
    circle = Circle("alice", "bob")
    derive = update_path.derive_path

    def planted(secret, path):
        made = derive(secret, path)
        return replace(made, public_keys={node: hpke.derive_keypair(b"outsider")[1] for node in made.public_keys})

    with monkeypatch.context() as patch:
        patch.setattr(update_path, "derive_path", planted)
        made = circle.pending("alice")
    refused(circle["bob"], made.message, "derived key")


def test_path_secret_of_a_welcome_that_does_not_fit_is_refused(monkeypatch):
    circle = Circle("alice", "bob")
    dave = circle.person("dave")
    secrets = committing.GroupSecrets
    with monkeypatch.context() as patch:
        patch.setattr(committing, "GroupSecrets", lambda **fields: secrets(**{**fields, "path_secret": bytes(32)}))
        made = circle.pending("alice", add=["dave"])
    refused_join(dave, made.welcome, "derived key")


def test_member_without_the_key_of_its_place_cannot_follow():
    circle = Circle("alice", "bob")
    made = circle.pending("alice")
    refused(replace(circle["bob"], private_keys={}), made.message, "no secret for us")


def test_committer_outside_the_tree_cannot_make_a_path():
    circle = Circle("alice", "bob")
    state = circle["alice"]
    with pytest.raises(CryptoError, match="blank"):
        update_path.create_path(
            state.suite, state.tree, 7, bytes(32), state.context, frozenset(), primitives.random_bytes
        )


def test_path_that_does_not_reach_us_is_refused():
    """Nobody opens a path of their own leaf."""
    state = Circle("alice", "bob")["alice"]
    own = update_path.create_path(
        state.suite,
        state.tree,
        0,
        state.signature_private,
        state.context,
        frozenset(),
        primitives.random_bytes,
    )
    with pytest.raises(CryptoError, match="does not reach us"):
        update_path.open_path(state.suite, own.tree, 0, own.path, 0, state.private_keys, own.context, frozenset())
