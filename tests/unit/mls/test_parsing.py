"""Bytes that no honest sender makes: each parser names what is wrong."""

from dataclasses import replace

import pytest

from companion.errors import CryptoError
from companion.mls import codec, framing, key_schedule, messages, nodes, proposals, ratchet_tree, suites, tree_math
from companion.mls.codec import Reader
from companion.mls.nodes import Extension, LeafSource
from companion.mls.secret_tree import RatchetKind, new_secret_tree
from tests.unit.mls.circle import SUITE, Circle, Person


def malformed(data, read, match):
    with pytest.raises(CryptoError, match=match):
        codec.decode(data, read)


def opaque(data=b""):
    return codec.opaque(data)


def test_reading_past_the_end_is_refused():
    for read, data in (
        (codec.read_uint8, b""),
        (codec.read_uint16, b"\0"),
        (codec.read_uint32, b"\0\0\0"),
        (lambda reader: reader.uint64(), bytes(7)),
        (codec.read_opaque, b"\x05abcd"),
        (codec.read_opaque, b"\x40"),
        (codec.read_opaque, b"\xbf\xff\xff\xff" + bytes(10)),
        (lambda reader: reader.vector(codec.read_uint8), b"\x05abcd"),
        (lambda reader: reader.vector(codec.read_uint16), b"\x03abc"),
    ):
        malformed(data, read, "expected")


def test_vector_cannot_reach_beyond_itself():
    """An inner vector that claims more than its outer one holds, though the bytes are there."""
    data = codec.opaque(b"\x08abc") + b"defghijk"
    malformed(data, lambda reader: (reader.vector(codec.read_opaque), reader.rest()), "expected")


def test_vector_has_an_upper_number_of_items():
    assert len(codec.decode(opaque(bytes(codec.ITEMS_MAX)), lambda r: r.vector(codec.read_uint8))) == codec.ITEMS_MAX
    malformed(opaque(bytes(codec.ITEMS_MAX + 1)), lambda r: r.vector(codec.read_uint8), "more than")


@pytest.mark.parametrize("present", [2, 3, 255])
def test_presence_octet_is_zero_or_one(present):
    malformed(bytes([present, 7]), lambda reader: reader.optional(codec.read_uint8), "presence")
    assert codec.decode(b"\x01\x07", lambda reader: reader.optional(codec.read_uint8)) == 7
    assert codec.decode(b"\x00", lambda reader: reader.optional(codec.read_uint8)) is None


def test_vector_too_long_to_write_is_a_programming_error():
    with pytest.raises(ValueError, match="too long"):
        codec.length(1 << 30)


def test_extension_cannot_appear_twice():
    twice = nodes.encode_extensions((Extension(7, b"a"), Extension(7, b"b")))
    malformed(twice, nodes.read_extensions, "twice")
    different = nodes.encode_extensions((Extension(7, b"a"), Extension(8, b"b")))
    assert len(codec.decode(different, nodes.read_extensions)) == 2


@pytest.mark.parametrize("kind", [0, 3, 0x0A0A])
def test_unknown_credential_is_refused(kind):
    malformed(codec.uint16(kind) + opaque(b"x"), nodes.read_credential, "credential type")


def test_x509_credential_round_trips():
    credential = nodes.Credential(nodes.CREDENTIAL_X509, certificates=(b"one", b"two"))
    assert codec.decode(credential.encode(), nodes.read_credential) == credential


@pytest.mark.parametrize("source", [0, 4, 255])
def test_unknown_leaf_source_is_refused(source):
    leaf = replace(Person("alice").own.package.leaf_node, source=LeafSource.UPDATE, lifetime=None)
    head = leaf.encoded.index(leaf.capabilities.encode()) + len(leaf.capabilities.encode())
    malformed(leaf.encoded[:head] + bytes([source]) + leaf.encoded[head + 1 :], nodes.read_leaf_node, "unknown source")


def test_lifetime_belongs_to_leaves_of_key_packages_only():
    leaf = Person("alice").own.package.leaf_node
    with pytest.raises(ValueError, match="lifetime"):
        replace(leaf, source=LeafSource.UPDATE)
    with pytest.raises(ValueError, match="lifetime"):
        replace(leaf, lifetime=None)


@pytest.mark.parametrize("leaves", [(1, 1), (2, 1)])
def test_unmerged_leaves_must_rise(leaves):
    node = nodes.ParentNode(encryption_key=bytes(32), unmerged_leaves=leaves)
    malformed(node.encoded, nodes.read_parent_node, "increasing")


def test_malformed_trees_are_refused():
    leaf = b"\x01\x01" + Person("alice").own.package.leaf_node.encoded
    parent = b"\x01\x02" + nodes.ParentNode(encryption_key=bytes(32)).encoded
    read = ratchet_tree.read_ratchet_tree
    malformed(opaque(), read, "blank")
    malformed(opaque(leaf + b"\0"), read, "blank")
    malformed(opaque(parent), read, "wrong place")
    malformed(opaque(leaf + leaf), read, "wrong place")
    malformed(opaque(leaf + parent + parent), read, "wrong place")
    malformed(opaque(b"\x01\x03"), read, "neither leaf nor parent")
    malformed(opaque(bytes(2 * codec.LEAVES_MAX)), read, "more than")
    assert codec.decode(opaque(leaf + b"\0" + leaf), read).leaf_count == 2


def test_other_protocol_versions_are_refused():
    published = Person("alice").published
    with pytest.raises(CryptoError, match=r"not MLS 1\.0"):
        messages.decode_message(b"\0\x02" + published[2:])
    malformed(b"\0\x02" + published[6:], proposals.read_key_package, "not MLS")
    context = Circle("alice")["alice"].context.encode()
    malformed(b"\0\x02" + context[2:], key_schedule.read_group_context, "not MLS")


@pytest.mark.parametrize("number", [0, 6, 65_535])
def test_unknown_wire_format_is_refused(number):
    with pytest.raises(CryptoError, match="wire format"):
        messages.decode_message(b"\0\x01" + codec.uint16(number))


@pytest.mark.parametrize("number", [0, 5, 255])
def test_unknown_sender_and_content_types_are_refused(number):
    malformed(bytes([number]) + bytes(4), framing.read_sender, "sender is of an unknown type")
    malformed(bytes([number]), framing.read_content_type, "unknown type")


@pytest.mark.parametrize("number", [0, 8, 0x0A0A])
def test_unknown_proposal_is_refused(number):
    malformed(codec.uint16(number) + opaque(), proposals.read_proposal, "proposal type")


@pytest.mark.parametrize("number", [0, 3])
def test_commit_holds_proposals_and_references_only(number):
    malformed(opaque(bytes([number]) + opaque()) + b"\0", proposals.read_commit, "neither proposal nor reference")


def test_unknown_pre_shared_keys_are_refused():
    for kind in (0, 3):
        malformed(bytes([kind]) + opaque() + opaque(), key_schedule.read_psk_id, "unknown type")
    for usage in (0, 4):
        malformed(bytes([2, usage]) + opaque() + bytes(8) + opaque(), key_schedule.read_psk_id, "unknown usage")


@pytest.mark.parametrize("number", [0, 2, 4, 65_535])
def test_other_suites_are_refused(number):
    with pytest.raises(CryptoError, match="not supported"):
        suites.suite_from_id(number)


def test_members_signature_needs_the_group_context():
    content = framing.FramedContent(
        group_id=b"",
        epoch=0,
        sender=framing.Sender(framing.SenderType.MEMBER, 0),
        authenticated_data=b"",
        body=b"text",
    )
    with pytest.raises(ValueError, match="group context"):
        framing.sign(bytes(32), framing.WireFormat.PRIVATE_MESSAGE, content, None)


@pytest.mark.parametrize("leaf", [-1, 2, 500])
def test_secret_tree_has_no_leaf_beyond_its_end(leaf):
    with pytest.raises(CryptoError, match="no leaf"):
        new_secret_tree(SUITE, 2, bytes(32)).key_at(leaf, RatchetKind.APPLICATION, 0)


def test_tree_arithmetic_holds_together():
    for leaf_count in (1, 2, 4, 8, 64):
        root = tree_math.root(leaf_count)
        assert list(tree_math.leaves_below(root)) == list(range(leaf_count))
        for node in range(tree_math.node_count(leaf_count)):
            path = tree_math.direct_path(node, leaf_count)
            assert (path[-1] if path else node) == root
            assert all(tree_math.is_below(node, above) for above in path)
            if path:
                assert tree_math.sibling(tree_math.sibling(node)) == node
                assert tree_math.child_towards(path[0], node) == node
                assert tree_math.common_ancestor(node, tree_math.sibling(node)) == path[0]


def test_reader_gives_what_is_left():
    reader = Reader(b"abc")
    assert reader.take(1) == b"a"
    assert reader.rest() == b"bc"
    reader.finish()


def test_message_that_is_too_long_is_not_read():
    with pytest.raises(CryptoError, match="too long"):
        messages.decode_message(bytes(codec.MESSAGE_BYTES_MAX + 1))
