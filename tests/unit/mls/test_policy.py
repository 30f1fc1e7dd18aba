"""The group's policy: who may change the membership."""

from dataclasses import replace

import pytest

from companion.errors import CryptoError
from companion.mls import (
    committing,
    group,
    nodes,
    policy,
)
from companion.mls.nodes import Extension
from companion.mls.policy import Policy
from companion.mls.proposals import Add, GroupContextExtensions, Remove
from tests.unit.mls.circle import Circle, add_of, dishonest, env, framed, guarded, refused, refused_join, reinit, sealed


def changed_policy(state, signer=None, group_id=None, **changes):
    """Return a proposal to replace the policy, signed by the state's member unless said otherwise."""
    old = state.policy
    new = replace(old, revision=old.revision + 1, administrators=(b"alice", b"bob"))
    new = replace(new, **changes).signed(
        signer or state.signature_private, group_id or state.group_id, state.member(state.own_leaf)
    )
    return GroupContextExtensions((new.extension(),))


def test_administrator_may_change_the_membership_and_name_others():
    circle = guarded()
    circle.commit("alice", add=["dave"])
    circle.commit("alice", administrators=[b"alice", b"bob"])
    assert circle["carol"].policy.administrators == (b"alice", b"bob")
    assert circle["carol"].policy.revision == 2
    circle.commit("bob", add=["erin"], remove=["alice"])
    assert circle["erin"].policy == circle["carol"].policy
    circle.agree()


def test_everybody_may_renew_keys_and_commit_what_an_administrator_proposed():
    circle = guarded()
    circle.commit("bob")
    circle.states["alice"], remove = group.propose_remove(circle["alice"], circle.leaf("carol"), env())
    circle.deliver("alice", remove)
    made = circle.pending("bob")
    del circle.states["carol"]
    circle.deliver("bob", made.message)
    assert b"carol" not in dict(circle["alice"].members()).values()


def test_everybody_may_propose_to_leave():
    circle = guarded()
    circle.states["carol"], leave = group.propose_remove(circle["carol"], circle.leaf("carol"), env())
    circle.deliver("carol", leave)
    made = circle.pending("bob")
    del circle.states["carol"]
    circle.deliver("bob", made.message)
    assert len(circle["alice"].members()) == 2


@pytest.mark.parametrize(
    "change",
    [lambda: Remove(2), add_of, reinit, lambda: GroupContextExtensions(())],
    ids=["remove", "add", "reinit", "extensions"],
)
def test_ordinary_member_cannot_change_the_membership(change, monkeypatch):
    circle = guarded()
    proposal = change()
    with pytest.raises(CryptoError, match="policy"):
        committing.make_commit(circle["bob"], [proposal], env())
    refused(circle["alice"], dishonest(monkeypatch, circle["bob"], [proposal]).message, "policy")
    refused(circle["alice"], sealed(circle["bob"], framed(circle["bob"], proposal)), "policy")


BAD_POLICIES = {
    "dropped": (lambda alice: GroupContextExtensions(()), "dropped"),
    "same revision": (lambda alice: changed_policy(alice, revision=1), "revision"),
    "skipped revision": (lambda alice: changed_policy(alice, revision=3), "revision"),
    "lower suite": (lambda alice: changed_policy(alice, minimum_suite=0), "only rise"),
    "suite above the group's": (lambda alice: changed_policy(alice, minimum_suite=3), "below the group's minimum"),
    "signer is no administrator": (lambda alice: changed_policy(alice, administrators=(b"bob",)), "no administrator"),
    "wrong signature": (lambda alice: changed_policy(alice, signer=bytes(32)), "signature"),
    "signed for another group": (lambda alice: changed_policy(alice, group_id=b"another group id"), "signature"),
}


@pytest.mark.parametrize("name", BAD_POLICIES)
def test_policy_change_that_does_not_hold_is_refused(name, monkeypatch):
    make, match = BAD_POLICIES[name]
    circle = guarded()
    proposal = make(circle["alice"])
    refused(circle["bob"], dishonest(monkeypatch, circle["alice"], [proposal]).message, match)


def test_policy_signed_by_somebody_else_than_its_author_is_refused(monkeypatch):
    circle = guarded()
    circle.commit("alice", administrators=[b"alice", b"bob"])
    by_bob = changed_policy(circle["bob"])
    refused(circle["carol"], dishonest(monkeypatch, circle["alice"], [by_bob]).message, "who proposes it")


def test_group_without_policy_can_be_given_one():
    circle = Circle("alice", "bob")
    assert circle["bob"].policy is None
    circle.commit("bob", administrators=[b"bob"])
    assert circle["alice"].policy.administrators == (b"bob",)
    with pytest.raises(CryptoError, match="policy"):
        circle.pending("alice", add=["carol"])


def test_creator_who_is_no_administrator_is_refused():
    with pytest.raises(CryptoError, match="no administrator"):
        Circle("alice", administrators=["bob"])


def test_joiner_refuses_a_policy_that_no_known_administrator_signed(monkeypatch):
    circle = guarded()
    dave = circle.person("dave")
    made = circle.pending("alice", add=["dave"])
    leaf = circle["alice"].member(0)

    def only_on_leaves(identity, key):
        return identity != b"alice" or key != leaf.signature_key

    refused_join(dave, made.welcome, "does not belong", env(authenticate=only_on_leaves))
    forged = replace(circle["alice"].policy, signature=bytes(64))
    alice = replace(circle["alice"], context=replace(circle["alice"].context, extensions=(forged.extension(),)))
    made = dishonest(monkeypatch, alice, [Add(dave.own.package)])
    refused_join(dave, made.welcome, "signature")


def test_joiner_asks_about_the_key_that_signed_the_policy():
    """The administrator has left, so that nobody in the tree has this key: the application must know it."""
    circle = guarded()
    circle.commit("alice", administrators=[b"alice", b"bob"])
    circle.commit("bob", remove=["alice"])
    dave = circle.person("dave")
    made = circle.pending("bob", add=["dave"])
    refused_join(dave, made.welcome, "signed the policy", env(authenticate=lambda identity, key: identity != b"alice"))
    group.join(made.welcome, [dave.own], env())


@pytest.mark.parametrize("version", [0, 3])
def test_policy_of_another_version_is_refused(version):
    data = bytes([version]) + guarded()["alice"].policy.extension().data[1:]
    with pytest.raises(CryptoError, match="policy version"):
        policy.policy_of((Extension(nodes.EXTENSION_POLICY, data),))


def test_group_below_its_minimum_suite_is_refused():
    state = guarded()["alice"]
    rising = replace(state.policy, minimum_suite=3).signed(state.signature_private, state.group_id, state.member(0))
    with pytest.raises(CryptoError, match="minimum"):
        rising.verify(state.group_id, 1)
    rising.verify(state.group_id, 3)
    assert isinstance(rising, Policy)


def people_with_devices():
    """Alice, an administrator, and Bob, who is none: 32 letters for the person, then the device."""
    return Circle("a" * 32 + "1", "b" * 32 + "1", administrators=["a" * 32])


def test_administrator_is_one_on_every_device():
    circle = people_with_devices()
    circle.commit("a" * 32 + "1", add=["a" * 32 + "2"])
    circle.commit("a" * 32 + "2", add=["c" * 32 + "1"])
    circle.agree()


def test_everybody_may_add_and_remove_their_own_devices_only():
    circle = people_with_devices()
    bob = "b" * 32
    circle.commit(bob + "1", add=[bob + "2"])
    circle.commit(bob + "1", remove=[bob + "2"])
    circle.agree()
    with pytest.raises(CryptoError, match="policy"):
        circle.pending(bob + "1", add=["c" * 32 + "1"])
    with pytest.raises(CryptoError, match="policy"):
        circle.pending(bob + "1", remove=["a" * 32 + "1"])


def again(circle, name):
    """Return a fresh key package of somebody who is in already, under the same keys."""
    own, published = group.make_key_package(circle.people[name].identity, env())
    return own, published


def test_everybody_may_let_a_device_come_back_under_the_same_key():
    circle = guarded()
    own, published = again(circle, "carol")
    circle.states["bob"], made = group.commit(circle["bob"], env(), add=[published], remove=[circle.leaf("carol")])
    del circle.states["carol"]
    circle.deliver("bob", made.message)
    circle.states["bob"] = group.accept(circle["bob"], made, env())
    circle.states["carol"], _ = group.join(made.welcome, [own], env())
    circle.agree()


def test_coming_back_under_another_key_is_refused(monkeypatch):
    circle = guarded()
    proposals = [Remove(circle.leaf("carol")), add_of("carol")]  # another Carol, with a key of her own
    with pytest.raises(CryptoError, match="policy"):
        committing.make_commit(circle["bob"], proposals, env())
    refused(circle["alice"], dishonest(monkeypatch, circle["bob"], proposals).message, "policy")


def test_members_add_where_the_policy_says_so_and_remove_nobody():
    circle = Circle("alice", "bob", administrators=["alice"], members_may_add=True)
    circle.commit("bob", add=["carol"])
    circle.commit("alice", administrators=[b"alice"])
    circle.commit("carol", add=["dave"])
    circle.agree()
    with pytest.raises(CryptoError, match="policy"):
        circle.pending("bob", remove=["carol"])
