"""Reading what others send: everything is verified before the new state exists (RFC 9420 sections 6 and 12.4.2)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from companion.crypto.primitives import same_bytes
from companion.errors import CryptoError
from companion.mls import codec, key_schedule, private_message, suites
from companion.mls.applying import (
    Applied,
    apply_proposals,
    next_epoch,
    next_state,
    provisional_context,
    removed_state,
)
from companion.mls.committing import require_active
from companion.mls.framing import (
    AuthenticatedContent,
    ContentType,
    PublicMessage,
    Sender,
    SenderType,
    unprotect_public,
)
from companion.mls.group_state import CACHED_PROPOSALS_MAX, CachedProposal, Environment, Group, PastEpoch
from companion.mls.nodes import EXTENSION_EXTERNAL_SENDERS, LeafNode, LeafSource, find_extension, read_external_senders
from companion.mls.private_message import PrivateMessage
from companion.mls.proposals import (
    Add,
    Commit,
    ExternalInit,
    GroupContextExtensions,
    PreSharedKey,
    Proposal,
    ProposalRef,
    ReInit,
    Remove,
    UpdatePath,
)
from companion.mls.ratchet_tree import RatchetTree, verify_unique_keys
from companion.mls.rules import (
    Attributed,
    is_path_required,
    verify_external_list,
    verify_identity,
    verify_leaf,
    verify_list,
    verify_members,
    verify_proposal,
    verify_successor,
)
from companion.mls.suites import ZERO_SECRET
from companion.mls.update_path import merge_path, open_path


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationMessage:
    """Application data from a member, who is named by leaf index and credential identity."""

    sender: int
    identity: bytes
    epoch: int
    plaintext: bytes
    authenticated_data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalReceived:
    """A proposal that was remembered for a commit."""

    sender: Sender
    proposal: Proposal


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochChanged:
    """A commit took effect: who made it, and which leaves came and went."""

    committer: int
    added: tuple[int, ...]
    removed: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovedFromGroup:
    """A commit removed us; no keys are left in the state.

    `package` is the reference of the key package with which the same commit lets us in again, empty if it does not.
    """

    committer: int
    package: bytes = b""


Event = ApplicationMessage | ProposalReceived | EpochChanged | RemovedFromGroup


class ClaimsToBeOurs(CryptoError):
    """A message names our own leaf as its sender; whether that is true is for `open_own` to say."""


def open_message(
    group: Group, payload: PublicMessage | PrivateMessage, environment: Environment
) -> tuple[Group, Event]:
    """Open one message of this group.

    Raises: CryptoError if it is not for this group and epoch, or anything in it does not hold.
    """
    require_active(group)
    group = group.without_expired(environment.at_ms)
    if isinstance(payload, PrivateMessage):
        if payload.group_id != group.group_id:
            raise CryptoError("a message is for another group")
        if payload.epoch < group.epoch and payload.content_type == ContentType.APPLICATION:
            return _open_late(group, payload)
        group, message = _open_private(group, payload)
    else:
        if payload.content.group_id != group.group_id:
            raise CryptoError("a message is for another group")
        message = _open_public(group, payload)
    body = message.content.body
    if isinstance(body, bytes):
        sender = message.content.sender.index
        identity = group.member(sender).credential.identity
        return group, _application_message(message, identity)
    if isinstance(body, Commit):
        return _process_commit(group, message, body, environment)
    return _remember_proposal(group, message, body, environment)


def _application_message(message: AuthenticatedContent, identity: bytes) -> ApplicationMessage:
    content = message.content
    if not isinstance(content.body, bytes):
        raise CryptoError("not application data")
    return ApplicationMessage(
        sender=content.sender.index,
        identity=identity,
        epoch=content.epoch,
        plaintext=content.body,
        authenticated_data=content.authenticated_data,
    )


def _require_epoch(group: Group, epoch: int) -> None:
    if epoch != group.epoch:
        raise CryptoError(f"a message is for epoch {epoch}, the group is in {group.epoch}")


def _open_private(group: Group, payload: PrivateMessage) -> tuple[Group, AuthenticatedContent]:
    _require_epoch(group, payload.epoch)
    sender = private_message.open_sender_data(payload, group.suite, group.secrets.sender_data_secret)
    if sender.leaf_index == group.own_leaf:
        raise ClaimsToBeOurs("a message claims to be our own")
    leaf = group.member(sender.leaf_index)
    message, secret_tree = private_message.unprotect_private(payload, sender, group.secret_tree)
    message.verify(leaf.signature_key, group.context)
    return replace(group, secret_tree=secret_tree), message


def _open_late(group: Group, payload: PrivateMessage) -> tuple[Group, Event]:
    """Open application data of an epoch that has just ended, while its keys are kept."""
    past = next((epoch for epoch in group.past_epochs if epoch.context.epoch == payload.epoch), None)
    if past is None:
        raise CryptoError(f"the keys of epoch {payload.epoch} are gone")
    sender = private_message.open_sender_data(payload, group.suite, past.sender_data_secret)
    if sender.leaf_index == group.own_leaf:
        raise ClaimsToBeOurs("a message claims to be our own")
    member = next(((name, key) for index, name, key in past.members if index == sender.leaf_index), None)
    if member is None:
        raise CryptoError("a message comes from no other member of its epoch")
    message, secret_tree = private_message.unprotect_private(payload, sender, past.secret_tree)
    message.verify(member[1], past.context)
    moved = replace(past, secret_tree=secret_tree)
    epochs: tuple[PastEpoch, ...] = tuple(moved if epoch is past else epoch for epoch in group.past_epochs)
    return replace(group, past_epochs=epochs), _application_message(message, member[0])


def open_own(group: Group, payload: PublicMessage | PrivateMessage) -> tuple[Group, bytes]:
    """Open what our own leaf has sealed with a key that this state still holds: a later state of ours used it.

    Returns the state without that key, and the application data, empty for a proposal or commit.
    Raises: CryptoError if the key was used in this state, or our signature does not hold.
    """
    if not isinstance(payload, PrivateMessage):
        raise CryptoError("not a private message")
    epochs = (group.as_past_epoch(0), *group.past_epochs)
    epoch = next((one for one in epochs if one.context.epoch == payload.epoch), None)
    if epoch is None or payload.group_id != group.group_id:
        raise CryptoError(f"the keys of epoch {payload.epoch} are not here")
    sender = private_message.open_sender_data(payload, group.suite, epoch.sender_data_secret)
    key = next((key for index, _, key in epoch.members if index == group.own_leaf), None)
    if key is None or sender.leaf_index != group.own_leaf:
        raise CryptoError("a message of somebody else")
    message, tree = private_message.unprotect_private(payload, sender, epoch.secret_tree)
    message.verify(key, epoch.context)
    if epoch is epochs[0]:
        group = replace(group, secret_tree=tree)
    else:
        past = tuple(replace(one, secret_tree=tree) if one is epoch else one for one in group.past_epochs)
        group = replace(group, past_epochs=past)
    body = message.content.body
    return group, body if isinstance(body, bytes) else b""


def _open_public(group: Group, payload: PublicMessage) -> AuthenticatedContent:
    content = payload.content
    _require_epoch(group, content.epoch)
    message = unprotect_public(payload, group.secrets.membership_key, group.context)
    message.verify(_public_signature_key(group, content.sender, content.body), group.context)
    return message


def _public_signature_key(group: Group, sender: Sender, body: bytes | Proposal | Commit) -> bytes:
    """Return the key that must have signed, by the type of the sender (section 6.1)."""
    match sender.kind:
        case SenderType.MEMBER:
            if sender.index == group.own_leaf:
                raise CryptoError("a message claims to be our own")
            return group.member(sender.index).signature_key
        case SenderType.EXTERNAL:
            if not isinstance(body, Add | Remove | PreSharedKey | ReInit | GroupContextExtensions):
                raise CryptoError("an external sender sent what it may not send")
            return _external_sender_key(group, sender.index)
        case SenderType.NEW_MEMBER_PROPOSAL:
            if not isinstance(body, Add):
                raise CryptoError("a new member can only propose to be added")
            return body.key_package.leaf_node.signature_key
        case SenderType.NEW_MEMBER_COMMIT:
            if not isinstance(body, Commit) or body.path is None:
                raise CryptoError("somebody joining from outside must commit with a path")
            return body.path.leaf_node.signature_key


def _external_sender_key(group: Group, index: int) -> bytes:
    """Return the key of an external sender (section 12.1.8.1)."""
    data = find_extension(group.context.extensions, EXTENSION_EXTERNAL_SENDERS)
    if data is None:
        raise CryptoError("the group has no external senders")
    senders = codec.decode(data, read_external_senders)
    if index >= len(senders):
        raise CryptoError(f"the group has no external sender {index}")
    return senders[index][0]


def _remember_proposal(
    group: Group, message: AuthenticatedContent, proposal: Proposal, environment: Environment
) -> tuple[Group, Event]:
    sender = message.content.sender
    verify_proposal(group, Attributed(proposal, sender), environment)
    if isinstance(proposal, ExternalInit):
        raise CryptoError("only somebody joining from outside can start from outside")
    if len(group.proposals) >= CACHED_PROPOSALS_MAX:
        raise CryptoError("too many proposals in one epoch")
    cached = CachedProposal(ref=suites.proposal_ref(message.encode()), sender=sender, proposal=proposal)
    return (
        replace(group, proposals=(*group.proposals, cached)),
        ProposalReceived(sender=sender, proposal=proposal),
    )


def _attributed(group: Group, commit: Commit, sender: Sender) -> list[Attributed]:
    """Look up the proposals that a commit refers to (section 12.4)."""
    cached = {item.ref: item for item in group.proposals}
    items = []
    for proposal in commit.proposals:
        if isinstance(proposal, ProposalRef):
            if sender.kind != SenderType.MEMBER:
                raise CryptoError("a commit from outside cannot refer to proposals")
            found = cached.get(proposal.ref)
            if found is None:
                raise CryptoError("a commit refers to a proposal that is not here")
            items.append(Attributed(found.proposal, found.sender, found.private_key))
        else:
            items.append(Attributed(proposal, sender))
    return items


def _process_commit(
    group: Group, message: AuthenticatedContent, commit: Commit, environment: Environment
) -> tuple[Group, Event]:
    sender = message.content.sender
    items = _attributed(group, commit, sender)
    if sender.kind == SenderType.NEW_MEMBER_COMMIT:
        verify_external_list(items)
    else:
        verify_list(items, sender.index)
    for item in items:
        verify_proposal(group, item, environment, items)
    if commit.path is None and is_path_required([item.proposal for item in items]):
        raise CryptoError("a commit lacks the update path that its proposals require")
    applied = apply_proposals(group, items, environment)
    if sender.kind == SenderType.NEW_MEMBER_COMMIT:
        committer = applied.tree.first_blank_leaf()
        applied = replace(applied, tree=applied.tree.extended_to(committer))
        init_secret = _external_init_secret(group, items)
    else:
        committer, init_secret = sender.index, group.secrets.init_secret
    tree = applied.tree
    if commit.path is not None:
        tree = _merged(group, applied, committer, commit.path, items, environment)
    verify_members(tree, applied.extensions)
    verify_unique_keys(tree)
    if group.own_leaf in applied.removed:
        return removed_state(group), RemovedFromGroup(committer=committer, package=_way_back(group, applied))
    return _enter_epoch(group, message, applied, tree, committer, init_secret, environment)


def _way_back(group: Group, applied: Applied) -> bytes:
    own = group.member(group.own_leaf).credential
    return next((package.ref for _, package in applied.added if package.leaf_node.credential == own), b"")


def _external_init_secret(group: Group, items: Sequence[Attributed]) -> bytes:
    kem_output = next(item.proposal.kem_output for item in items if isinstance(item.proposal, ExternalInit))
    return key_schedule.external_init_secret(group.suite, group.secrets.external_secret, kem_output)


def _merged(
    group: Group,
    applied: Applied,
    committer: int,
    path: UpdatePath,
    items: Sequence[Attributed],
    environment: Environment,
) -> RatchetTree:
    """Validate the committer's new leaf and put the path into the tree (section 12.4.2)."""
    leaf = path.leaf_node
    if leaf.source != LeafSource.COMMIT:
        raise CryptoError("the committer's leaf was not made for a commit")
    verify_leaf(leaf, group.suite, environment)
    old = _previous_leaf(group, applied.tree, committer, items)
    if old is not None:
        verify_successor(old, leaf, environment)
    else:
        verify_identity(leaf, environment)
    leaf.verify(group.group_id, committer)
    return merge_path(applied.tree, committer, path)


def _previous_leaf(group: Group, tree: RatchetTree, committer: int, items: Sequence[Attributed]) -> LeafNode | None:
    """Return the leaf that the committer's new one follows: its own, or the one it removes in joining again."""
    current = tree.leaf(committer)
    if current is not None:
        return current
    return next((group.member(item.proposal.removed) for item in items if isinstance(item.proposal, Remove)), None)


def _enter_epoch(
    group: Group,
    message: AuthenticatedContent,
    applied: Applied,
    tree: RatchetTree,
    committer: int,
    init_secret: bytes,
    environment: Environment,
) -> tuple[Group, Event]:
    """Open our part of the path, run the key schedule, and compare the confirmation tag (section 12.4.2)."""
    commit = message.content.body
    path = commit.path if isinstance(commit, Commit) else None
    context = provisional_context(group, applied, tree.tree_hash())
    commit_secret, keys = ZERO_SECRET, dict[int, bytes]()
    if path is not None:
        held = {**group.private_keys, **({2 * group.own_leaf: applied.own_key} if applied.own_key else {})}
        held = {node: key for node, key in held.items() if _stands(applied.tree, node)}
        opened = open_path(group.suite, tree, committer, path, group.own_leaf, held, context, applied.new_leaves)
        commit_secret, keys = opened.commit_secret, opened.private_keys
    new = next_epoch(group, message, context, init_secret, commit_secret, applied.psk_secret)
    tag = message.auth.confirmation_tag
    if tag is None or not same_bytes(tag, new.confirmation_tag):
        raise CryptoError("the confirmation tag does not match")
    state = next_state(group, applied, tree, keys, new).following(group, environment.at_ms)
    joined = (committer,) if message.content.sender.kind == SenderType.NEW_MEMBER_COMMIT else ()
    added = tuple(index for index, _ in applied.added) + joined
    return state, EpochChanged(committer=committer, added=added, removed=applied.removed)


def _stands(tree: RatchetTree, node: int) -> bool:
    """Tell whether a key we hold still belongs to a node of the tree."""
    return node < len(tree.nodes) and tree.nodes[node] is not None
