"""Making commits and proposals (RFC 9420 sections 12.1 and 12.4.1).

Making a commit does not change the epoch: that happens when the delivery service has accepted it (section 14).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from companion.crypto import hpke
from companion.errors import CryptoError
from companion.mls import codec, framing, private_message, suites, tree_math
from companion.mls.applying import Applied, NextEpoch, apply_proposals, next_epoch, next_state, provisional_context
from companion.mls.framing import AuthenticatedContent, FramedContent, Sender, SenderType, WireFormat
from companion.mls.group_state import CachedProposal, Environment, Group, Status
from companion.mls.key_schedule import external_keypair
from companion.mls.messages import (
    EncryptedGroupSecrets,
    GroupInfo,
    GroupSecrets,
    Welcome,
    encode_message,
    seal_group_info,
)
from companion.mls.nodes import EXTENSION_EXTERNAL_PUB, EXTENSION_RATCHET_TREE, Extension, LeafSource
from companion.mls.proposals import (
    Commit,
    ExternalInit,
    GroupContextExtensions,
    Proposal,
    ProposalRef,
    ReInit,
    Remove,
    Update,
)
from companion.mls.ratchet_tree import RatchetTree, verify_unique_keys
from companion.mls.rules import Attributed, is_path_required, verify_list, verify_members, verify_proposal
from companion.mls.suites import HASH_BYTES, ZERO_SECRET
from companion.mls.update_path import OwnPath, create_path


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingCommit:
    """A commit the service has not accepted yet: what to send to members, what to new members, and our next state."""

    message: bytes
    welcome: bytes | None
    state: Group


def require_active(group: Group) -> None:
    """Refuse to act in a group that is over for us.

    Raises: CryptoError.
    """
    if group.status != Status.ACTIVE:
        raise CryptoError("this group is closed, or we were removed from it")


def framed(group: Group, body: framing.Body, authenticated_data: bytes = b"") -> FramedContent:
    """Return a message of ours in the current epoch, not yet signed."""
    return FramedContent(
        group_id=group.group_id,
        epoch=group.epoch,
        sender=Sender(SenderType.MEMBER, group.own_leaf),
        authenticated_data=authenticated_data,
        body=body,
    )


def sign_framed(group: Group, content: FramedContent) -> AuthenticatedContent:
    """Sign a message that will be sent encrypted."""
    return framing.sign(group.signature_private, WireFormat.PRIVATE_MESSAGE, content, group.context)


def seal(group: Group, message: AuthenticatedContent, environment: Environment) -> tuple[Group, bytes]:
    """Encrypt a signed message; the returned state must be saved before the bytes leave."""
    sealed, tree = private_message.protect_private(
        message, group.secret_tree, group.secrets.sender_data_secret, environment.random
    )
    return replace(group, secret_tree=tree), encode_message(sealed)


def propose(
    group: Group, proposal: Proposal, environment: Environment, private_key: bytes = b""
) -> tuple[Group, bytes]:
    """Return the state that remembers our proposal, and the message to send."""
    require_active(group)
    sender = Sender(SenderType.MEMBER, group.own_leaf)
    verify_proposal(group, Attributed(proposal, sender), environment)
    message = sign_framed(group, framed(group, proposal))
    cached = CachedProposal(
        ref=suites.proposal_ref(message.encode()), sender=sender, proposal=proposal, private_key=private_key
    )
    return seal(replace(group, proposals=(*group.proposals, cached)), message, environment)


def propose_update(group: Group, environment: Environment) -> tuple[Group, bytes]:
    """Propose a new key for our own leaf; whoever commits next puts it into the tree (section 12.1.2)."""
    private, public = hpke.derive_keypair(environment.random(HASH_BYTES))
    leaf = replace(
        group.member(group.own_leaf),
        encryption_key=public,
        source=LeafSource.UPDATE,
        lifetime=None,
        parent_hash=b"",
    ).signed(group.signature_private, group.group_id, group.own_leaf)
    return propose(group, Update(leaf), environment, private)


def _chosen(group: Group, own: Sequence[Proposal]) -> list[CachedProposal]:
    """Choose the proposals of others that go together with ours; removes win over updates (section 12.4)."""
    removed = {proposal.removed for proposal in own if isinstance(proposal, Remove)}
    has_extensions = any(isinstance(proposal, GroupContextExtensions) for proposal in own)
    chosen: dict[object, CachedProposal] = {}
    for cached in group.proposals:
        proposal = cached.proposal
        if isinstance(proposal, ReInit | ExternalInit):
            continue
        if isinstance(proposal, GroupContextExtensions):
            if not has_extensions:
                chosen["extensions"] = cached
        elif isinstance(proposal, Remove):
            if proposal.removed != group.own_leaf and proposal.removed not in removed:
                chosen[proposal.removed] = cached
        elif isinstance(proposal, Update):
            place = cached.sender.index
            is_removed = place in chosen and isinstance(chosen[place].proposal, Remove)
            if place != group.own_leaf and place not in removed and not is_removed:
                chosen[place] = cached
        else:
            chosen[cached.ref] = cached
    return list(chosen.values())


def _goes_together(group: Group, items: Sequence[Attributed], environment: Environment) -> bool:
    try:
        for item in items:
            verify_proposal(group, item, environment, items)
        verify_list(items, group.own_leaf)
        applied = apply_proposals(group, items, environment)
        verify_members(applied.tree, applied.extensions)
        verify_unique_keys(applied.tree)
    except CryptoError:
        return False
    return True


def _fitting(
    group: Group, own: Sequence[Attributed], chosen: Sequence[CachedProposal], env: Environment
) -> list[CachedProposal]:
    """Leave out proposals of others that spoil the commit, so that nobody can stop a group with one."""
    attributed = {item.ref: Attributed(item.proposal, item.sender) for item in chosen}
    if not chosen or _goes_together(group, [*attributed.values(), *own], env):
        return list(chosen)
    kept: list[CachedProposal] = []
    for item in chosen:
        tried = [attributed[other.ref] for other in (*kept, item)]
        if _goes_together(group, [*tried, *own], env):
            kept.append(item)
    return kept


def _commit_path(
    group: Group, applied: Applied, environment: Environment, is_needed: bool
) -> tuple[OwnPath | None, RatchetTree]:
    if not is_needed:
        return None, applied.tree
    own = create_path(
        group.suite,
        applied.tree,
        group.own_leaf,
        group.signature_private,
        provisional_context(group, applied, b""),
        applied.new_leaves,
        environment.random,
    )
    return own, own.tree


def make_commit(
    group: Group, own: Sequence[Proposal], environment: Environment, with_path: bool = True
) -> tuple[Group, PendingCommit]:
    """Commit our proposals and the fitting ones of others (section 12.4.1).

    Returns the state of the current epoch, to be saved before the commit leaves, and the pending commit.
    Raises: CryptoError if the proposals are invalid, do not go together, or the policy forbids one.
    """
    require_active(group)
    sender = Sender(SenderType.MEMBER, group.own_leaf)
    ours = [Attributed(proposal, sender) for proposal in own]
    cached = _fitting(group, ours, _chosen(group, own), environment)
    items = [*(Attributed(item.proposal, item.sender) for item in cached), *ours]
    for item in items:
        verify_proposal(group, item, environment, items)
    verify_list(items, group.own_leaf)
    applied = apply_proposals(group, items, environment)
    is_needed = with_path or is_path_required([item.proposal for item in items])
    path, tree = _commit_path(group, applied, environment, is_needed)
    verify_members(tree, applied.extensions)
    verify_unique_keys(tree)
    context = path.context if path else provisional_context(group, applied, tree.tree_hash())
    commit_secret = path.commit_secret if path else ZERO_SECRET
    references = tuple(ProposalRef(item.ref) for item in cached)
    body = Commit((*references, *own), path.path if path else None)
    message = sign_framed(group, framed(group, body))
    new = next_epoch(group, message, context, group.secrets.init_secret, commit_secret, applied.psk_secret)
    current, sent = seal(group, framing.with_confirmation_tag(message, new.confirmation_tag), environment)
    state = next_state(group, applied, tree, path.private_keys if path else {}, new)
    welcome = _welcome(state, applied, new, path, environment) if applied.added else None
    return current, PendingCommit(message=sent, welcome=welcome, state=state)


def group_info(state: Group, for_joining_from_outside: bool = False) -> GroupInfo:
    """Return the signed public state of a group with its tree (section 12.4.3)."""
    extensions = [Extension(EXTENSION_RATCHET_TREE, state.tree.encode())]
    if for_joining_from_outside:
        _, public = external_keypair(state.secrets.external_secret)
        extensions.append(Extension(EXTENSION_EXTERNAL_PUB, codec.opaque(public)))
    return GroupInfo(
        context=state.context,
        extensions=tuple(extensions),
        confirmation_tag=state.confirmation_tag,
        signer=state.own_leaf,
    ).signed(state.signature_private)


def _welcome(state: Group, applied: Applied, new: NextEpoch, path: OwnPath | None, environment: Environment) -> bytes:
    """Return one Welcome for all new members (section 12.4.3.1)."""
    suite = state.suite
    encrypted = seal_group_info(suite, group_info(state), new.joiner_secret, applied.psk_secret)
    secrets = []
    for leaf_index, package in applied.added:
        path_secret = None
        if path is not None:
            path_secret = path.path_secrets[tree_math.common_ancestor(2 * leaf_index, 2 * state.own_leaf)]
        plaintext = GroupSecrets(joiner_secret=new.joiner_secret, path_secret=path_secret, psks=applied.psks).encode()
        sealed = suites.encrypt_with_label(
            suite, package.init_key, b"Welcome", encrypted, plaintext, environment.random
        )
        secrets.append(EncryptedGroupSecrets(package.ref, sealed))
    return encode_message(Welcome(suite_id=suite, secrets=tuple(secrets), encrypted_group_info=encrypted))
