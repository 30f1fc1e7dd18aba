"""The state of one member in one group: immutable, so that a refused message cannot change anything.

Every operation takes a state and returns another, or raises. The caller saves the new state before anything that was
sealed with it leaves the device, and never goes back to an older one.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum

from companion.crypto.primitives import RandomSource
from companion.errors import CryptoError
from companion.mls import key_schedule
from companion.mls.framing import Sender
from companion.mls.key_schedule import EpochSecrets, GroupContext
from companion.mls.nodes import LeafNode
from companion.mls.policy import Policy, policy_of
from companion.mls.proposals import Proposal
from companion.mls.ratchet_tree import RatchetTree
from companion.mls.secret_tree import SecretTree
from companion.mls.suites import CipherSuite

# Keys of an epoch that is over, for messages under way: deleted after this time, or after this many epochs.
PAST_EPOCH_MS = 300_000
PAST_EPOCHS_MAX = 3
# Resumption keys that a PreSharedKey proposal may name.
RESUMPTION_PSKS_MAX = 16
CACHED_PROPOSALS_MAX = 1_024
LIFETIME_MAX_S = 100 * 86_400

Authenticate = Callable[[bytes, bytes], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What the application supplies to every operation.

    `at_ms`: now, in ms since the epoch, UTC; for a message that waited at the service, when the service took it.
    `authenticate`: tells whether a signature key (32 bytes) belongs to a credential identity: the authentication
    service of RFC 9420 section 5.3.1, here the signed device list. `psks`: external pre-shared keys by their id.
    `lifetime_max_s`: the longest lifetime of a key package that is accepted.
    """

    at_ms: int
    authenticate: Authenticate
    random: RandomSource = os.urandom
    psks: Mapping[bytes, bytes] = field(default_factory=dict)
    lifetime_max_s: int = LIFETIME_MAX_S


class Status(IntEnum):
    """Whether the member still takes part."""

    ACTIVE = 1
    REMOVED = 2
    CLOSED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedProposal:
    """A proposal of this epoch that a commit may refer to; `private_key` is set for our own updates."""

    ref: bytes
    sender: Sender
    proposal: Proposal
    private_key: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastEpoch:
    """What is kept to read late messages of an epoch that is over: members are (leaf index, identity, key)."""

    context: GroupContext
    sender_data_secret: bytes
    secret_tree: SecretTree
    members: tuple[tuple[int, bytes, bytes], ...]
    expires_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One member's state. `private_keys`: by node index, our leaf and the parents whose keys we hold."""

    suite: CipherSuite
    context: GroupContext
    tree: RatchetTree
    own_leaf: int
    signature_private: bytes = field(repr=False)
    private_keys: dict[int, bytes] = field(repr=False)
    secrets: EpochSecrets = field(repr=False)
    secret_tree: SecretTree = field(repr=False)
    confirmation_tag: bytes
    proposals: tuple[CachedProposal, ...] = ()
    past_epochs: tuple[PastEpoch, ...] = field(default=(), repr=False)
    resumption_psks: tuple[tuple[int, bytes], ...] = field(default=(), repr=False)
    status: Status = Status.ACTIVE

    @property
    def group_id(self) -> bytes:
        """The group's id."""
        return self.context.group_id

    @property
    def epoch(self) -> int:
        """The number of commits so far."""
        return self.context.epoch

    @property
    def interim_transcript_hash(self) -> bytes:
        """The transcript up to the last commit's tag (RFC 9420 section 8.2)."""
        return key_schedule.interim_transcript_hash(self.context.confirmed_transcript_hash, self.confirmation_tag)

    @property
    def policy(self) -> Policy | None:
        """Who may change the membership, if the group says so."""
        return policy_of(self.context.extensions)

    def member(self, leaf_index: int) -> LeafNode:
        """Return the member at a leaf.

        Raises: CryptoError if there is none.
        """
        leaf = self.tree.leaf(leaf_index)
        if leaf is None:
            raise CryptoError(f"leaf {leaf_index} is blank")
        return leaf

    def members(self) -> tuple[tuple[int, bytes], ...]:
        """Return (leaf index, credential identity) of every member, ourselves included."""
        return tuple((index, leaf.credential.identity) for index, leaf in self.tree.members())

    def as_past_epoch(self, at_ms: int) -> PastEpoch:
        """Return what to keep of this epoch when it is over."""
        return PastEpoch(
            context=self.context,
            sender_data_secret=self.secrets.sender_data_secret,
            secret_tree=self.secret_tree,
            members=tuple((index, leaf.credential.identity, leaf.signature_key) for index, leaf in self.tree.members()),
            expires_at_ms=at_ms + PAST_EPOCH_MS,
        )

    def following(self, before: "Group", at_ms: int) -> "Group":
        """Return this new state with what is kept of the one before."""
        past = (before.as_past_epoch(at_ms), *before.past_epochs)
        psks = ((before.epoch, before.secrets.resumption_psk), *before.resumption_psks)
        return replace(
            self,
            past_epochs=tuple(epoch for epoch in past if epoch.expires_at_ms > at_ms)[:PAST_EPOCHS_MAX],
            resumption_psks=psks[:RESUMPTION_PSKS_MAX],
        )

    def without_expired(self, at_ms: int) -> "Group":
        """Return the state without keys whose time is over."""
        kept = tuple(epoch for epoch in self.past_epochs if epoch.expires_at_ms > at_ms)
        return self if len(kept) == len(self.past_epochs) else replace(self, past_epochs=kept)

    def resumption_psk(self, epoch: int) -> bytes | None:
        """Return the resumption key of an epoch, if it is still kept."""
        if epoch == self.epoch:
            return self.secrets.resumption_psk
        return dict(self.resumption_psks).get(epoch)
