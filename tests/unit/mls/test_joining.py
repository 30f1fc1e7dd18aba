"""Welcomes that must be refused, and how groups end."""

from dataclasses import replace

import pytest

from companion.crypto import primitives
from companion.errors import CryptoError, MessageRejected
from companion.mls import (
    codec,
    committing,
    group,
    joining,
    messages,
    nodes,
    rules,
)
from companion.mls.group_state import Status
from companion.mls.key_schedule import PreSharedKeyId, PskUsage
from companion.mls.messages import decode_message, encode_message
from companion.mls.nodes import Extension
from companion.mls.proposals import (
    Add,
    PreSharedKey,
)
from tests.unit.mls.circle import NOW_MS, Circle, Person, dishonest, env, psk, refused, refused_join, reinit


def test_welcome_for_somebody_else_is_refused():
    circle = Circle("alice", "bob")
    made = circle.pending("alice", add=["dave"])
    refused_join(Person("eve"), made.welcome, "none of our key packages")


def test_welcome_without_its_tree_needs_one_from_elsewhere(monkeypatch):
    circle = Circle("alice", "bob")
    dave = circle.person("dave")
    info = committing.group_info
    with monkeypatch.context() as patch:
        patch.setattr(
            committing,
            "group_info",
            lambda state: replace(info(state), extensions=()).signed(state.signature_private),
        )
        made = circle.pending("alice", add=["dave"])
    refused_join(dave, made.welcome, "without the tree")
    group.join(made.welcome, [dave.own], env(), tree=made.state.tree.encode())


def test_second_group_with_the_same_id_is_refused():
    circle = Circle("alice", "bob")
    made = circle.pending("alice", add=["dave"])
    refused_join(circle.people["dave"], made.welcome, "this id already", known_groups=[b"group id 16 byte"])


def altered_info(circle, monkeypatch, alter):
    """Return Dave and a Welcome with a group info that its signer altered."""
    dave = circle.person("dave")
    info = committing.group_info
    with monkeypatch.context() as patch:
        patch.setattr(committing, "group_info", lambda state: alter(info(state), state))
        return dave, circle.pending("alice", add=["dave"]).welcome


def test_group_info_that_is_wrongly_signed_is_refused(monkeypatch):
    dave, welcome = altered_info(
        Circle("alice", "bob"), monkeypatch, lambda info, state: replace(info, signature=bytes(64))
    )
    refused_join(dave, welcome, "signature")


@pytest.mark.parametrize("signer", [3, 500])
def test_group_info_signed_by_nobody_is_refused(signer, monkeypatch):
    dave, welcome = altered_info(Circle("alice", "bob"), monkeypatch, lambda info, state: replace(info, signer=signer))
    refused_join(dave, welcome, "nobody in the group")


def test_group_info_with_another_confirmation_tag_is_refused(monkeypatch):
    dave, welcome = altered_info(
        Circle("alice", "bob"),
        monkeypatch,
        lambda info, state: replace(info, confirmation_tag=bytes(32)).signed(state.signature_private),
    )
    refused_join(dave, welcome, "confirmation tag")


def test_group_of_another_suite_than_the_welcome_is_refused(monkeypatch):
    dave, welcome = altered_info(
        Circle("alice", "bob"),
        monkeypatch,
        lambda info, state: replace(info, context=replace(info.context, suite_id=3)).signed(state.signature_private),
    )
    refused_join(dave, welcome, "another cipher suite")


def test_group_without_our_leaf_is_refused(monkeypatch):
    def without_dave(info, state):
        tree = state.tree.with_leaf(2, Person("somebody else").own.package.leaf_node)
        context = replace(info.context, tree_hash=tree.tree_hash())
        extensions = (Extension(nodes.EXTENSION_RATCHET_TREE, tree.encode()),)
        return replace(info, context=context, extensions=extensions).signed(state.signature_private)

    dave, welcome = altered_info(Circle("alice", "bob"), monkeypatch, without_dave)
    refused_join(dave, welcome, "our leaf is not in the group")


def test_welcome_of_another_suite_than_the_package_is_refused():
    circle = Circle("alice", "bob")
    made = circle.pending("alice", add=["dave"])
    welcome = decode_message(made.welcome)
    refused_join(circle.people["dave"], encode_message(replace(welcome, suite_id=3)), "another cipher suite")


@pytest.mark.parametrize("usage", [PskUsage.REINIT, PskUsage.BRANCH])
def test_welcome_of_a_reinitialised_or_branched_group_is_refused(usage, monkeypatch):
    circle = Circle("alice", "bob")
    dave = circle.person("dave")
    bad = PreSharedKeyId(usage=usage, psk_group_id=b"old", psk_epoch=1, psk_nonce=bytes(32))
    secrets = committing.GroupSecrets
    with monkeypatch.context() as patch:
        patch.setattr(committing, "GroupSecrets", lambda **fields: secrets(**{**fields, "psks": (bad,)}))
        made = circle.pending("alice", add=["dave"])
    refused_join(dave, made.welcome, "not supported")


def test_welcome_with_an_unknown_pre_shared_key_is_refused():
    circle = Circle("alice", "bob")
    made = circle.pending("alice", add=["dave"], environment=env(psks={b"id": bytes(32)}), psk_ids=[b"id"])
    refused_join(circle.people["dave"], made.welcome, "not known")
    group.join(made.welcome, [circle.people["dave"].own], env(psks={b"id": bytes(32)}))


def test_resumption_key_of_a_kept_epoch_works_and_of_another_does_not():
    circle = Circle("alice", "bob")
    circle.commit("alice")
    resume = psk(psk_id=b"", usage=PskUsage.APPLICATION, psk_group_id=b"group id 16 byte", psk_epoch=1)
    circle.states["alice"], made = committing.make_commit(circle["alice"], [resume], env())
    circle.deliver("alice", made.message)
    circle.states["alice"] = group.accept(circle["alice"], made, env())
    circle.agree()
    for changes in ({"psk_epoch": 99}, {"psk_group_id": b"another"}):
        with pytest.raises(CryptoError, match="not known"):
            committing.make_commit(circle["alice"], [PreSharedKey(replace(resume.psk, **changes))], env())


def test_reinitialised_group_is_closed():
    circle = Circle("alice", "bob")
    circle.states["alice"], made = committing.make_commit(circle["alice"], [reinit()], env())
    circle.deliver("alice", made.message)
    bob = circle["bob"]
    assert bob.status == Status.CLOSED
    with pytest.raises(CryptoError, match="closed"):
        group.protect(bob, b"text", env())
    with pytest.raises(CryptoError, match="closed"):
        group.commit(bob, env())
    with pytest.raises(CryptoError, match="closed"):
        group.propose_update(bob, env())
    refused(bob, circle.say("alice", b"text"), "closed")


def test_group_has_an_upper_size(monkeypatch):
    tree = Circle("alice")["alice"].tree
    with pytest.raises(CryptoError, match="at most"):
        tree.extended_to(codec.LEAVES_MAX)
    assert tree.extended_to(codec.LEAVES_MAX - 1).leaf_count == codec.LEAVES_MAX


def test_last_epoch_cannot_be_left():
    state = Circle("alice")["alice"]
    last = replace(state, context=replace(state.context, epoch=2**64 - 1))
    with pytest.raises(CryptoError, match="no epoch left"):
        group.commit(last, env())


def test_other_kinds_of_messages_are_refused_where_they_do_not_belong():
    circle = Circle("alice", "bob")
    made = circle.pending("alice", add=["dave"])
    published = circle.people["dave"].published
    refused(circle["bob"], made.welcome, "not a message")
    refused(circle["bob"], published, "not a message")
    refused_join(circle.people["dave"], made.message, "not a Welcome")
    with pytest.raises(MessageRejected, match="not a key package"):
        group.parse_key_package(made.message, env())
    with pytest.raises(MessageRejected, match="not a message within"):
        group.head(published)
    group_info = encode_message(committing.group_info(circle["alice"], for_joining_from_outside=True))
    refused(circle["bob"], group_info, "not a message")
    assert isinstance(decode_message(group_info), messages.GroupInfo)


def test_private_keys_that_are_needless_are_dropped():
    circle = Circle("alice", "bob", "carol", "dave")
    for actor in ("alice", "bob", "carol", "dave"):
        circle.commit(actor)
    circle.commit("alice", remove=["bob"])
    for state in circle.states.values():
        own = {2 * state.own_leaf, *state.tree.direct_path(state.own_leaf)}
        assert set(state.private_keys) <= own
        for node, key in state.private_keys.items():
            assert state.tree.nodes[node].encryption_key == primitives.dh_public(key)


def test_time_is_the_callers():
    assert rules.CLOCK_SKEW_S == 3_600
    assert joining.KEY_PACKAGE_LIFETIME_S < 100 * 86_400
    lifetime = Person("dave").own.package.leaf_node.lifetime
    assert lifetime.not_before_s == NOW_MS // 1000 - 3_600


def test_group_cannot_be_created_with_an_extension_that_its_creator_lacks():
    with pytest.raises(CryptoError, match="every extension of the group"):
        group.create_group(Person("alice").identity, b"id", env(), extensions=[Extension(500, b"")])


def test_joiner_refuses_a_tree_with_an_invalid_leaf(monkeypatch):
    circle = Circle("alice", "bob")
    dave, eve = circle.person("dave"), Person("eve")
    leaf = eve.own.package.leaf_node
    leaf = replace(leaf, capabilities=replace(leaf.capabilities, cipher_suites=(3,)))
    package = replace(eve.own.package, leaf_node=leaf.signed(eve.identity.signature_private))
    made = dishonest(monkeypatch, circle["alice"], [Add(package), Add(dave.own.package)])
    refused_join(dave, made.welcome, "version and suite")
