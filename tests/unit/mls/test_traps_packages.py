"""Key packages, encodings and low-order keys: one test per trap."""

from dataclasses import replace

import pytest

from companion.crypto import hpke, primitives
from companion.errors import CryptoError, MessageRejected
from companion.mls import (
    codec,
    committing,
    group,
    joining,
    nodes,
    private_message,
    rules,
    suites,
)
from companion.mls.messages import decode_message, encode_message
from companion.mls.nodes import LeafSource, Lifetime
from companion.mls.proposals import Add, GroupContextExtensions, Update
from tests.unit.mls.circle import NOW_MS, Circle, Person, env, refused, refused_join, unchecked


def altered_package(alter, resign_leaf=True, resign=True):
    """Return a published key package, altered and signed again by its owner."""
    person = Person("dave")
    private = person.identity.signature_private
    package = alter(person.own.package)
    if resign_leaf:
        package = replace(package, leaf_node=package.leaf_node.signed(private))
    return encode_message(package.signed(private) if resign else package)


def with_leaf(**changes):
    return lambda package: replace(package, leaf_node=replace(package.leaf_node, **changes))


def with_capabilities(**changes):
    def alter(package):
        capabilities = replace(package.leaf_node.capabilities, **changes)
        return replace(package, leaf_node=replace(package.leaf_node, capabilities=capabilities))

    return alter


NOW_S = NOW_MS // 1000
BAD_PACKAGES = {
    "expired": (with_leaf(lifetime=Lifetime(NOW_S - 9 * 86_400, NOW_S - 86_400)), "expired"),
    "not yet valid": (with_leaf(lifetime=Lifetime(NOW_S + 86_400, NOW_S + 9 * 86_400)), "not yet valid"),
    "lifetime too long": (with_leaf(lifetime=Lifetime(0, 2**64 - 1)), "too long"),
    "lifetime backwards": (with_leaf(lifetime=Lifetime(NOW_S + 5, NOW_S - 5)), "ends before"),
    "no suite": (with_capabilities(cipher_suites=(3, 7)), "version and suite"),
    "no version": (with_capabilities(versions=(2,)), "version and suite"),
    "no credential": (with_capabilities(credentials=(2,)), "own credential"),
    "leaf extension": (with_leaf(extensions=(nodes.Extension(77, b""),)), "own extensions"),
    "package extension": (lambda p: replace(p, extensions=(nodes.Extension(77, b""),)), "does not support"),
    "other suite": (lambda p: replace(p, suite_id=3), "cipher suite 3"),
    "unknown suite": (lambda p: replace(p, suite_id=99), "cipher suite 99"),
    "leaf made by an update": (with_leaf(source=LeafSource.UPDATE, lifetime=None), "not made for one"),
    "leaf made by a commit": (with_leaf(source=LeafSource.COMMIT, lifetime=None), "not made for one"),
    "init key is the leaf's": (lambda p: replace(p, init_key=p.leaf_node.encryption_key), "used twice"),
    "short init key": (lambda p: replace(p, init_key=bytes(31)), "malformed"),
    "short leaf key": (with_leaf(encryption_key=bytes(31)), "wrong size"),
    "long signature key": (with_leaf(signature_key=bytes(33)), "wrong size"),
}


@pytest.mark.parametrize("name", BAD_PACKAGES)
def test_key_package_that_does_not_fit_is_refused(name, monkeypatch):
    alter, match = BAD_PACKAGES[name]
    published = altered_package(alter)
    circle = Circle("alice", "bob")
    with pytest.raises(MessageRejected, match=match):
        group.parse_key_package(published, env())
    with pytest.raises(CryptoError, match=match):
        group.commit(circle["alice"], env(), add=[published])
    with pytest.raises(CryptoError, match=match):
        group.propose_add(circle["alice"], published, env())
    with unchecked(monkeypatch, (committing, "verify_proposal")):
        proposal = Add(decode_message(published))
        _, message = committing.propose(circle["alice"], proposal, env())
    refused(circle["bob"], message, match)


def test_clocks_may_differ_by_an_hour_but_not_more():
    published = Person("dave").published
    edge_s = joining.KEY_PACKAGE_LIFETIME_S + rules.CLOCK_SKEW_S
    group.parse_key_package(published, env(NOW_MS + edge_s * 1000))
    with pytest.raises(MessageRejected, match="expired"):
        group.parse_key_package(published, env(NOW_MS + (edge_s + 1) * 1000))
    group.parse_key_package(published, env(NOW_MS - 2 * rules.CLOCK_SKEW_S * 1000))
    with pytest.raises(MessageRejected, match="not yet valid"):
        group.parse_key_package(published, env(NOW_MS - (2 * rules.CLOCK_SKEW_S + 1) * 1000))


def test_wrongly_signed_key_package_is_refused():
    for published, match in (
        (altered_package(lambda package: replace(package, signature=bytes(64)), resign=False), "signature"),
        (altered_package(with_leaf(signature=bytes(64)), resign_leaf=False), "signature"),
    ):
        with pytest.raises(MessageRejected, match=match):
            group.parse_key_package(published, env())


def test_identity_that_the_application_does_not_know_is_refused_everywhere():
    circle = Circle("alice", "bob")
    doubting = env(authenticate=lambda identity, key: identity != b"dave")
    dave = circle.person("dave")
    with pytest.raises(MessageRejected, match="does not belong"):
        group.parse_key_package(dave.published, doubting)
    made = circle.pending("alice", add=["dave"])
    refused(circle["bob"], made.message, "does not belong", doubting)
    circle.commit("alice", add=["carol"])
    erin = circle.person("erin")
    made = circle.pending("alice", add=["erin"])
    refused_join(erin, made.welcome, "does not belong", env(authenticate=lambda identity, key: identity != b"bob"))


def test_non_minimal_vector_length_is_refused():
    circle = Circle("alice", "bob")
    message = circle.say("alice", b"text")
    assert message[4] == 16
    refused(circle["bob"], message[:4] + b"\x40\x10" + message[5:], "shortest form")
    refused(circle["bob"], message[:4] + b"\x80\x00\x00\x10" + message[5:], "shortest form")
    refused(circle["bob"], message[:4] + b"\xc0" + message[5:], "prefix")


def test_trailing_bytes_are_refused():
    circle = Circle("alice", "bob")
    message = circle.say("alice", b"text")
    refused(circle["bob"], message + b"\0", "too many")
    published = Person("dave").published
    with pytest.raises(MessageRejected, match="too many"):
        group.parse_key_package(published + b"\0", env())


def test_padding_that_is_not_zero_is_refused(monkeypatch):
    circle = Circle("alice", "bob")
    encrypt = primitives.aead_encrypt

    def dirty(aead, key, nonce, plaintext, aad):
        return encrypt(aead, key, nonce, plaintext[:-1] + b"\x01" if len(plaintext) > 100 else plaintext, aad)

    with monkeypatch.context() as patch:
        patch.setattr(private_message.primitives, "aead_encrypt", dirty)
        message = circle.say("alice", b"text")
    refused(circle["bob"], message, "padding")


@pytest.mark.parametrize("low", [bytes(32), b"\x01" + bytes(31)])
def test_low_order_results_are_refused(low, monkeypatch):
    circle = Circle("alice", "bob")
    published = altered_package(lambda package: replace(package, init_key=low))
    with pytest.raises(CryptoError, match="X25519"):
        group.commit(circle["alice"], env(), add=[published])
    create = committing.create_path

    def weak(*args):
        own = create(*args)
        sealed_secret = own.path.nodes[0].ciphertexts[0]
        forged = codec.opaque(low) + sealed_secret[33:]
        return replace(own, path=replace(own.path, nodes=(replace(own.path.nodes[0], ciphertexts=(forged,)),)))

    monkeypatch.setattr(committing, "create_path", weak)
    made = circle.pending("alice")
    refused(circle["bob"], made.message, "X25519")


@pytest.mark.parametrize("size", [0, 31, 33])
def test_encapsulated_key_of_the_wrong_size_is_refused(size):
    with pytest.raises(CryptoError, match="wrong size"):
        suites.decrypt_with_label(
            suites.CipherSuite(1), bytes(32), b"label", b"", codec.opaque(bytes(size)) + codec.opaque(bytes(48))
        )


def test_ghost_device_in_an_update_is_refused(monkeypatch):
    """An update may not put somebody else's name on the leaf."""
    circle = Circle("alice", "bob", "carol")
    bob = circle["bob"]
    leaf = replace(
        bob.member(1),
        credential=nodes.Credential(nodes.CREDENTIAL_BASIC, identity=b"ghost"),
        encryption_key=hpke.derive_keypair(b"ghost")[1],
        source=LeafSource.UPDATE,
        lifetime=None,
    ).signed(bob.signature_private, bob.group_id, 1)
    with unchecked(monkeypatch, (committing, "verify_proposal")):
        _, message = committing.propose(bob, Update(leaf), env())
    refused(circle["alice"], message, "another credential")


def test_extensions_replaced_by_a_commit_take_effect():
    circle = Circle("alice", "bob")
    required = b"".join(codec.vector(codec.uint16(n) for n in numbers) for numbers in ((), (), (1,)))
    extension = nodes.Extension(nodes.EXTENSION_REQUIRED_CAPABILITIES, required)
    circle.states["alice"], made = committing.make_commit(
        circle["alice"], [GroupContextExtensions((extension,))], env()
    )
    circle.deliver("alice", made.message)
    assert circle["bob"].context.extensions == (extension,)
