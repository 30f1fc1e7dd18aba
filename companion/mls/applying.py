"""What a list of proposals does to tree and group context (RFC 9420 section 12.3), for both ends of a commit."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from companion.errors import CryptoError
from companion.mls import key_schedule
from companion.mls.framing import AuthenticatedContent
from companion.mls.group_state import Environment, Group, Status
from companion.mls.key_schedule import GroupContext, NewEpoch, PreSharedKeyId
from companion.mls.nodes import Extension
from companion.mls.proposals import (
    Add,
    GroupContextExtensions,
    KeyPackage,
    PreSharedKey,
    ReInit,
    Remove,
    Update,
)
from companion.mls.ratchet_tree import RatchetTree
from companion.mls.rules import Attributed
from companion.mls.secret_tree import SecretTree, new_secret_tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """The outcome of a list of proposals.

    `added`: leaf index and key package, in the order of the list; `own_key`: our leaf's new private key, if an update
    of ours took effect; `psk_secret`: 32 bytes, all zero without pre-shared keys.
    """

    tree: RatchetTree
    extensions: tuple[Extension, ...]
    added: tuple[tuple[int, KeyPackage], ...]
    removed: tuple[int, ...]
    own_key: bytes
    psks: tuple[PreSharedKeyId, ...]
    psk_secret: bytes
    is_closed: bool

    @property
    def new_leaves(self) -> frozenset[int]:
        """The leaves of members added just now."""
        return frozenset(index for index, _ in self.added)


def apply_proposals(group: Group, items: Sequence[Attributed], environment: Environment) -> Applied:
    """Apply proposals in the order that the RFC lays down: extensions, updates, removes, adds, pre-shared keys.

    Raises: CryptoError if a pre-shared key is unknown or the group would become too large.
    """
    tree, extensions, own_key = group.tree, group.context.extensions, b""
    removed: list[int] = []
    added: list[tuple[int, KeyPackage]] = []
    for item in items:
        if isinstance(item.proposal, GroupContextExtensions):
            extensions = item.proposal.extensions
        elif isinstance(item.proposal, Update):
            tree = tree.with_leaf(item.sender.index, item.proposal.leaf_node)
            if item.sender.index == group.own_leaf:
                own_key = item.private_key
    for item in items:
        if isinstance(item.proposal, Remove):
            tree = tree.with_removed(item.proposal.removed)
            removed.append(item.proposal.removed)
    for item in items:
        if isinstance(item.proposal, Add):
            tree, place = tree.with_added(item.proposal.key_package.leaf_node)
            added.append((place, item.proposal.key_package))
    psks = tuple(item.proposal.psk for item in items if isinstance(item.proposal, PreSharedKey))
    return Applied(
        tree=tree,
        extensions=extensions,
        added=tuple(added),
        removed=tuple(removed),
        own_key=own_key,
        psks=psks,
        psk_secret=key_schedule.psk_secret([(psk, find_psk(group, psk, environment)) for psk in psks]),
        is_closed=any(isinstance(item.proposal, ReInit) for item in items),
    )


def find_psk(group: Group | None, psk: PreSharedKeyId, environment: Environment) -> bytes:
    """Return a pre-shared key.

    Raises: CryptoError if we do not have it.
    """
    if psk.usage is None:
        found = environment.psks.get(psk.psk_id)
    elif group is not None and psk.psk_group_id == group.group_id:
        found = group.resumption_psk(psk.psk_epoch)
    else:
        found = None
    if found is None:
        raise CryptoError("a pre-shared key is not known here")
    return found


def provisional_context(group: Group, applied: Applied, tree_hash: bytes) -> GroupContext:
    """Return the context of the next epoch, still with the old transcript (section 12.4.1)."""
    epoch = group.epoch + 1
    if epoch > key_schedule.EPOCH_MAX:
        raise CryptoError("a group has no epoch left")
    return replace(group.context, epoch=epoch, tree_hash=tree_hash, extensions=applied.extensions)


@dataclass(frozen=True, slots=True, kw_only=True)
class NextEpoch:
    """The key schedule's outcome for a commit."""

    context: GroupContext
    joiner_secret: bytes
    epoch: NewEpoch
    confirmation_tag: bytes


def next_epoch(
    group: Group,
    message: AuthenticatedContent,
    context: GroupContext,
    init_secret: bytes,
    commit_secret: bytes,
    psk_secret: bytes,
) -> NextEpoch:
    """Return the secrets and the confirmation tag of the epoch that a signed commit starts (section 12.4.1)."""
    confirmed = key_schedule.confirmed_transcript_hash(
        group.interim_transcript_hash, message.confirmed_transcript_input()
    )
    context = replace(context, confirmed_transcript_hash=confirmed)
    joiner = key_schedule.joiner_secret(init_secret, commit_secret, context)
    epoch = key_schedule.new_epoch(joiner, psk_secret, context)
    tag = key_schedule.confirmation_tag(epoch.confirmation_key, confirmed)
    return NextEpoch(context=context, joiner_secret=joiner, epoch=epoch, confirmation_tag=tag)


def next_state(group: Group, applied: Applied, tree: RatchetTree, keys: dict[int, bytes], new: NextEpoch) -> Group:
    """Return our state in the new epoch, with the keys that still stand in the tree and nothing of the old epoch."""
    kept = {**group.private_keys, **keys}
    if applied.own_key:
        kept[2 * group.own_leaf] = applied.own_key
    own = {2 * group.own_leaf, *tree.direct_path(group.own_leaf)}
    return Group(
        suite=group.suite,
        context=new.context,
        tree=tree,
        own_leaf=group.own_leaf,
        signature_private=group.signature_private,
        private_keys={node: key for node, key in kept.items() if node in own and tree.nodes[node] is not None},
        secrets=new.epoch.secrets,
        secret_tree=new_secret_tree(group.suite, tree.leaf_count, new.epoch.encryption_secret),
        confirmation_tag=new.confirmation_tag,
        status=Status.CLOSED if applied.is_closed else Status.ACTIVE,
    )


def removed_state(group: Group) -> Group:
    """Return what is left to a member who was removed: names, but no key."""
    empty = SecretTree(suite=group.suite, leaf_count=group.tree.leaf_count, secrets={}, ratchets={})
    zero = bytes(32)
    return replace(
        group,
        signature_private=b"",
        private_keys={},
        secrets=key_schedule.EpochSecrets(
            init_secret=zero,
            sender_data_secret=zero,
            exporter_secret=zero,
            external_secret=zero,
            membership_key=zero,
            resumption_psk=zero,
            epoch_authenticator=zero,
        ),
        secret_tree=empty,
        proposals=(),
        past_epochs=(),
        resumption_psks=(),
        status=Status.REMOVED,
    )
