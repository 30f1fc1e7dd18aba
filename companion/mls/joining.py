"""Key packages, new groups, and joining by a Welcome (RFC 9420 sections 10, 11 and 12.4.3)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from companion.crypto import hpke, primitives
from companion.crypto.primitives import same_bytes
from companion.errors import CryptoError
from companion.mls import codec, key_schedule, suites, tree_math
from companion.mls.applying import find_psk
from companion.mls.codec import Reader
from companion.mls.group_state import Environment, Group
from companion.mls.key_schedule import GroupContext, PskUsage
from companion.mls.messages import GroupInfo, GroupSecrets, Welcome, open_group_info, read_group_secrets
from companion.mls.nodes import (
    CREDENTIAL_BASIC,
    EXTENSION_LAST_RESORT,
    EXTENSION_RATCHET_TREE,
    Credential,
    Extension,
    LeafNode,
    LeafSource,
    Lifetime,
    find_extension,
    our_capabilities,
)
from companion.mls.policy import Policy, policy_of
from companion.mls.proposals import KeyPackage, read_key_package
from companion.mls.ratchet_tree import (
    RatchetTree,
    read_ratchet_tree,
    verify_parent_hashes,
    verify_unique_keys,
    verify_unmerged_leaves,
)
from companion.mls.rules import CLOCK_SKEW_S, verify_external_senders, verify_identity, verify_leaf, verify_members
from companion.mls.secret_tree import new_secret_tree
from companion.mls.suites import HASH_BYTES, CipherSuite
from companion.mls.update_path import derive_path, verify_derived_keys

# How long a published key package can be used.
KEY_PACKAGE_LIFETIME_S = 84 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """One device: its credential identity and its Ed25519 key pair, 32 bytes each."""

    name: bytes
    signature_private: bytes = field(repr=False)
    signature_public: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnKeyPackage:
    """A key package of ours with its private keys. Delete it after joining, unless it is the last resort."""

    package: KeyPackage
    init_private: bytes = field(repr=False)
    leaf_private: bytes = field(repr=False)
    signature_private: bytes = field(repr=False)

    def encode(self) -> bytes:
        """Return the form to keep, sealed, until somebody uses the package."""
        privates = (self.init_private, self.leaf_private, self.signature_private)
        return codec.opaque(self.package.encoded) + b"".join(map(codec.opaque, privates))


def read_own_key_package(reader: Reader) -> OwnKeyPackage:
    """Read a kept key package."""
    return OwnKeyPackage(
        package=codec.decode(reader.opaque(), read_key_package),
        init_private=reader.opaque(),
        leaf_private=reader.opaque(),
        signature_private=reader.opaque(),
    )


def _new_leaf(identity: Identity, environment: Environment) -> tuple[bytes, LeafNode]:
    private, public = hpke.derive_keypair(environment.random(HASH_BYTES))
    now_s = environment.at_ms // 1000
    leaf = LeafNode(
        encryption_key=public,
        signature_key=identity.signature_public,
        credential=Credential(CREDENTIAL_BASIC, identity=identity.name),
        capabilities=our_capabilities(),
        source=LeafSource.KEY_PACKAGE,
        lifetime=Lifetime(max(0, now_s - CLOCK_SKEW_S), now_s + KEY_PACKAGE_LIFETIME_S),
    )
    return private, leaf.signed(identity.signature_private)


def new_key_package(
    identity: Identity, environment: Environment, suite: CipherSuite, is_last_resort: bool = False
) -> OwnKeyPackage:
    """Make a key package (section 10.1)."""
    init_private, init_public = hpke.derive_keypair(environment.random(HASH_BYTES))
    leaf_private, leaf = _new_leaf(identity, environment)
    package = KeyPackage(
        suite_id=suite,
        init_key=init_public,
        leaf_node=leaf,
        extensions=(Extension(EXTENSION_LAST_RESORT, b""),) if is_last_resort else (),
    ).signed(identity.signature_private)
    return OwnKeyPackage(
        package=package,
        init_private=init_private,
        leaf_private=leaf_private,
        signature_private=identity.signature_private,
    )


def new_group(
    identity: Identity,
    group_id: bytes,
    environment: Environment,
    suite: CipherSuite,
    policy: Policy | None,
    extensions: tuple[Extension, ...],
) -> Group:
    """Make a group with one member (section 11)."""
    leaf_private, leaf = _new_leaf(identity, environment)
    if policy is not None:
        signed = policy.signed(identity.signature_private, group_id, leaf)
        signed.verify(group_id, suite)
        extensions = (*extensions, signed.extension())
    tree = RatchetTree((leaf,))
    verify_members(tree, extensions)
    context = GroupContext(
        suite_id=suite,
        group_id=group_id,
        epoch=0,
        tree_hash=tree.tree_hash(),
        confirmed_transcript_hash=b"",
        extensions=extensions,
    )
    epoch = key_schedule.epoch_from_secret(environment.random(HASH_BYTES))
    return Group(
        suite=suite,
        context=context,
        tree=tree,
        own_leaf=0,
        signature_private=identity.signature_private,
        private_keys={0: leaf_private},
        secrets=epoch.secrets,
        secret_tree=new_secret_tree(suite, 1, epoch.encryption_secret),
        confirmation_tag=key_schedule.confirmation_tag(epoch.confirmation_key, b""),
    )


def join_group(
    welcome: Welcome,
    packages: Sequence[OwnKeyPackage],
    environment: Environment,
    known_groups: Collection[bytes],
    encoded_tree: bytes | None,
) -> tuple[Group, OwnKeyPackage]:
    """Join by a Welcome, after checking everything that is in it (section 12.4.3.1).

    Raises: CryptoError if it is not for one of the packages, or anything in it does not hold.
    """
    own, secrets = _open_secrets(welcome, packages)
    psk_secret = _psk_secret(secrets, environment)
    info = open_group_info(welcome, secrets.joiner_secret, psk_secret)
    tree = _verified_tree(info, encoded_tree, environment)
    if info.context.group_id in known_groups:
        raise CryptoError("we are in a group with this id already")
    if info.context.suite_id != own.package.suite_id:
        raise CryptoError("the group is of another cipher suite than our key package")
    own_leaf = next((index for index, leaf in tree.members() if leaf == own.package.leaf_node), None)
    if own_leaf is None:
        raise CryptoError("our leaf is not in the group")
    private_keys = {2 * own_leaf: own.leaf_private, **_path_keys(tree, own_leaf, info.signer, secrets.path_secret)}
    epoch = key_schedule.new_epoch(secrets.joiner_secret, psk_secret, info.context)
    tag = key_schedule.confirmation_tag(epoch.confirmation_key, info.context.confirmed_transcript_hash)
    if not same_bytes(tag, info.confirmation_tag):
        raise CryptoError("the confirmation tag does not match")
    suite = CipherSuite(own.package.suite_id)
    group = Group(
        suite=suite,
        context=info.context,
        tree=tree,
        own_leaf=own_leaf,
        signature_private=own.signature_private,
        private_keys=private_keys,
        secrets=epoch.secrets,
        secret_tree=new_secret_tree(suite, tree.leaf_count, epoch.encryption_secret),
        confirmation_tag=tag,
    )
    return group, own


def _open_secrets(welcome: Welcome, packages: Sequence[OwnKeyPackage]) -> tuple[OwnKeyPackage, GroupSecrets]:
    by_ref = {own.package.ref: own for own in packages}
    sealed = next((entry for entry in welcome.secrets if entry.new_member in by_ref), None)
    if sealed is None:
        raise CryptoError("a Welcome is for none of our key packages")
    own = by_ref[sealed.new_member]
    if own.package.suite_id != welcome.suite_id:
        raise CryptoError("a Welcome is of another cipher suite than our key package")
    suite = suites.suite_from_id(welcome.suite_id)
    opened = suites.decrypt_with_label(
        suite, own.init_private, b"Welcome", welcome.encrypted_group_info, sealed.ciphertext
    )
    return own, codec.decode(opened, read_group_secrets)


def _psk_secret(secrets: GroupSecrets, environment: Environment) -> bytes:
    if any(psk.usage in (PskUsage.REINIT, PskUsage.BRANCH) for psk in secrets.psks):
        raise CryptoError("joining a reinitialised or branched group is not supported")
    return key_schedule.psk_secret([(psk, find_psk(None, psk, environment)) for psk in secrets.psks])


def _verified_tree(info: GroupInfo, encoded_tree: bytes | None, environment: Environment) -> RatchetTree:
    """Return the group's tree after all the checks of section 12.4.3.1, the signature of the group info first."""
    context = info.context
    suite = suites.suite_from_id(context.suite_id)
    encoded = find_extension(info.extensions, EXTENSION_RATCHET_TREE) if encoded_tree is None else encoded_tree
    if encoded is None:
        raise CryptoError("a Welcome came without the tree")
    tree = codec.decode(encoded, read_ratchet_tree)
    signer = tree.leaf(info.signer)
    if signer is None:
        raise CryptoError("a group info is signed by nobody in the group")
    info.verify(signer.signature_key)
    if not same_bytes(tree.tree_hash(), context.tree_hash):
        raise CryptoError("the tree hash does not match")
    verify_unmerged_leaves(tree)
    verify_unique_keys(tree)
    verify_parent_hashes(tree)
    for index, leaf in tree.members():
        verify_leaf(leaf, suite, environment)
        verify_identity(leaf, environment)
        leaf.verify(context.group_id, index)
    verify_members(tree, context.extensions)
    verify_external_senders(context.extensions, environment)
    verify_policy(context, environment)
    return tree


def verify_policy(context: GroupContext, environment: Environment) -> None:
    """Check that a group's policy was signed by an administrator whom the application knows.

    Raises: CryptoError if not.
    """
    policy = policy_of(context.extensions)
    if policy is None:
        return
    policy.verify(context.group_id, context.suite_id)
    if not environment.authenticate(policy.signer, policy.signature_key):
        raise CryptoError("the key that signed the policy does not belong to its administrator")


def _path_keys(tree: RatchetTree, own_leaf: int, signer: int, path_secret: bytes | None) -> dict[int, bytes]:
    """Return the keys that a new member derives for the nodes it shares with the committer."""
    if path_secret is None:
        return {}
    shared = tree_math.common_ancestor(2 * own_leaf, 2 * signer)
    path = tree.filtered_direct_path(signer)
    secrets = derive_path(path_secret, [node for node, _ in path if tree_math.is_below(shared, node)])
    verify_derived_keys(tree, secrets)
    return secrets.private_keys


def verify_own_keys(own: OwnKeyPackage) -> None:
    """Check that private keys belong to their package.

    Raises: CryptoError if one does not.
    """
    pairs = (
        (primitives.dh_public(own.init_private), own.package.init_key),
        (primitives.dh_public(own.leaf_private), own.package.leaf_node.encryption_key),
        (primitives.signing_public(own.signature_private), own.package.leaf_node.signature_key),
    )
    if not all(same_bytes(derived, published) for derived, published in pairs):
        raise CryptoError("a private key does not belong to its key package")
