"""What the nodes of a ratchet tree hold: leaves, parents, credentials, capabilities (RFC 9420 sections 5.3 and 7).

Values are immutable. A node is encoded once, when it is made: signatures and tree hashes always cover those bytes.
"""

from dataclasses import dataclass, field, replace
from enum import IntEnum

from companion.errors import CryptoError
from companion.mls import codec, suites
from companion.mls.codec import Reader

CREDENTIAL_BASIC = 1
CREDENTIAL_X509 = 2

EXTENSION_APPLICATION_ID = 1
EXTENSION_RATCHET_TREE = 2
EXTENSION_REQUIRED_CAPABILITIES = 3
EXTENSION_EXTERNAL_PUB = 4
EXTENSION_EXTERNAL_SENDERS = 5
# IANA registry "MLS Extension Types": a key package that may be used more than once.
EXTENSION_LAST_RESORT = 10
# Private use: who may change the membership of a group. See policy.py.
EXTENSION_POLICY = 0xF0C0

# Sections 7.2 and 17.4: never listed in capabilities, always understood.
DEFAULT_EXTENSIONS = frozenset(range(1, 6))
DEFAULT_PROPOSALS = frozenset(range(1, 8))
OUR_EXTENSIONS = (EXTENSION_LAST_RESORT, EXTENSION_POLICY)


@dataclass(frozen=True, slots=True)
class Extension:
    """An extension of any type, its content unread (section 13)."""

    kind: int
    data: bytes

    def encode(self) -> bytes:
        """Return the wire form."""
        return codec.uint16(self.kind) + codec.opaque(self.data)


def encode_extensions(extensions: tuple[Extension, ...]) -> bytes:
    """Return the wire form of a list of extensions."""
    return codec.vector(extension.encode() for extension in extensions)


def read_extensions(reader: Reader) -> tuple[Extension, ...]:
    """Read a list of extensions; no type may appear twice (section 13.4)."""
    extensions = reader.vector(lambda inner: Extension(inner.uint16(), inner.opaque()))
    if len({extension.kind for extension in extensions}) != len(extensions):
        raise CryptoError("an extension appears twice")
    return extensions


def find_extension(extensions: tuple[Extension, ...], kind: int) -> bytes | None:
    """Return the content of the extension of this type, if there is one."""
    return next((extension.data for extension in extensions if extension.kind == kind), None)


@dataclass(frozen=True, slots=True)
class Credential:
    """Who a member claims to be (section 5.3): a basic identity, or the raw certificates of an X.509 chain."""

    kind: int
    identity: bytes = b""
    certificates: tuple[bytes, ...] = ()

    def encode(self) -> bytes:
        """Return the wire form."""
        if self.kind == CREDENTIAL_BASIC:
            return codec.uint16(self.kind) + codec.opaque(self.identity)
        return codec.uint16(self.kind) + codec.vector(codec.opaque(part) for part in self.certificates)


def read_credential(reader: Reader) -> Credential:
    """Read a credential; a type we do not know has no readable end, so it is malformed."""
    kind = reader.uint16()
    if kind == CREDENTIAL_BASIC:
        return Credential(kind, identity=reader.opaque())
    if kind == CREDENTIAL_X509:
        return Credential(kind, certificates=reader.vector(codec.read_opaque))
    raise CryptoError(f"credential type {kind} is not supported")


def read_external_senders(reader: Reader) -> tuple[tuple[bytes, Credential], ...]:
    """Read the content of the external_senders extension: signature keys and credentials (section 12.1.8.1)."""
    return reader.vector(lambda inner: (inner.opaque(), read_credential(inner)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a client supports, beyond the defaults (section 7.2)."""

    versions: tuple[int, ...]
    cipher_suites: tuple[int, ...]
    extensions: tuple[int, ...]
    proposals: tuple[int, ...]
    credentials: tuple[int, ...]

    def encode(self) -> bytes:
        """Return the wire form."""
        lists = (self.versions, self.cipher_suites, self.extensions, self.proposals, self.credentials)
        return b"".join(codec.vector(codec.uint16(number) for number in numbers) for numbers in lists)

    def supports_extension(self, kind: int) -> bool:
        """Default extensions are supported without being listed."""
        return kind in DEFAULT_EXTENSIONS or kind in self.extensions

    def supports_proposal(self, kind: int) -> bool:
        """Default proposals are supported without being listed."""
        return kind in DEFAULT_PROPOSALS or kind in self.proposals


def read_capabilities(reader: Reader) -> Capabilities:
    """Read capabilities; unknown values are kept and ignored (section 13.5)."""
    return Capabilities(
        versions=reader.vector(codec.read_uint16),
        cipher_suites=reader.vector(codec.read_uint16),
        extensions=reader.vector(codec.read_uint16),
        proposals=reader.vector(codec.read_uint16),
        credentials=reader.vector(codec.read_uint16),
    )


def our_capabilities() -> Capabilities:
    """Return what this implementation supports."""
    return Capabilities(
        versions=(suites.VERSION_MLS10,),
        cipher_suites=tuple(suites.CipherSuite),
        extensions=OUR_EXTENSIONS,
        proposals=(),
        credentials=(CREDENTIAL_BASIC,),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RequiredCapabilities:
    """What a group demands of every member (section 11.1)."""

    extensions: tuple[int, ...]
    proposals: tuple[int, ...]
    credentials: tuple[int, ...]

    def are_met_by(self, capabilities: Capabilities) -> bool:
        """Tell whether a member supports all of it; credential types have no defaults."""
        return (
            all(capabilities.supports_extension(kind) for kind in self.extensions)
            and all(capabilities.supports_proposal(kind) for kind in self.proposals)
            and all(kind in capabilities.credentials for kind in self.credentials)
        )


def read_required_capabilities(reader: Reader) -> RequiredCapabilities:
    """Read the content of the required_capabilities extension."""
    return RequiredCapabilities(
        extensions=reader.vector(codec.read_uint16),
        proposals=reader.vector(codec.read_uint16),
        credentials=reader.vector(codec.read_uint16),
    )


class LeafSource(IntEnum):
    """How a leaf came to be (section 7.2)."""

    KEY_PACKAGE = 1
    UPDATE = 2
    COMMIT = 3


@dataclass(frozen=True, slots=True)
class Lifetime:
    """When a key package may be used: seconds since the epoch, UTC."""

    not_before_s: int
    not_after_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafNode:
    """One member, signed by itself (section 7.2). `lifetime` and `parent_hash` are there as the source demands."""

    encryption_key: bytes
    signature_key: bytes
    credential: Credential
    capabilities: Capabilities
    source: LeafSource
    lifetime: Lifetime | None = None
    parent_hash: bytes = b""
    extensions: tuple[Extension, ...] = ()
    signature: bytes = b""
    encoded: bytes = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        if (self.source == LeafSource.KEY_PACKAGE) != (self.lifetime is not None):
            raise ValueError("a leaf of a key package, and no other, has a lifetime")
        object.__setattr__(self, "encoded", self._fields() + codec.opaque(self.signature))

    def _fields(self) -> bytes:
        parts = [
            codec.opaque(self.encryption_key),
            codec.opaque(self.signature_key),
            self.credential.encode(),
            self.capabilities.encode(),
            codec.uint8(self.source),
        ]
        if self.lifetime is not None:
            parts += [codec.uint64(self.lifetime.not_before_s), codec.uint64(self.lifetime.not_after_s)]
        elif self.source == LeafSource.COMMIT:
            parts.append(codec.opaque(self.parent_hash))
        parts.append(encode_extensions(self.extensions))
        return b"".join(parts)

    def _signed_part(self, group_id: bytes, leaf_index: int) -> bytes:
        """LeafNodeTBS: leaves made inside a group are bound to it and to their place."""
        if self.source == LeafSource.KEY_PACKAGE:
            return self._fields()
        return self._fields() + codec.opaque(group_id) + codec.uint32(leaf_index)

    def signed(self, private: bytes, group_id: bytes = b"", leaf_index: int = 0) -> "LeafNode":
        """Return this leaf with its signature."""
        content = self._signed_part(group_id, leaf_index)
        return replace(self, signature=suites.sign_with_label(private, b"LeafNodeTBS", content))

    def verify(self, group_id: bytes, leaf_index: int) -> None:
        """Check the leaf's own signature.

        Raises: CryptoError if it does not hold.
        """
        content = self._signed_part(group_id, leaf_index)
        suites.verify_with_label(self.signature_key, b"LeafNodeTBS", content, self.signature)


def read_leaf_node(reader: Reader) -> LeafNode:
    """Read a leaf node."""
    encryption_key, signature_key = reader.opaque(), reader.opaque()
    credential, capabilities = read_credential(reader), read_capabilities(reader)
    try:
        source = LeafSource(reader.uint8())
    except ValueError:
        raise CryptoError("a leaf has an unknown source") from None
    lifetime = Lifetime(reader.uint64(), reader.uint64()) if source == LeafSource.KEY_PACKAGE else None
    return LeafNode(
        encryption_key=encryption_key,
        signature_key=signature_key,
        credential=credential,
        capabilities=capabilities,
        source=source,
        lifetime=lifetime,
        parent_hash=reader.opaque() if source == LeafSource.COMMIT else b"",
        extensions=read_extensions(reader),
        signature=reader.opaque(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentNode:
    """A key that only the members below hold, save the unmerged leaves (section 7.1)."""

    encryption_key: bytes
    parent_hash: bytes = b""
    unmerged_leaves: tuple[int, ...] = ()

    @property
    def encoded(self) -> bytes:
        """The wire form."""
        return (
            codec.opaque(self.encryption_key)
            + codec.opaque(self.parent_hash)
            + codec.vector(codec.uint32(leaf) for leaf in self.unmerged_leaves)
        )


def read_parent_node(reader: Reader) -> ParentNode:
    """Read a parent node; its unmerged leaves must be in increasing order (section 7.1)."""
    node = ParentNode(
        encryption_key=reader.opaque(),
        parent_hash=reader.opaque(),
        unmerged_leaves=reader.vector(codec.read_uint32, codec.LEAVES_MAX),
    )
    if any(first >= second for first, second in zip(node.unmerged_leaves, node.unmerged_leaves[1:], strict=False)):
        raise CryptoError("unmerged leaves are not in increasing order")
    return node
