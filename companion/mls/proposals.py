"""Key packages, proposals and commits: what changes a group (RFC 9420 sections 7.6, 10 and 12.1 to 12.4)."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from companion.errors import CryptoError
from companion.mls import codec, suites
from companion.mls.codec import LEAVES_MAX, Reader
from companion.mls.key_schedule import PreSharedKeyId, read_psk_id
from companion.mls.nodes import (
    EXTENSION_LAST_RESORT,
    Extension,
    LeafNode,
    encode_extensions,
    find_extension,
    read_extensions,
    read_leaf_node,
)
from companion.mls.suites import VERSION_MLS10


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPackage:
    """What somebody publishes to be added to groups (section 10)."""

    suite_id: int
    init_key: bytes
    leaf_node: LeafNode
    extensions: tuple[Extension, ...] = ()
    signature: bytes = b""
    encoded: bytes = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "encoded", self._fields() + codec.opaque(self.signature))

    def _fields(self) -> bytes:
        return (
            codec.uint16(VERSION_MLS10)
            + codec.uint16(self.suite_id)
            + codec.opaque(self.init_key)
            + self.leaf_node.encoded
            + encode_extensions(self.extensions)
        )

    @property
    def is_last_resort(self) -> bool:
        """Whether this package may be used more than once, for want of others."""
        return find_extension(self.extensions, EXTENSION_LAST_RESORT) is not None

    @property
    def ref(self) -> bytes:
        """The reference by which a Welcome names this package: 32 bytes (section 5.2)."""
        return suites.key_package_ref(self.encoded)

    def signed(self, private: bytes) -> "KeyPackage":
        """Return this package with its signature."""
        return replace(self, signature=suites.sign_with_label(private, b"KeyPackageTBS", self._fields()))

    def verify(self) -> None:
        """Check the package's own signature; its leaf has another.

        Raises: CryptoError if it does not hold.
        """
        key = self.leaf_node.signature_key
        suites.verify_with_label(key, b"KeyPackageTBS", self._fields(), self.signature)


def read_key_package(reader: Reader) -> KeyPackage:
    """Read a key package of any suite."""
    if reader.uint16() != VERSION_MLS10:
        raise CryptoError("not MLS 1.0")
    return KeyPackage(
        suite_id=reader.uint16(),
        init_key=reader.opaque(),
        leaf_node=read_leaf_node(reader),
        extensions=read_extensions(reader),
        signature=reader.opaque(),
    )


@dataclass(frozen=True, slots=True)
class Add:
    """Add a client (section 12.1.1)."""

    key_package: KeyPackage

    def encode(self) -> bytes:
        """Return the wire form, without the type."""
        return self.key_package.encoded


@dataclass(frozen=True, slots=True)
class Update:
    """Replace the sender's leaf (section 12.1.2)."""

    leaf_node: LeafNode

    def encode(self) -> bytes:
        """Return the wire form, without the type."""
        return self.leaf_node.encoded


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove the member at a leaf (section 12.1.3)."""

    removed: int

    def encode(self) -> bytes:
        """Return the wire form, without the type."""
        return codec.uint32(self.removed)


@dataclass(frozen=True, slots=True)
class PreSharedKey:
    """Mix a pre-shared key into the next epoch (section 12.1.4)."""

    psk: PreSharedKeyId

    def encode(self) -> bytes:
        """Return the wire form, without the type."""
        return self.psk.encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReInit:
    """Close the group and start another in its place (section 12.1.5)."""

    group_id: bytes
    version: int
    suite_id: int
    extensions: tuple[Extension, ...]

    def encode(self) -> bytes:
        """Return the wire form, without the type."""
        return (
            codec.opaque(self.group_id)
            + codec.uint16(self.version)
            + codec.uint16(self.suite_id)
            + encode_extensions(self.extensions)
        )


@dataclass(frozen=True, slots=True)
class ExternalInit:
    """Start the next epoch from a secret of somebody outside (section 12.1.6)."""

    kem_output: bytes

    def encode(self) -> bytes:
        """Return the wire form, without the type."""
        return codec.opaque(self.kem_output)


@dataclass(frozen=True, slots=True)
class GroupContextExtensions:
    """Replace the group's extensions (section 12.1.7)."""

    extensions: tuple[Extension, ...]

    def encode(self) -> bytes:
        """Return the wire form, without the type."""
        return encode_extensions(self.extensions)


Proposal = Add | Update | Remove | PreSharedKey | ReInit | ExternalInit | GroupContextExtensions

_TYPES: tuple[tuple[int, type[Proposal], Callable[[Reader], Proposal]], ...] = (
    (1, Add, lambda reader: Add(read_key_package(reader))),
    (2, Update, lambda reader: Update(read_leaf_node(reader))),
    (3, Remove, lambda reader: Remove(reader.uint32())),
    (4, PreSharedKey, lambda reader: PreSharedKey(read_psk_id(reader))),
    (
        5,
        ReInit,
        lambda reader: ReInit(
            group_id=reader.opaque(),
            version=reader.uint16(),
            suite_id=reader.uint16(),
            extensions=read_extensions(reader),
        ),
    ),
    (6, ExternalInit, lambda reader: ExternalInit(reader.opaque())),
    (7, GroupContextExtensions, lambda reader: GroupContextExtensions(read_extensions(reader))),
)


def encode_proposal(proposal: Proposal) -> bytes:
    """Return the wire form of a proposal with its type (section 12.1)."""
    number = next(number for number, kind, _ in _TYPES if isinstance(proposal, kind))
    return codec.uint16(number) + proposal.encode()


def read_proposal(reader: Reader) -> Proposal:
    """Read a proposal. We support no others, so no group of ours may contain them (section 12.2)."""
    number = reader.uint16()
    for known, _, read in _TYPES:
        if known == number:
            return read(reader)
    raise CryptoError(f"proposal type {number} is not supported")


@dataclass(frozen=True, slots=True)
class ProposalRef:
    """A proposal that was sent before, by its hash (section 12.4)."""

    ref: bytes


def _encode_proposal_or_ref(item: Proposal | ProposalRef) -> bytes:
    if isinstance(item, ProposalRef):
        return b"\x02" + codec.opaque(item.ref)
    return b"\x01" + encode_proposal(item)


def _read_proposal_or_ref(reader: Reader) -> Proposal | ProposalRef:
    kind = reader.uint8()
    if kind == 1:
        return read_proposal(reader)
    if kind == 2:
        return ProposalRef(reader.opaque())
    raise CryptoError("a commit holds neither proposal nor reference")


@dataclass(frozen=True, slots=True)
class UpdatePathNode:
    """One parent's new key, and its path secret for every node of the copath's resolution (section 7.6)."""

    encryption_key: bytes
    ciphertexts: tuple[bytes, ...]

    def encode(self) -> bytes:
        """Return the wire form."""
        return codec.opaque(self.encryption_key) + codec.vector(self.ciphertexts)


@dataclass(frozen=True, slots=True)
class UpdatePath:
    """The committer's new leaf and the new keys above it (section 7.6)."""

    leaf_node: LeafNode
    nodes: tuple[UpdatePathNode, ...]

    def encode(self) -> bytes:
        """Return the wire form."""
        return self.leaf_node.encoded + codec.vector(node.encode() for node in self.nodes)


def read_update_path(reader: Reader) -> UpdatePath:
    """Read an update path."""

    def read_node(inner: Reader) -> UpdatePathNode:
        return UpdatePathNode(inner.opaque(), inner.vector(suites.read_hpke_ciphertext, LEAVES_MAX))

    return UpdatePath(read_leaf_node(reader), reader.vector(read_node, LEAVES_MAX.bit_length()))


@dataclass(frozen=True, slots=True)
class Commit:
    """Proposals that take effect together, and the committer's update path (section 12.4)."""

    proposals: tuple[Proposal | ProposalRef, ...]
    path: UpdatePath | None

    def encode(self) -> bytes:
        """Return the wire form."""
        path = self.path.encode() if self.path else None
        return codec.vector(map(_encode_proposal_or_ref, self.proposals)) + codec.optional(path)


def read_commit(reader: Reader) -> Commit:
    """Read a commit."""
    return Commit(reader.vector(_read_proposal_or_ref, LEAVES_MAX), reader.optional(read_update_path))
