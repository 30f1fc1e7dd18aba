"""Our own messages, read in a state that is older than the one that sealed them."""

from dataclasses import replace

import pytest

from companion.errors import MessageRejected
from companion.mls import group
from tests.unit.mls.circle import Circle, env


def test_message_that_an_older_state_knows_nothing_of_is_opened():
    circle = Circle("alice", "bob")
    older = circle["alice"]
    message = circle.say("alice", b"since then")
    with pytest.raises(group.Ours):
        group.process(older, message, env())
    moved, plaintext = group.open_own(older, message)
    assert plaintext == b"since then"
    with pytest.raises(MessageRejected):
        group.open_own(moved, message)


def test_message_that_this_state_has_sealed_itself_is_refused():
    circle = Circle("alice", "bob")
    message = circle.say("alice", b"text")
    with pytest.raises(MessageRejected, match="used already"):
        group.open_own(circle["alice"], message)


def test_message_of_somebody_else_is_refused():
    circle = Circle("alice", "bob")
    message = circle.say("bob", b"text")
    with pytest.raises(MessageRejected, match="somebody else"):
        group.open_own(circle["alice"], message)


def test_message_in_our_name_by_somebody_else_is_refused():
    """Every member derives every key; only the signature says who it was."""
    circle = Circle("alice", "bob")
    as_alice = replace(circle["bob"], own_leaf=circle["alice"].own_leaf)
    _, forged = group.protect(as_alice, b"text", env())
    before = group.encode_state(circle["alice"])
    with pytest.raises(MessageRejected):
        group.open_own(circle["alice"], forged)
    assert group.encode_state(circle["alice"]) == before


def test_message_of_the_epoch_before_is_opened_too():
    circle = Circle("alice", "bob")
    before = circle["alice"]
    late = circle.say("alice", b"late")
    commit = circle.commit("bob")
    older = circle["alice"]
    assert older.epoch == before.epoch + 1
    past = replace(older.past_epochs[0], secret_tree=before.secret_tree)
    older = replace(older, past_epochs=(past, *older.past_epochs[1:]))
    moved, plaintext = group.open_own(older, late)
    assert plaintext == b"late"
    assert moved.past_epochs[0].secret_tree != past.secret_tree
    del commit
