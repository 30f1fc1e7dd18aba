"""External senders, newcomers who propose themselves, and commits from outside."""

from dataclasses import replace

import pytest

from companion.crypto import primitives
from companion.mls import (
    applying,
    codec,
    committing,
    framing,
    group,
    key_schedule,
    nodes,
    update_path,
)
from companion.mls.framing import Sender, SenderType
from companion.mls.group_state import Status
from companion.mls.key_schedule import PskUsage
from companion.mls.messages import encode_message
from companion.mls.nodes import Extension
from companion.mls.proposals import (
    Add,
    Commit,
    ExternalInit,
    GroupContextExtensions,
    ProposalRef,
    Remove,
    UpdatePath,
)
from tests.unit.mls.circle import (
    Circle,
    Person,
    add_of,
    env,
    framed,
    guarded,
    own_update,
    psk,
    public,
    refused,
    refused_join,
)


def outsider_proposal(circle, body, kind, index, signer, **more):
    content = framed(circle["alice"], body, sender=Sender(kind, index), **more)
    return public(circle["alice"], content, signer=signer)


def with_external_sender(circle, public_key):
    credential = nodes.Credential(nodes.CREDENTIAL_BASIC, identity=b"service")
    data = codec.vector([codec.opaque(public_key) + credential.encode()])
    change = GroupContextExtensions((Extension(nodes.EXTENSION_EXTERNAL_SENDERS, data),))
    circle.states["alice"], made = committing.make_commit(circle["alice"], [change], env())
    circle.deliver("alice", made.message)
    circle.states["alice"] = group.accept(circle["alice"], made, env())


def test_external_sender_whom_the_application_does_not_know_is_refused():
    circle = Circle("alice", "bob")
    data = codec.vector([codec.opaque(bytes(32)) + nodes.Credential(1, identity=b"service").encode()])
    change = GroupContextExtensions((Extension(nodes.EXTENSION_EXTERNAL_SENDERS, data),))
    circle.states["alice"], made = committing.make_commit(circle["alice"], [change], env())
    doubting = env(authenticate=lambda identity, key: identity != b"service")
    refused(circle["bob"], made.message, "external sender", doubting)
    circle.deliver("alice", made.message)
    circle.states["alice"] = group.accept(circle["alice"], made, env())
    dave = circle.person("dave")
    refused_join(dave, circle.pending("alice", add=["dave"]).welcome, "external sender", doubting)


def test_external_sender_may_propose_what_the_rfc_allows_and_nothing_else():
    circle = Circle("alice", "bob", "carol")
    private, public_key = primitives.signing_keypair()
    kind = SenderType.EXTERNAL
    no_list = outsider_proposal(circle, Remove(2), kind, 0, private)
    refused(circle["bob"], no_list, "no external senders")
    with_external_sender(circle, public_key)
    refused(circle["bob"], outsider_proposal(circle, Remove(2), kind, 1, private), "no external sender 1")
    refused(circle["bob"], outsider_proposal(circle, Remove(2), kind, 0, bytes(32)), "signature")
    refused(circle["bob"], outsider_proposal(circle, own_update(circle["carol"]), kind, 0, private), "may not send")
    refused(circle["bob"], outsider_proposal(circle, ExternalInit(bytes(32)), kind, 0, private), "may not send")
    stale = outsider_proposal(circle, Remove(2), kind, 0, private, epoch=1)
    refused(circle["bob"], stale, "epoch")
    message = outsider_proposal(circle, Remove(2), kind, 0, private)
    for name in circle.states:
        circle.states[name], _ = group.process(circle[name], message, env())
    made = circle.pending("alice")
    del circle.states["carol"]
    circle.deliver("alice", made.message)
    assert len(circle["bob"].members()) == 2


def test_external_sender_cannot_act_against_a_policy():
    circle = guarded()
    private, public_key = primitives.signing_keypair()
    credential = nodes.Credential(nodes.CREDENTIAL_BASIC, identity=b"service")
    data = codec.vector([codec.opaque(public_key) + credential.encode()])
    state = circle["bob"]
    extensions = (*state.context.extensions, Extension(nodes.EXTENSION_EXTERNAL_SENDERS, data))
    state = replace(state, context=replace(state.context, extensions=extensions))
    circle.states["alice"] = replace(circle["alice"], context=state.context)
    refused(state, outsider_proposal(circle, Remove(2), SenderType.EXTERNAL, 0, private), "policy")


def test_newcomer_may_propose_only_itself():
    circle = Circle("alice", "bob")
    dave = circle.person("dave")
    kind, private = SenderType.NEW_MEMBER_PROPOSAL, dave.identity.signature_private
    refused(circle["bob"], outsider_proposal(circle, Remove(0), kind, 0, private), "only propose to be added")
    add = Add(dave.own.package)
    refused(circle["bob"], outsider_proposal(circle, add, kind, 0, bytes(32)), "signature")
    message = outsider_proposal(circle, add, kind, 0, private)
    for name in circle.states:
        circle.states[name], _ = group.process(circle[name], message, env())
    made = circle.pending("bob")
    circle.deliver("bob", made.message)
    group.join(made.welcome, [dave.own], env())
    walled = guarded()
    refused(walled["bob"], outsider_proposal(walled, add, kind, 0, private), "policy")


class External:
    """Somebody who joins from outside by the group info, as the RFC lets them; our own app never does."""

    def __init__(self, state, person, proposals=None, remove=None, signer=None):
        self.state, self.person = state, person
        self.signer = signer or person.identity.signature_private
        _, external_public = key_schedule.external_keypair(state.secrets.external_secret)
        label = b"MLS 1.0 external init secret"
        kem_output, self.init_secret = state.suite.hpke.send_export(external_public, b"", label, 32)
        self.proposals = [ExternalInit(kem_output)] if proposals is None else proposals(kem_output)
        self.removed = [item.removed for item in self.proposals if isinstance(item, Remove)]

    def message(self, alter_leaf=lambda leaf: leaf, with_path=True, alter_path=lambda path: path):
        state = self.state
        tree = state.tree
        for leaf in self.removed:
            tree = tree.with_removed(leaf)
        place = tree.first_blank_leaf()
        tree = tree.extended_to(place)
        leaf = alter_leaf(self.person.own.package.leaf_node)
        filled = tree.with_nodes({2 * place: leaf})
        context = replace(state.context, epoch=state.epoch + 1)
        own = update_path.create_path(
            state.suite,
            filled,
            place,
            self.person.identity.signature_private,
            context,
            frozenset(),
            primitives.random_bytes,
        )
        path = alter_path(own.path)
        body = Commit(tuple(self.proposals), path if with_path else None)
        content = framed(state, body, sender=Sender(SenderType.NEW_MEMBER_COMMIT))
        signed = framing.sign(self.signer, framing.WireFormat.PUBLIC_MESSAGE, content, state.context)
        new = applying.next_epoch(state, signed, own.context, self.init_secret, own.commit_secret, bytes(32))
        signed = framing.with_confirmation_tag(signed, new.confirmation_tag)
        made = framing.PublicMessage(content=signed.content, auth=signed.auth, membership_tag=None)
        return encode_message(made)


def test_join_from_outside_is_read():
    circle = Circle("alice", "bob")
    for person in (Person("dave"), Person("erin")):
        message = External(circle["alice"], person).message()
        for name in circle.states:
            circle.states[name], event = group.process(circle[name], message, env())
        assert event.added == (event.committer,)
        circle.agree()
    circle.commit("bob")
    assert [identity for _, identity in circle["alice"].members()] == [b"alice", b"bob", b"dave", b"erin"]


def test_member_may_come_back_from_outside_in_its_own_place():
    circle = Circle("alice", "bob", "carol")
    again = Person("carol")
    message = External(circle["alice"], again, lambda kem: [ExternalInit(kem), Remove(2)]).message()
    for name in ("alice", "bob"):
        circle.states[name], event = group.process(circle[name], message, env())
    assert event.removed == (2,)
    removed, _ = group.process(circle["carol"], message, env())
    assert removed.status == Status.REMOVED


BAD_EXTERNAL = {
    "no external init": (lambda kem: [], "exactly one"),
    "two external inits": (lambda kem: [ExternalInit(kem), ExternalInit(kem)], "exactly one"),
    "two removes": (lambda kem: [ExternalInit(kem), Remove(1), Remove(2)], "one leaf at most"),
    "an add": (lambda kem: [ExternalInit(kem), add_of("eve")], "not allowed there"),
    "extensions": (lambda kem: [ExternalInit(kem), GroupContextExtensions(())], "not allowed there"),
    "a reference": (lambda kem: [ExternalInit(kem), ProposalRef(bytes(32))], "cannot refer"),
    "removal of nobody": (lambda kem: [ExternalInit(kem), Remove(77)], "blank"),
    "removal of another": (lambda kem: [ExternalInit(kem), Remove(1)], "another credential"),
    "a key named twice": (lambda kem: [ExternalInit(kem), psk(), psk()], "named twice"),
    "a key of a branch": (lambda kem: [ExternalInit(kem), psk(usage=PskUsage.BRANCH)], "usage"),
}


@pytest.mark.parametrize("name", BAD_EXTERNAL)
def test_commit_from_outside_with_other_proposals_is_refused(name, monkeypatch):
    make, match = BAD_EXTERNAL[name]
    circle = Circle("alice", "bob", "carol")
    external = External(circle["alice"], Person("dave"), make)
    external.removed = [leaf for leaf in external.removed if leaf < 3]
    refused(circle["alice"], external.message(), match, env(psks={b"id": bytes(32)}))


def test_commit_from_outside_that_is_wrongly_signed_is_refused():
    circle = Circle("alice", "bob")
    refused(circle["bob"], External(circle["alice"], Person("dave"), signer=bytes(32)).message(), "signature")


def test_commit_from_outside_without_path_is_refused():
    circle = Circle("alice", "bob")
    refused(circle["bob"], External(circle["alice"], Person("dave")).message(with_path=False), "with a path")


def test_commit_from_outside_by_a_member_key_is_refused():
    circle = Circle("alice", "bob")
    twin = Person("twin")
    twin.identity = circle.people["alice"].identity

    def leaf_of_alice(leaf):
        return replace(leaf, signature_key=twin.identity.signature_public)

    message = External(circle["alice"], twin, signer=twin.identity.signature_private).message(leaf_of_alice)
    refused(circle["bob"], message, "signature key stands twice")


def test_commit_from_outside_by_an_unknown_identity_is_refused():
    circle = Circle("alice", "bob")
    message = External(circle["alice"], Person("dave")).message()
    refused(circle["bob"], message, "does not belong", env(authenticate=lambda identity, key: identity != b"dave"))


def test_group_with_a_policy_lets_nobody_in_from_outside():
    circle = guarded()
    refused(circle["bob"], External(circle["alice"], Person("dave")).message(), "policy")


def test_commit_from_outside_must_use_a_leaf_made_for_it():
    circle = Circle("alice", "bob")
    dave = Person("dave")
    leaf = dave.own.package.leaf_node
    message = External(circle["alice"], dave).message(alter_path=lambda path: UpdatePath(leaf, path.nodes))
    refused(circle["bob"], message, "not made for a commit")
