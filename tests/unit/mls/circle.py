"""A small group of people for the MLS unit tests, and tools for a member who does not keep the rules."""

from contextlib import contextmanager
from dataclasses import replace

import pytest

from companion.crypto import hpke
from companion.errors import MessageRejected
from companion.mls import committing, framing, group, messages, private_message
from companion.mls.framing import WireFormat
from companion.mls.group_state import Environment
from companion.mls.key_schedule import PreSharedKeyId
from companion.mls.messages import decode_message
from companion.mls.nodes import LeafSource
from companion.mls.proposals import Add, PreSharedKey, ReInit, Update
from companion.mls.suites import CipherSuite

NOW_MS = 1_790_000_000_000
DAY_MS = 86_400_000
SUITE = CipherSuite.X25519_AES128GCM_SHA256_ED25519


def env(at_ms=NOW_MS, authenticate=lambda identity, key: True, **more):
    """Return an environment in which everybody is who they say."""
    return Environment(at_ms=at_ms, authenticate=authenticate, **more)


class Person:
    """Somebody with an identity and one published key package."""

    def __init__(self, name, suite=SUITE, **more):
        self.identity = group.new_identity(name.encode())
        self.own, self.published = group.make_key_package(self.identity, env(), suite=suite, **more)


class Circle:
    """People in one group; `states` holds everybody's state by name. The first name creates the group."""

    def __init__(self, *names, suite=SUITE, administrators=(), **more):
        self.suite, self.people, self.states = suite, {}, {}
        first = names[0]
        self.people[first] = Person(first, suite)
        self.states[first] = group.create_group(
            self.people[first].identity,
            b"group id 16 byte",
            env(),
            suite=suite,
            administrators=[name.encode() for name in administrators],
            **more,
        )
        if names[1:]:
            self.commit(first, add=names[1:])

    def __getitem__(self, name):
        return self.states[name]

    def leaf(self, name):
        return self.states[name].own_leaf

    def person(self, name):
        return self.people.setdefault(name, Person(name, self.suite))

    def pending(self, actor, add=(), remove=(), environment=None, **more):
        """Make a commit without telling anybody."""
        packages = [self.person(name).published for name in add]
        places = [self.leaf(name) for name in remove]
        self.states[actor], made = group.commit(
            self.states[actor], environment or env(), add=packages, remove=places, **more
        )
        return made

    def commit(self, actor, add=(), remove=(), environment=None, **more):
        """Commit, let everybody process it, let newcomers join; return the commit."""
        made = self.pending(actor, add, remove, environment, **more)
        self.deliver(actor, made.message, environment)
        self.states[actor] = group.accept(self.states[actor], made, environment or env())
        for name in remove:
            del self.states[name]
        for name in add:
            self.states[name], _ = group.join(made.welcome, [self.people[name].own], environment or env())
        return made.message

    def deliver(self, sender, message, environment=None):
        """Let everybody but the sender process a message; return what the last one saw."""
        event = None
        for name in self.states:
            if name != sender:
                self.states[name], event = group.process(self.states[name], message, environment or env())
        return event

    def say(self, sender, text, environment=None):
        """Protect application data and keep the sender's new state."""
        self.states[sender], message = group.protect(self.states[sender], text, environment or env())
        return message

    def agree(self):
        """Everybody has the same secrets."""
        exported = {group.export_secret(state, b"label", b"context") for state in self.states.values()}
        assert len(exported) == 1
        return exported.pop()


@contextmanager
def unchecked(monkeypatch, *targets):
    """Switch off checks of the sender's own code, as a dishonest member would: ("module", "function") pairs."""
    with monkeypatch.context() as patch:
        for module, name in targets:
            patch.setattr(module, name, lambda *args, **more: None)
        yield patch


def sealed(state, content, signer=None, tag=None, alter=lambda message: message):
    """Return a private message with any content, signed with any key, as a member's own state can make it."""
    message = framing.sign(signer or state.signature_private, WireFormat.PRIVATE_MESSAGE, content, state.context)
    if tag is not None:
        message = framing.with_confirmation_tag(message, tag)
    made, _ = private_message.protect_private(
        alter(message), state.secret_tree, state.secrets.sender_data_secret, bytes
    )
    return messages.encode_message(made)


def public(state, content, signer=None, tag=None, membership_key=None):
    """Return a public message with any content and tags, as a member's own state can make it."""
    message = framing.sign(signer or state.signature_private, WireFormat.PUBLIC_MESSAGE, content, state.context)
    if tag is not None:
        message = framing.with_confirmation_tag(message, tag)
    made = framing.PublicMessage(content=message.content, auth=message.auth, membership_tag=None)
    if content.sender.kind == framing.SenderType.MEMBER:
        key = membership_key or state.secrets.membership_key
        made = framing.PublicMessage(
            content=message.content,
            auth=message.auth,
            membership_tag=framing.membership_tag(key, message, state.context),
        )
    return messages.encode_message(made)


def framed(state, body, **more):
    """Return a content of ours, with any field replaced."""
    content = committing.framed(state, body)
    fields = {name: getattr(content, name) for name in ("group_id", "epoch", "sender", "authenticated_data", "body")}
    return framing.FramedContent(**{**fields, **more})


def refused(state, message, match=None, environment=None):
    """The message is refused, and the state stays byte for byte as it was."""
    before = group.encode_state(state)
    with pytest.raises(MessageRejected, match=match):
        group.process(state, message, environment or env())
    assert group.encode_state(state) == before


def refused_join(person, welcome, match, environment=None, **more):
    with pytest.raises(MessageRejected, match=match):
        group.join(welcome, [person.own], environment or env(), **more)


OWN_CHECKS = (
    (committing, "verify_list"),
    (committing, "verify_proposal"),
    (committing, "verify_members"),
    (committing, "verify_unique_keys"),
)


def dishonest(monkeypatch, state, proposals, **more):
    """Return a commit made without any of the sender's own checks."""
    with unchecked(monkeypatch, *OWN_CHECKS):
        return committing.make_commit(state, proposals, env(), **more)[1]


def reinit():
    return ReInit(group_id=b"new", version=1, suite_id=1, extensions=())


def psk(nonce=bytes(32), **more):
    return PreSharedKey(PreSharedKeyId(psk_nonce=nonce, **({"psk_id": b"id"} | more)))


def own_update(state):
    leaf = replace(
        state.member(state.own_leaf),
        encryption_key=hpke.derive_keypair(b"another")[1],
        source=LeafSource.UPDATE,
        lifetime=None,
        parent_hash=b"",
    )
    return Update(leaf.signed(state.signature_private, state.group_id, state.own_leaf))


def add_of(name="dave"):
    return Add(decode_message(Person(name).published))


def guarded():
    return Circle("alice", "bob", "carol", administrators=["alice"])


def nobody_new(identity, key):
    """An application that knows no key it is asked about."""
    return False


def with_path(monkeypatch, circle, alter, actor="alice", **changes):
    """Return a commit of a member who altered its update path before signing."""
    create = committing.create_path

    def altered(*args):
        own = create(*args)
        return replace(own, path=alter(own.path, circle[actor]))

    with monkeypatch.context() as patch:
        patch.setattr(committing, "create_path", altered)
        return circle.pending(actor, **changes).message
