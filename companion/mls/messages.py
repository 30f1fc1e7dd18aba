"""What joins people to groups, and the outermost frame of everything sent (RFC 9420 sections 6 and 12.4.3)."""

from dataclasses import dataclass, replace
from functools import lru_cache

from companion.crypto import primitives
from companion.errors import CryptoError
from companion.mls import codec, suites
from companion.mls.codec import LEAVES_MAX, MESSAGE_BYTES_MAX, Reader
from companion.mls.framing import ContentType, PublicMessage, WireFormat, read_public_message, read_wire_format
from companion.mls.key_schedule import GroupContext, PreSharedKeyId, read_group_context, read_psk_id, welcome_secret
from companion.mls.nodes import Extension, encode_extensions, read_extensions
from companion.mls.private_message import PrivateMessage, read_private_message
from companion.mls.proposals import KeyPackage, read_key_package
from companion.mls.suites import VERSION_MLS10, CipherSuite


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupInfo:
    """The public state of a group, signed by a member (section 12.4.3)."""

    context: GroupContext
    extensions: tuple[Extension, ...]
    confirmation_tag: bytes
    signer: int
    signature: bytes = b""

    def _fields(self) -> bytes:
        return (
            self.context.encode()
            + encode_extensions(self.extensions)
            + codec.opaque(self.confirmation_tag)
            + codec.uint32(self.signer)
        )

    def encode(self) -> bytes:
        """Return the wire form."""
        return self._fields() + codec.opaque(self.signature)

    def signed(self, private: bytes) -> "GroupInfo":
        """Return this group info with its signature."""
        return replace(self, signature=suites.sign_with_label(private, b"GroupInfoTBS", self._fields()))

    def verify(self, signature_key: bytes) -> None:
        """Check the signer's signature.

        Raises: CryptoError if it does not hold.
        """
        suites.verify_with_label(signature_key, b"GroupInfoTBS", self._fields(), self.signature)


def read_group_info(reader: Reader) -> GroupInfo:
    """Read a group info."""
    return GroupInfo(
        context=read_group_context(reader),
        extensions=read_extensions(reader),
        confirmation_tag=reader.opaque(),
        signer=reader.uint32(),
        signature=reader.opaque(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSecrets:
    """What a Welcome tells one new member in secret (section 12.4.3.1)."""

    joiner_secret: bytes
    path_secret: bytes | None
    psks: tuple[PreSharedKeyId, ...]

    def encode(self) -> bytes:
        """Return the wire form."""
        path_secret = codec.opaque(self.path_secret) if self.path_secret is not None else None
        psks = codec.vector(psk.encode() for psk in self.psks)
        return codec.opaque(self.joiner_secret) + codec.optional(path_secret) + psks


def read_group_secrets(reader: Reader) -> GroupSecrets:
    """Read group secrets."""
    return GroupSecrets(
        joiner_secret=reader.opaque(), path_secret=reader.optional(codec.read_opaque), psks=reader.vector(read_psk_id)
    )


@dataclass(frozen=True, slots=True)
class EncryptedGroupSecrets:
    """Group secrets sealed to one key package (section 12.4.3.1)."""

    new_member: bytes
    ciphertext: bytes

    def encode(self) -> bytes:
        """Return the wire form."""
        return codec.opaque(self.new_member) + self.ciphertext


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """What new members join with (section 12.4.3.1)."""

    suite_id: int
    secrets: tuple[EncryptedGroupSecrets, ...]
    encrypted_group_info: bytes

    def encode(self) -> bytes:
        """Return the wire form."""
        secrets = codec.vector(secret.encode() for secret in self.secrets)
        return codec.uint16(self.suite_id) + secrets + codec.opaque(self.encrypted_group_info)


def read_welcome(reader: Reader) -> Welcome:
    """Read a Welcome."""

    def read_secrets(inner: Reader) -> EncryptedGroupSecrets:
        return EncryptedGroupSecrets(inner.opaque(), suites.read_hpke_ciphertext(inner))

    return Welcome(
        suite_id=reader.uint16(),
        secrets=reader.vector(read_secrets, LEAVES_MAX),
        encrypted_group_info=reader.opaque(),
    )


def _group_info_key(suite: CipherSuite, joiner_secret: bytes, psk_secret: bytes) -> tuple[bytes, bytes]:
    """Return key and nonce that close the group info of a Welcome (section 12.4.3.1)."""
    secret = welcome_secret(joiner_secret, psk_secret)
    key = suites.expand_with_label(secret, b"key", b"", suite.aead.key_bytes)
    return key, suites.expand_with_label(secret, b"nonce", b"", primitives.NONCE_BYTES)


def seal_group_info(suite: CipherSuite, info: GroupInfo, joiner_secret: bytes, psk_secret: bytes) -> bytes:
    """Return the group info as a Welcome carries it."""
    key, nonce = _group_info_key(suite, joiner_secret, psk_secret)
    return primitives.aead_encrypt(suite.aead, key, nonce, info.encode(), b"")


def open_group_info(welcome: Welcome, joiner_secret: bytes, psk_secret: bytes) -> GroupInfo:
    """Return the group info in a Welcome; its signature is still to be verified.

    Raises: CryptoError if it does not open.
    """
    suite = suites.suite_from_id(welcome.suite_id)
    key, nonce = _group_info_key(suite, joiner_secret, psk_secret)
    opened = primitives.aead_decrypt(suite.aead, key, nonce, welcome.encrypted_group_info, b"")
    return codec.decode(opened, read_group_info)


Payload = PublicMessage | PrivateMessage | Welcome | GroupInfo | KeyPackage


def encode_message(payload: Payload) -> bytes:
    """Return an MLSMessage (section 6)."""
    if isinstance(payload, KeyPackage):
        return codec.uint16(VERSION_MLS10) + codec.uint16(WireFormat.KEY_PACKAGE) + payload.encoded
    if isinstance(payload, PrivateMessage):
        wire_format = WireFormat.PRIVATE_MESSAGE
    elif isinstance(payload, PublicMessage):
        wire_format = WireFormat.PUBLIC_MESSAGE
    else:
        wire_format = WireFormat.WELCOME if isinstance(payload, Welcome) else WireFormat.GROUP_INFO
    return codec.uint16(VERSION_MLS10) + codec.uint16(wire_format) + payload.encode()


def decode_message(data: bytes) -> Payload:
    """Read an MLSMessage of at most MESSAGE_BYTES_MAX.

    Raises: CryptoError if it is malformed, too long or of another version.
    """
    if len(data) > MESSAGE_BYTES_MAX:
        raise CryptoError(f"a message of {len(data)} bytes is too long")
    reader = Reader(data)
    if reader.uint16() != VERSION_MLS10:
        raise CryptoError("not MLS 1.0")
    payload = _read_payload(reader, read_wire_format(reader))
    reader.finish()
    return payload


decode_once = lru_cache(maxsize=1)(decode_message)
"""The same, for who reads the head of a message first and opens it next."""


def _read_payload(reader: Reader, wire_format: WireFormat) -> Payload:
    match wire_format:
        case WireFormat.PUBLIC_MESSAGE:
            return read_public_message(reader)
        case WireFormat.PRIVATE_MESSAGE:
            return read_private_message(reader)
        case WireFormat.WELCOME:
            return read_welcome(reader)
        case WireFormat.GROUP_INFO:
            return read_group_info(reader)
        case WireFormat.KEY_PACKAGE:
            return read_key_package(reader)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageHead:
    """What anybody can see of a group message without a key."""

    group_id: bytes
    epoch: int
    content_type: ContentType


def read_head(data: bytes) -> MessageHead:
    """Return group, epoch and type of a framed message, so that a caller can order messages before opening them.

    Raises: CryptoError if it is malformed or no message within a group.
    """
    payload = decode_once(data)
    if isinstance(payload, PrivateMessage):
        return MessageHead(group_id=payload.group_id, epoch=payload.epoch, content_type=payload.content_type)
    if isinstance(payload, PublicMessage):
        content = payload.content
        return MessageHead(group_id=content.group_id, epoch=content.epoch, content_type=content.content_type)
    raise CryptoError("not a message within a group")
