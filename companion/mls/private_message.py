"""Messages that are signed and encrypted: sealing, opening, sender data, padding (RFC 9420 section 6.3)."""

from dataclasses import dataclass

from companion.crypto import primitives
from companion.crypto.padding import padded_length
from companion.crypto.primitives import RandomSource
from companion.errors import CryptoError
from companion.mls import codec, suites
from companion.mls.codec import Reader
from companion.mls.framing import (
    AuthenticatedContent,
    ContentType,
    FramedContent,
    Sender,
    SenderType,
    WireFormat,
    encode_body,
    read_auth_data,
    read_body,
    read_content_type,
)
from companion.mls.secret_tree import MessageKey, RatchetKind, SecretTree
from companion.mls.suites import HASH_BYTES, CipherSuite

_REUSE_GUARD_BYTES = 4


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
    plaintext = encode_body(content.body) + message.auth.encode()
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
    body = read_body(reader, message.content_type)
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
