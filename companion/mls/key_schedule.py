"""From one epoch's secrets to the next: group context, key schedule, pre-shared keys, transcript hashes, exporter.

RFC 9420 section 8. Pure derivations; who keeps or deletes what is decided in group_state.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from companion.crypto import hpke
from companion.crypto.primitives import hkdf_extract, hmac_sha256, sha256
from companion.errors import CryptoError
from companion.mls import codec
from companion.mls.codec import Reader
from companion.mls.nodes import Extension, encode_extensions, read_extensions
from companion.mls.suites import (
    HASH_BYTES,
    VERSION_MLS10,
    ZERO_SECRET,
    CipherSuite,
    derive_secret,
    expand_with_label,
)

EPOCH_MAX = 2**64 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupContext:
    """What all members of an epoch agree on (section 8.1)."""

    suite_id: int
    group_id: bytes
    epoch: int
    tree_hash: bytes
    confirmed_transcript_hash: bytes
    extensions: tuple[Extension, ...] = ()
    encoded: bytes = field(init=False, compare=False, repr=False)
    """The wire form, which every message of the epoch is signed with."""

    def __post_init__(self) -> None:
        encoded = (
            codec.uint16(VERSION_MLS10)
            + codec.uint16(self.suite_id)
            + codec.opaque(self.group_id)
            + codec.uint64(self.epoch)
            + codec.opaque(self.tree_hash)
            + codec.opaque(self.confirmed_transcript_hash)
            + encode_extensions(self.extensions)
        )
        object.__setattr__(self, "encoded", encoded)

    def encode(self) -> bytes:
        """Return the wire form."""
        return self.encoded


def read_group_context(reader: Reader) -> GroupContext:
    """Read a group context."""
    if reader.uint16() != VERSION_MLS10:
        raise CryptoError("not MLS 1.0")
    return GroupContext(
        suite_id=reader.uint16(),
        group_id=reader.opaque(),
        epoch=reader.uint64(),
        tree_hash=reader.opaque(),
        confirmed_transcript_hash=reader.opaque(),
        extensions=read_extensions(reader),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochSecrets:
    """The secrets that members keep for one epoch, 32 bytes each (section 8, table 4)."""

    init_secret: bytes
    sender_data_secret: bytes
    exporter_secret: bytes
    external_secret: bytes
    membership_key: bytes
    resumption_psk: bytes
    epoch_authenticator: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEpoch:
    """Everything that follows from a joiner secret; what EpochSecrets lacks is used at once and dropped."""

    secrets: EpochSecrets
    welcome_secret: bytes
    encryption_secret: bytes
    confirmation_key: bytes


def joiner_secret(init_secret: bytes, commit_secret: bytes, context: GroupContext) -> bytes:
    """Return the secret that a Welcome carries (section 8)."""
    return expand_with_label(hkdf_extract(init_secret, commit_secret), b"joiner", context.encode(), HASH_BYTES)


def new_epoch(joiner: bytes, psk_secret: bytes, context: GroupContext) -> NewEpoch:
    """Return an epoch's secrets (section 8)."""
    with_psk = hkdf_extract(joiner, psk_secret)
    epoch_secret = expand_with_label(with_psk, b"epoch", context.encode(), HASH_BYTES)
    return epoch_from_secret(epoch_secret, derive_secret(with_psk, b"welcome"))


def welcome_secret(joiner: bytes, psk_secret: bytes) -> bytes:
    """Return the secret that closes the group info of a Welcome, known before the context is (section 12.4.3.1)."""
    return derive_secret(hkdf_extract(joiner, psk_secret), b"welcome")


def epoch_from_secret(epoch_secret: bytes, welcome: bytes = b"") -> NewEpoch:
    """Return what follows from an epoch secret; a group's first is random (section 11)."""
    return NewEpoch(
        secrets=EpochSecrets(
            init_secret=derive_secret(epoch_secret, b"init"),
            sender_data_secret=derive_secret(epoch_secret, b"sender data"),
            exporter_secret=derive_secret(epoch_secret, b"exporter"),
            external_secret=derive_secret(epoch_secret, b"external"),
            membership_key=derive_secret(epoch_secret, b"membership"),
            resumption_psk=derive_secret(epoch_secret, b"resumption"),
            epoch_authenticator=derive_secret(epoch_secret, b"authentication"),
        ),
        welcome_secret=welcome,
        encryption_secret=derive_secret(epoch_secret, b"encryption"),
        confirmation_key=derive_secret(epoch_secret, b"confirm"),
    )


def external_keypair(external_secret: bytes) -> tuple[bytes, bytes]:
    """Return the key pair that the whole group holds (section 8)."""
    return hpke.derive_keypair(external_secret)


def external_init_secret(suite: CipherSuite, external_secret: bytes, kem_output: bytes) -> bytes:
    """Return the init secret that somebody joining from outside has sent (section 8.3)."""
    private, _ = external_keypair(external_secret)
    return suite.hpke.receive_export(private, kem_output, b"", b"MLS 1.0 external init secret", HASH_BYTES)


def export(exporter_secret: bytes, label: bytes, context: bytes, length: int) -> bytes:
    """MLS-Exporter (section 8.5); the context is hashed."""
    return expand_with_label(derive_secret(exporter_secret, label), b"exported", sha256(context), length)


def confirmation_tag(confirmation_key: bytes, confirmed_transcript_hash: bytes) -> bytes:
    """Return the tag that proves agreement on the transcript (section 6.1)."""
    return hmac_sha256(confirmation_key, confirmed_transcript_hash)


def confirmed_transcript_hash(interim_before: bytes, confirmed_input: bytes) -> bytes:
    """Return the transcript up to a commit's signature (section 8.2)."""
    return sha256(interim_before + confirmed_input)


def interim_transcript_hash(confirmed: bytes, tag: bytes) -> bytes:
    """Return the transcript up to a commit's confirmation tag (section 8.2)."""
    return sha256(confirmed + codec.opaque(tag))


class PskUsage(IntEnum):
    """What a resumption PSK is for (section 8.4)."""

    APPLICATION = 1
    REINIT = 2
    BRANCH = 3


PSK_EXTERNAL = 1
PSK_RESUMPTION = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class PreSharedKeyId:
    """Which pre-shared key goes into the key schedule (section 8.4).

    External: `psk_id` is set and `usage` is None. Resumption: `usage`, `psk_group_id` and `psk_epoch` are set.
    """

    psk_nonce: bytes
    psk_id: bytes = b""
    usage: PskUsage | None = None
    psk_group_id: bytes = b""
    psk_epoch: int = 0

    def encode(self) -> bytes:
        """Return the wire form."""
        if self.usage is None:
            head = codec.uint8(PSK_EXTERNAL) + codec.opaque(self.psk_id)
        else:
            head = codec.uint8(PSK_RESUMPTION) + codec.uint8(self.usage)
            head += codec.opaque(self.psk_group_id) + codec.uint64(self.psk_epoch)
        return head + codec.opaque(self.psk_nonce)


def read_psk_id(reader: Reader) -> PreSharedKeyId:
    """Read a PreSharedKeyID."""
    kind = reader.uint8()
    if kind == PSK_EXTERNAL:
        return PreSharedKeyId(psk_id=reader.opaque(), psk_nonce=reader.opaque())
    if kind != PSK_RESUMPTION:
        raise CryptoError("a pre-shared key is of an unknown type")
    try:
        usage = PskUsage(reader.uint8())
    except ValueError:
        raise CryptoError("a resumption key has an unknown usage") from None
    return PreSharedKeyId(
        usage=usage, psk_group_id=reader.opaque(), psk_epoch=reader.uint64(), psk_nonce=reader.opaque()
    )


def psk_secret(psks: Sequence[tuple[PreSharedKeyId, bytes]]) -> bytes:
    """Chain pre-shared keys into one secret, in their order (section 8.4); without any it is all zero."""
    secret = ZERO_SECRET
    for index, (psk_id, psk) in enumerate(psks):
        label = psk_id.encode() + codec.uint16(index) + codec.uint16(len(psks))
        extracted = hkdf_extract(ZERO_SECRET, psk)
        secret = hkdf_extract(expand_with_label(extracted, b"derived psk", label, HASH_BYTES), secret)
    return secret
