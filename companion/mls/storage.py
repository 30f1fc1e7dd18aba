"""The saved form of a state (not of RFC 9420): what a member keeps between two messages.

It holds every key of the member, so it is only ever written sealed; it belongs in no backup, and an older copy must
never be used again, because that would repeat keys and nonces.
"""

from companion.errors import CryptoError
from companion.mls import codec
from companion.mls.codec import ITEMS_MAX, LEAVES_MAX, Reader
from companion.mls.committing import PendingCommit
from companion.mls.framing import read_sender
from companion.mls.group_state import (
    CACHED_PROPOSALS_MAX,
    CachedProposal,
    Group,
    PastEpoch,
    Status,
)
from companion.mls.key_schedule import EpochSecrets, read_group_context
from companion.mls.proposals import encode_proposal, read_proposal
from companion.mls.ratchet_tree import read_ratchet_tree
from companion.mls.secret_tree import read_secret_tree
from companion.mls.suites import suite_from_id

# Raise STATE_VERSION with every change of the form, and keep reading the old ones from STATE_VERSION_MIN on.
STATE_MAGIC = b"CMLS"
STATE_VERSION_MIN = 1  # 2026-11: first form
STATE_VERSION = 1


def encode_group(group: Group) -> bytes:
    """Return the saved form of a state: about 16 kB with 50 members."""
    secrets = group.secrets
    epoch_secrets = (
        secrets.init_secret,
        secrets.sender_data_secret,
        secrets.exporter_secret,
        secrets.external_secret,
        secrets.membership_key,
        secrets.resumption_psk,
        secrets.epoch_authenticator,
    )
    return b"".join(
        (
            STATE_MAGIC,
            codec.uint16(STATE_VERSION),
            codec.uint8(group.status),
            codec.opaque(group.context.encode()),
            group.tree.encode(),
            codec.uint32(group.own_leaf),
            codec.opaque(group.signature_private),
            codec.vector(codec.uint32(node) + codec.opaque(key) for node, key in sorted(group.private_keys.items())),
            *(codec.opaque(secret) for secret in epoch_secrets),
            group.secret_tree.encode(),
            codec.opaque(group.confirmation_tag),
            codec.vector(map(_encode_proposal, group.proposals)),
            codec.vector(map(_encode_past_epoch, group.past_epochs)),
            codec.vector(codec.uint64(epoch) + codec.opaque(psk) for epoch, psk in group.resumption_psks),
        )
    )


def read_group(reader: Reader) -> Group:
    """Read a saved state.

    Raises: CryptoError if it is damaged or of a version that is not known here.
    """
    version = reader.uint16() if reader.take(len(STATE_MAGIC)) == STATE_MAGIC else 0
    if not STATE_VERSION_MIN <= version <= STATE_VERSION:
        raise CryptoError(f"a saved group has version {version}")
    try:
        status = Status(reader.uint8())
    except ValueError:
        raise CryptoError("a saved group is damaged") from None
    context = codec.decode(reader.opaque(), read_group_context)
    return Group(
        suite=suite_from_id(context.suite_id),
        context=context,
        tree=read_ratchet_tree(reader),
        own_leaf=reader.uint32(),
        signature_private=reader.opaque(),
        private_keys=dict(reader.vector(lambda inner: (inner.uint32(), inner.opaque()))),
        secrets=EpochSecrets(
            init_secret=reader.opaque(),
            sender_data_secret=reader.opaque(),
            exporter_secret=reader.opaque(),
            external_secret=reader.opaque(),
            membership_key=reader.opaque(),
            resumption_psk=reader.opaque(),
            epoch_authenticator=reader.opaque(),
        ),
        secret_tree=read_secret_tree(reader),
        confirmation_tag=reader.opaque(),
        proposals=reader.vector(_read_proposal, CACHED_PROPOSALS_MAX),
        past_epochs=reader.vector(_read_past_epoch, ITEMS_MAX),
        resumption_psks=reader.vector(lambda inner: (inner.uint64(), inner.opaque())),
        status=status,
    )


def _encode_proposal(cached: CachedProposal) -> bytes:
    return (
        codec.opaque(cached.ref)
        + cached.sender.encode()
        + encode_proposal(cached.proposal)
        + codec.opaque(cached.private_key)
    )


def _read_proposal(reader: Reader) -> CachedProposal:
    return CachedProposal(
        ref=reader.opaque(),
        sender=read_sender(reader),
        proposal=read_proposal(reader),
        private_key=reader.opaque(),
    )


def _encode_past_epoch(past: PastEpoch) -> bytes:
    members = (
        codec.uint32(index) + codec.opaque(identity) + codec.opaque(key) for index, identity, key in past.members
    )
    return (
        codec.opaque(past.context.encode())
        + codec.opaque(past.sender_data_secret)
        + past.secret_tree.encode()
        + codec.vector(members)
        + codec.uint64(past.expires_at_ms)
    )


def _read_past_epoch(reader: Reader) -> PastEpoch:
    return PastEpoch(
        context=codec.decode(reader.opaque(), read_group_context),
        sender_data_secret=reader.opaque(),
        secret_tree=read_secret_tree(reader),
        members=reader.vector(lambda inner: (inner.uint32(), inner.opaque(), inner.opaque()), LEAVES_MAX),
        expires_at_ms=reader.uint64(),
    )


def encode_pending(pending: PendingCommit) -> bytes:
    """Return the saved form of a pending commit: it is written before the commit leaves."""
    welcome = None if pending.welcome is None else codec.opaque(pending.welcome)
    return codec.opaque(pending.message) + codec.optional(welcome) + encode_group(pending.state)


def read_pending(reader: Reader) -> PendingCommit:
    """Read a saved pending commit."""
    return PendingCommit(message=reader.opaque(), welcome=reader.optional(codec.read_opaque), state=read_group(reader))
