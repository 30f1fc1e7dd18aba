"""Which leaves, key packages and lists of proposals are valid (RFC 9420 sections 7.3, 10.1, 12.2)."""

from collections.abc import Sequence
from dataclasses import dataclass

from companion.errors import CryptoError
from companion.mls import codec
from companion.mls.framing import Sender, SenderType
from companion.mls.group_state import Environment, Group
from companion.mls.key_schedule import PskUsage
from companion.mls.nodes import (
    EXTENSION_EXTERNAL_SENDERS,
    EXTENSION_REQUIRED_CAPABILITIES,
    Extension,
    LeafNode,
    LeafSource,
    find_extension,
    read_external_senders,
    read_required_capabilities,
)
from companion.mls.policy import policy_of, verify_change
from companion.mls.proposals import (
    Add,
    ExternalInit,
    GroupContextExtensions,
    KeyPackage,
    PreSharedKey,
    Proposal,
    ReInit,
    Remove,
    Update,
)
from companion.mls.ratchet_tree import RatchetTree
from companion.mls.suites import HASH_BYTES, PUBLIC_KEY_BYTES, VERSION_MLS10, CipherSuite

# Clocks of devices and of the service may differ by this much.
CLOCK_SKEW_S = 3_600


@dataclass(frozen=True, slots=True)
class Attributed:
    """A proposal in a commit and who made it; `private_key` is ours if the update in it is."""

    proposal: Proposal
    sender: Sender
    private_key: bytes = b""


def verify_leaf(leaf: LeafNode, suite: CipherSuite, environment: Environment) -> None:
    """Check a leaf on its own, save its signature, which depends on its place (section 7.3).

    Raises: CryptoError if it is invalid.
    """
    if len(leaf.encryption_key) != PUBLIC_KEY_BYTES or len(leaf.signature_key) != PUBLIC_KEY_BYTES:
        raise CryptoError("a leaf has a key of the wrong size")
    capabilities = leaf.capabilities
    if VERSION_MLS10 not in capabilities.versions or suite not in capabilities.cipher_suites:
        raise CryptoError("a leaf does not support the group's version and suite")
    if leaf.credential.kind not in capabilities.credentials:
        raise CryptoError("a leaf does not support its own credential")
    if not all(capabilities.supports_extension(extension.kind) for extension in leaf.extensions):
        raise CryptoError("a leaf does not support its own extensions")
    lifetime = leaf.lifetime
    if lifetime is not None and not 0 <= lifetime.not_after_s - lifetime.not_before_s <= environment.lifetime_max_s:
        raise CryptoError("a leaf's lifetime is too long or ends before it starts")


def verify_identity(leaf: LeafNode, environment: Environment) -> None:
    """Ask the application about a credential or key that is new to us (section 5.3.1).

    A member's unchanged leaf is not asked about again: members whose device lists differ for a moment would otherwise
    fall apart over a commit.
    Raises: CryptoError if the key does not belong to the identity.
    """
    if not environment.authenticate(leaf.credential.identity, leaf.signature_key):
        raise CryptoError("a leaf's signature key does not belong to its identity")


def verify_external_senders(extensions: tuple[Extension, ...], environment: Environment) -> None:
    """Ask the application about those who may propose from outside (section 5.3.1).

    Raises: CryptoError if the list is malformed or names somebody unknown.
    """
    data = find_extension(extensions, EXTENSION_EXTERNAL_SENDERS)
    for key, credential in codec.decode(data, read_external_senders) if data is not None else ():
        if not environment.authenticate(credential.identity, key):
            raise CryptoError("an external sender's key does not belong to its identity")


def verify_key_package(package: KeyPackage, suite: CipherSuite, environment: Environment) -> None:
    """Check a key package before its owner is added (section 10.1).

    Raises: CryptoError if it is invalid, expired or not yet valid.
    """
    leaf = package.leaf_node
    if package.suite_id != suite:
        raise CryptoError(f"a key package is for cipher suite {package.suite_id}")
    if leaf.source != LeafSource.KEY_PACKAGE or leaf.lifetime is None:
        raise CryptoError("the leaf of a key package was not made for one")
    verify_leaf(leaf, suite, environment)
    verify_identity(leaf, environment)
    if len(package.init_key) != PUBLIC_KEY_BYTES or package.init_key == leaf.encryption_key:
        raise CryptoError("the init key of a key package is malformed or used twice")
    if not all(leaf.capabilities.supports_extension(extension.kind) for extension in package.extensions):
        raise CryptoError("a key package has extensions that its owner does not support")
    now_s = environment.at_ms // 1000
    if not leaf.lifetime.not_before_s - CLOCK_SKEW_S <= now_s <= leaf.lifetime.not_after_s + CLOCK_SKEW_S:
        raise CryptoError("a key package is expired or not yet valid")
    package.verify()
    leaf.verify(b"", 0)


def verify_members(tree: RatchetTree, extensions: tuple[Extension, ...]) -> None:
    """Check that all members fit the group and each other (sections 7.3, 11.1 and 13.4).

    Raises: CryptoError if one does not.
    """
    data = find_extension(extensions, EXTENSION_REQUIRED_CAPABILITIES)
    required = None if data is None else codec.decode(data, read_required_capabilities)
    credentials_in_use = {leaf.credential.kind for _, leaf in tree.members()}
    for index, leaf in tree.members():
        capabilities = leaf.capabilities
        if required is not None and not required.are_met_by(capabilities):
            raise CryptoError(f"leaf {index} lacks a required capability")
        if not credentials_in_use.issubset(capabilities.credentials):
            raise CryptoError(f"leaf {index} does not support every credential in use")
        if not all(capabilities.supports_extension(extension.kind) for extension in extensions):
            raise CryptoError(f"leaf {index} does not support every extension of the group")


def verify_successor(old: LeafNode, new: LeafNode, environment: Environment) -> None:
    """Check that a member's new leaf is still that member's (sections 5.3.1 and 7.3).

    Raises: CryptoError if the credential differs, the encryption key was kept, or a new signature key is unknown.
    """
    if new.credential != old.credential:
        raise CryptoError("a member's new leaf has another credential")
    if new.encryption_key == old.encryption_key:
        raise CryptoError("a member's new leaf has the old encryption key")
    if new.signature_key != old.signature_key:
        verify_identity(new, environment)


def verify_proposal(
    group: Group, item: Attributed, environment: Environment, together: Sequence[Attributed] = ()
) -> None:
    """Check one proposal and whether its author may make it (sections 12.1 and policy.py).

    `together`: the whole list, if it is committed now.
    Raises: CryptoError if not.
    """
    author_index = item.sender.index if item.sender.kind == SenderType.MEMBER else None
    author = None if author_index is None else group.member(author_index)
    policy = group.policy
    if policy is not None:
        target = _target(group, item.proposal)
        is_return = target is not None and _is_return(group, item.proposal, target, together)
        if not policy.allows(author, author_index, item.proposal, target=target, is_return=is_return):
            raise CryptoError("the group's policy does not allow this change by this member")
    match item.proposal:
        case Add(package):
            verify_key_package(package, group.suite, environment)
        case Update(leaf):
            if author is None or author_index is None or leaf.source != LeafSource.UPDATE:
                raise CryptoError("an update proposal needs a member and a leaf made for it")
            verify_leaf(leaf, group.suite, environment)
            verify_successor(author, leaf, environment)
            leaf.verify(group.group_id, author_index)
        case Remove(removed):
            group.member(removed)
        case PreSharedKey(psk):
            if psk.usage in (PskUsage.REINIT, PskUsage.BRANCH) or len(psk.psk_nonce) != HASH_BYTES:
                raise CryptoError("a pre-shared key has a usage or a nonce that is not allowed here")
        case ReInit(version=version):
            if version < VERSION_MLS10:
                raise CryptoError("a group cannot go back to an older version")
        case GroupContextExtensions(extensions):
            new = policy_of(extensions)
            verify_change(policy, new, author, group.group_id, group.suite)
            verify_external_senders(extensions, environment)
        case ExternalInit():
            pass


def _target(group: Group, proposal: Proposal) -> LeafNode | None:
    match proposal:
        case Add(package):
            return package.leaf_node
        case Remove(removed):
            return group.member(removed)
        case _:
            return None


def _is_return(group: Group, proposal: Proposal, target: LeafNode, together: Sequence[Attributed]) -> bool:
    """Tell whether a list removes a device and adds the same one again, under the same credential and key."""
    opposite = Remove if isinstance(proposal, Add) else Add
    leaves = [_target(group, other.proposal) for other in together if isinstance(other.proposal, opposite)]
    same = (target.credential, target.signature_key)
    return any(leaf is not None and (leaf.credential, leaf.signature_key) == same for leaf in leaves)


def verify_list(items: Sequence[Attributed], committer: int) -> None:
    """Check that the proposals of a member's commit go together (section 12.2).

    Raises: CryptoError if they do not.
    """
    proposals = [item.proposal for item in items]
    targets = []
    for item in items:
        match item.proposal:
            case Update():
                if item.sender == Sender(SenderType.MEMBER, committer):
                    raise CryptoError("a committer cannot commit its own update")
                targets.append(item.sender.index)
            case Remove(removed):
                if removed == committer:
                    raise CryptoError("a committer cannot remove itself")
                targets.append(removed)
            case ExternalInit():
                raise CryptoError("only somebody joining from outside can start from outside")
    if len(set(targets)) != len(targets):
        raise CryptoError("two proposals change the same leaf")
    if sum(isinstance(proposal, GroupContextExtensions) for proposal in proposals) > 1:
        raise CryptoError("two proposals replace the extensions")
    if len(proposals) > 1 and any(isinstance(proposal, ReInit) for proposal in proposals):
        raise CryptoError("a reinitialisation must come alone")
    verify_no_repeats(proposals)


def verify_no_repeats(proposals: Sequence[Proposal]) -> None:
    """Check that no client is added twice and no pre-shared key named twice (section 12.2).

    Raises: CryptoError if one is.
    """
    added = [item.key_package.leaf_node.signature_key for item in proposals if isinstance(item, Add)]
    psks = [item.psk.encode() for item in proposals if isinstance(item, PreSharedKey)]
    if len(set(added)) != len(added):
        raise CryptoError("a client is added twice")
    if len(set(psks)) != len(psks):
        raise CryptoError("a pre-shared key is named twice")


def verify_external_list(items: Sequence[Attributed]) -> None:
    """Check the proposals of a commit from outside (section 12.2).

    Raises: CryptoError if they are not allowed there.
    """
    proposals = [item.proposal for item in items]
    if sum(isinstance(proposal, ExternalInit) for proposal in proposals) != 1:
        raise CryptoError("a commit from outside needs exactly one external init")
    if sum(isinstance(proposal, Remove) for proposal in proposals) > 1:
        raise CryptoError("a commit from outside can remove one leaf at most")
    if not all(isinstance(proposal, ExternalInit | Remove | PreSharedKey) for proposal in proposals):
        raise CryptoError("a commit from outside holds a proposal that is not allowed there")
    verify_no_repeats(proposals)


def is_path_required(proposals: Sequence[Proposal]) -> bool:
    """Tell whether a commit of these must re-key the committer (section 12.4)."""
    return not proposals or any(not isinstance(item, Add | PreSharedKey | ReInit) for item in proposals)
