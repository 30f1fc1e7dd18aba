"""How messages are framed and signed, and their public form (RFC 9420 sections 6, 6.1 and 6.2)."""

from dataclasses import dataclass, replace
from enum import IntEnum

from companion.crypto import primitives
from companion.errors import CryptoError
from companion.mls import codec, suites
from companion.mls.codec import Reader
from companion.mls.key_schedule import GroupContext
from companion.mls.proposals import Commit, Proposal, encode_proposal, read_commit, read_proposal
from companion.mls.suites import VERSION_MLS10


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


def encode_body(body: Body) -> bytes:
    if isinstance(body, bytes):
        return codec.opaque(body)
    return body.encode() if isinstance(body, Commit) else encode_proposal(body)


def read_body(reader: Reader, kind: ContentType) -> Body:
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
            + encode_body(self.body)
        )


def read_framed_content(reader: Reader) -> FramedContent:
    """Read a framed content."""
    return FramedContent(
        group_id=reader.opaque(),
        epoch=reader.uint64(),
        sender=read_sender(reader),
        authenticated_data=reader.opaque(),
        body=read_body(reader, read_content_type(reader)),
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


def with_confirmation_tag(message: AuthenticatedContent, tag: bytes) -> AuthenticatedContent:
    """Return a signed commit with its confirmation tag."""
    return replace(message, auth=AuthData(message.auth.signature, tag))


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
