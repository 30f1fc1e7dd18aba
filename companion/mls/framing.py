"""How handshake and application messages are signed, sealed and opened (RFC 9420 section 6)."""

from dataclasses import dataclass
from enum import IntEnum

from companion.crypto import primitives
from companion.crypto.primitives import RandomSource
from companion.errors import CryptoError
from companion.mls import codec, suites
from companion.mls.codec import Reader
from companion.mls.key_schedule import GroupContext
from companion.mls.proposals import Commit, Proposal, encode_proposal, read_commit, read_proposal
from companion.mls.secret_tree import MessageKey, RatchetKind, SecretTree
from companion.mls.suites import HASH_BYTES, VERSION_MLS10, CipherSuite

PADDED_BYTES_MIN = 64
_REUSE_GUARD_BYTES = 4


class WireFormat(IntEnum):
    """What an MLSMessage carries (section 17.2)."""

    PUBLIC_MESSAGE = 1
    PRIVATE_MESSAGE = 2
    WELCOME = 3
    GROUP_INFO = 4
    KEY_PACKAGE = 5


class ContentType(IntEnum):
    """What a framed message says (section 6)."""

    APPLICATION = 1
    PROPOSAL = 2
    COMMIT = 3


class SenderType(IntEnum):
    """Who says it (section 6)."""

    MEMBER = 1
    EXTERNAL = 2
    NEW_MEMBER_PROPOSAL = 3
    NEW_MEMBER_COMMIT = 4


@dataclass(frozen=True, slots=True)
class Sender:
    """The sender's type; `index` is a leaf index for members, a list position for external senders."""

    kind: SenderType
    index: int = 0

    def encode(self) -> bytes:
        """Return the wire form."""
        has_index = self.kind in (SenderType.MEMBER, SenderType.EXTERNAL)
        return codec.uint8(self.kind) + (codec.uint32(self.index) if has_index else b"")


def read_sender(reader: Reader) -> Sender:
    """Read a sender."""
    try:
        kind = SenderType(reader.uint8())
    except ValueError:
        raise CryptoError("a sender is of an unknown type") from None
    return Sender(kind, reader.uint32() if kind in (SenderType.MEMBER, SenderType.EXTERNAL) else 0)


def read_content_type(reader: Reader) -> ContentType:
    """Read a content type."""
    try:
        return ContentType(reader.uint8())
    except ValueError:
        raise CryptoError("a message is of an unknown type") from None


Body = bytes | Proposal | Commit


def _content_type(body: Body) -> ContentType:
    if isinstance(body, bytes):
        return ContentType.APPLICATION
    return ContentType.COMMIT if isinstance(body, Commit) else ContentType.PROPOSAL


def _encode_body(body: Body) -> bytes:
    if isinstance(body, bytes):
        return codec.opaque(body)
    return body.encode() if isinstance(body, Commit) else encode_proposal(body)


def _read_body(reader: Reader, kind: ContentType) -> Body:
    if kind == ContentType.APPLICATION:
        return reader.opaque()
    return read_commit(reader) if kind == ContentType.COMMIT else read_proposal(reader)


@dataclass(frozen=True, slots=True, kw_only=True)
class FramedContent:
    """A message and where it belongs (section 6). The body is application data, a proposal or a commit."""

    group_id: bytes
    epoch: int
    sender: Sender
    authenticated_data: bytes
    body: Body

    @property
    def content_type(self) -> ContentType:
        """The type of the body."""
        return _content_type(self.body)

    def encode(self) -> bytes:
        """Return the wire form."""
        return (
            codec.opaque(self.group_id)
            + codec.uint64(self.epoch)
            + self.sender.encode()
            + codec.opaque(self.authenticated_data)
            + codec.uint8(self.content_type)
            + _encode_body(self.body)
        )


def read_framed_content(reader: Reader) -> FramedContent:
    """Read a framed content."""
    return FramedContent(
        group_id=reader.opaque(),
        epoch=reader.uint64(),
        sender=read_sender(reader),
        authenticated_data=reader.opaque(),
        body=_read_body(reader, read_content_type(reader)),
    )


@dataclass(frozen=True, slots=True)
class AuthData:
    """Signature of any message, confirmation tag of a commit (section 6.1)."""

    signature: bytes
    confirmation_tag: bytes | None = None

    def encode(self) -> bytes:
        """Return the wire form."""
        tag = codec.opaque(self.confirmation_tag) if self.confirmation_tag is not None else b""
        return codec.opaque(self.signature) + tag


def read_auth_data(reader: Reader, kind: ContentType) -> AuthData:
    """Read the authentication data of a message of this type."""
    return AuthData(reader.opaque(), reader.opaque() if kind == ContentType.COMMIT else None)


def signed_part(wire_format: WireFormat, content: FramedContent, context: GroupContext | None) -> bytes:
    """FramedContentTBS (section 6.1); members and joiners sign the group context too."""
    covers_context = content.sender.kind in (SenderType.MEMBER, SenderType.NEW_MEMBER_COMMIT)
    head = codec.uint16(VERSION_MLS10) + codec.uint16(wire_format) + content.encode()
    if not covers_context:
        return head
    if context is None:
        raise ValueError("a member's signature needs the group context")
    return head + context.encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticatedContent:
    """A signed message, before or after transport protection (section 6)."""

    wire_format: WireFormat
    content: FramedContent
    auth: AuthData

    def encode(self) -> bytes:
        """Return the wire form, which proposal references hash."""
        return codec.uint16(self.wire_format) + self.content.encode() + self.auth.encode()

    def confirmed_transcript_input(self) -> bytes:
        """ConfirmedTranscriptHashInput (section 8.2)."""
        return codec.uint16(self.wire_format) + self.content.encode() + codec.opaque(self.auth.signature)

    def verify(self, signature_key: bytes, context: GroupContext | None) -> None:
        """Check the sender's signature.

        Raises: CryptoError if it does not hold.
        """
        content = signed_part(self.wire_format, self.content, context)
        suites.verify_with_label(signature_key, b"FramedContentTBS", content, self.auth.signature)


def read_authenticated_content(reader: Reader) -> AuthenticatedContent:
    """Read an authenticated content."""
    wire_format = read_wire_format(reader)
    content = read_framed_content(reader)
    return AuthenticatedContent(
        wire_format=wire_format, content=content, auth=read_auth_data(reader, content.content_type)
    )


def read_wire_format(reader: Reader) -> WireFormat:
    """Read a wire format."""
    try:
        return WireFormat(reader.uint16())
    except ValueError:
        raise CryptoError("a message has an unknown wire format") from None


def sign(
    private: bytes, wire_format: WireFormat, content: FramedContent, context: GroupContext | None
) -> AuthenticatedContent:
    """Return the signed message; a commit's confirmation tag comes later."""
    signature = suites.sign_with_label(private, b"FramedContentTBS", signed_part(wire_format, content, context))
    return AuthenticatedContent(wire_format=wire_format, content=content, auth=AuthData(signature))


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicMessage:
    """Signed, not encrypted (section 6.2)."""

    content: FramedContent
    auth: AuthData
    membership_tag: bytes | None

    def encode(self) -> bytes:
        """Return the wire form."""
        tag = codec.opaque(self.membership_tag) if self.membership_tag is not None else b""
        return self.content.encode() + self.auth.encode() + tag


def read_public_message(reader: Reader) -> PublicMessage:
    """Read a public message."""
    content = read_framed_content(reader)
    return PublicMessage(
        content=content,
        auth=read_auth_data(reader, content.content_type),
        membership_tag=reader.opaque() if content.sender.kind == SenderType.MEMBER else None,
    )


def membership_tag(membership_key: bytes, message: AuthenticatedContent, context: GroupContext) -> bytes:
    """MAC of AuthenticatedContentTBM (section 6.2)."""
    covered = signed_part(message.wire_format, message.content, context) + message.auth.encode()
    return primitives.hmac_sha256(membership_key, covered)


def protect_public(message: AuthenticatedContent, membership_key: bytes, context: GroupContext) -> PublicMessage:
    """Return the public form of a member's handshake message."""
    if message.content.content_type == ContentType.APPLICATION:
        raise ValueError("application data must be encrypted")
    tag = membership_tag(membership_key, message, context)
    return PublicMessage(content=message.content, auth=message.auth, membership_tag=tag)


def unprotect_public(message: PublicMessage, membership_key: bytes, context: GroupContext) -> AuthenticatedContent:
    """Return the signed message after checking the membership tag; its signature is still to be verified.

    Raises: CryptoError if the tag does not match, or application data came unencrypted.
    """
    if message.content.content_type == ContentType.APPLICATION:
        raise CryptoError("application data came unencrypted")
    found = AuthenticatedContent(wire_format=WireFormat.PUBLIC_MESSAGE, content=message.content, auth=message.auth)
    if message.membership_tag is not None and not primitives.same_bytes(
        message.membership_tag, membership_tag(membership_key, found, context)
    ):
        raise CryptoError("the membership tag does not match")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateMessage:
    """Signed and encrypted: only group, epoch, type and authenticated data can be seen (section 6.3)."""

    group_id: bytes
    epoch: int
    content_type: ContentType
    authenticated_data: bytes
    encrypted_sender_data: bytes
    ciphertext: bytes

    def head(self) -> bytes:
        """SenderDataAAD (section 6.3.2)."""
        return codec.opaque(self.group_id) + codec.uint64(self.epoch) + codec.uint8(self.content_type)

    def content_aad(self) -> bytes:
        """PrivateContentAAD (section 6.3.1)."""
        return self.head() + codec.opaque(self.authenticated_data)

    def encode(self) -> bytes:
        """Return the wire form."""
        return self.content_aad() + codec.opaque(self.encrypted_sender_data) + codec.opaque(self.ciphertext)


def read_private_message(reader: Reader) -> PrivateMessage:
    """Read a private message."""
    return PrivateMessage(
        group_id=reader.opaque(),
        epoch=reader.uint64(),
        content_type=read_content_type(reader),
        authenticated_data=reader.opaque(),
        encrypted_sender_data=reader.opaque(),
        ciphertext=reader.opaque(),
    )


def padded_length(length: int) -> int:
    """Return the length to pad to: at least 64 bytes, then Padmé, which adds at most 12 %.

    Source: Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs", section 4.
    """
    if length <= PADDED_BYTES_MIN:
        return PADDED_BYTES_MIN
    exponent = length.bit_length() - 1
    unit = 1 << (exponent - exponent.bit_length())
    return -(-length // unit) * unit


def sender_data_key(suite: CipherSuite, sender_data_secret: bytes, ciphertext: bytes) -> MessageKey:
    """Return key and nonce of the sender data: they follow from the start of the ciphertext (section 6.3.2)."""
    sample = ciphertext[:HASH_BYTES]
    return MessageKey(
        suites.expand_with_label(sender_data_secret, b"key", sample, suite.aead.key_bytes),
        suites.expand_with_label(sender_data_secret, b"nonce", sample, primitives.NONCE_BYTES),
    )


def _guarded(nonce: bytes, reuse_guard: bytes) -> bytes:
    """Return the nonce with its first four bytes masked (section 6.3.1)."""
    head = bytes(a ^ b for a, b in zip(nonce, reuse_guard, strict=False))
    return head + nonce[_REUSE_GUARD_BYTES:]


def _ratchet_kind(content_type: ContentType) -> RatchetKind:
    is_application = content_type == ContentType.APPLICATION
    return RatchetKind.APPLICATION if is_application else RatchetKind.HANDSHAKE


def protect_private(
    message: AuthenticatedContent, secret_tree: SecretTree, sender_data_secret: bytes, random: RandomSource
) -> tuple[PrivateMessage, SecretTree]:
    """Return the encrypted form of a member's message, and the secret tree without the key it used.

    The tree must be saved before the message leaves.
    """
    content, suite = message.content, secret_tree.suite
    if content.sender.kind != SenderType.MEMBER:
        raise ValueError("only members can encrypt")
    plaintext = _encode_body(content.body) + message.auth.encode()
    plaintext += bytes(padded_length(len(plaintext)) - len(plaintext))
    generation, key, tree = secret_tree.next_key(content.sender.index, _ratchet_kind(content.content_type))
    guard = random(_REUSE_GUARD_BYTES)
    aad = codec.opaque(content.group_id) + codec.uint64(content.epoch) + codec.uint8(content.content_type)
    ciphertext = primitives.aead_encrypt(
        suite.aead, key.key, _guarded(key.nonce, guard), plaintext, aad + codec.opaque(content.authenticated_data)
    )
    sender_key = sender_data_key(suite, sender_data_secret, ciphertext)
    sender_data = codec.uint32(content.sender.index) + codec.uint32(generation) + guard
    sealed = PrivateMessage(
        group_id=content.group_id,
        epoch=content.epoch,
        content_type=content.content_type,
        authenticated_data=content.authenticated_data,
        encrypted_sender_data=primitives.aead_encrypt(suite.aead, sender_key.key, sender_key.nonce, sender_data, aad),
        ciphertext=ciphertext,
    )
    return sealed, tree


@dataclass(frozen=True, slots=True)
class SenderData:
    """Who sealed a private message, with which generation (section 6.3.2)."""

    leaf_index: int
    generation: int
    reuse_guard: bytes


def open_sender_data(message: PrivateMessage, suite: CipherSuite, sender_data_secret: bytes) -> SenderData:
    """Return the sender data of a private message.

    Raises: CryptoError if it does not open.
    """
    key = sender_data_key(suite, sender_data_secret, message.ciphertext)
    opened = primitives.aead_decrypt(suite.aead, key.key, key.nonce, message.encrypted_sender_data, message.head())
    return codec.decode(
        opened, lambda reader: SenderData(reader.uint32(), reader.uint32(), reader.take(_REUSE_GUARD_BYTES))
    )


def unprotect_private(
    message: PrivateMessage, sender: SenderData, secret_tree: SecretTree
) -> tuple[AuthenticatedContent, SecretTree]:
    """Return the signed message and the secret tree without the key it used; the signature is still to be verified.

    Raises: CryptoError if the generation was used, the message does not open, or its padding is not zero.
    """
    suite = secret_tree.suite
    key, tree = secret_tree.key_at(sender.leaf_index, _ratchet_kind(message.content_type), sender.generation)
    nonce = _guarded(key.nonce, sender.reuse_guard)
    plaintext = primitives.aead_decrypt(suite.aead, key.key, nonce, message.ciphertext, message.content_aad())
    reader = Reader(plaintext)
    body = _read_body(reader, message.content_type)
    auth = read_auth_data(reader, message.content_type)
    if any(reader.rest()):
        raise CryptoError("the padding is not zero")
    content = FramedContent(
        group_id=message.group_id,
        epoch=message.epoch,
        sender=Sender(SenderType.MEMBER, sender.leaf_index),
        authenticated_data=message.authenticated_data,
        body=body,
    )
    return AuthenticatedContent(wire_format=WireFormat.PRIVATE_MESSAGE, content=content, auth=auth), tree
