"""The private half of the ratchet tree: new keys along a path, and secrets for all others (RFC 9420, 7.4 to 7.6).

Private keys are kept as a mapping from node index to key: the member's own leaf and the parents above it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from companion.crypto import hpke
from companion.crypto.primitives import RandomSource, same_bytes
from companion.errors import CryptoError
from companion.mls import suites, tree_math
from companion.mls.key_schedule import GroupContext
from companion.mls.nodes import LeafNode, LeafSource, ParentNode
from companion.mls.proposals import UpdatePath, UpdatePathNode
from companion.mls.ratchet_tree import Node, RatchetTree, parent_hash
from companion.mls.suites import HASH_BYTES, CipherSuite, derive_secret

_LABEL = b"UpdatePathNode"


@dataclass(frozen=True, slots=True, kw_only=True)
class PathSecrets:
    """What follows from a path secret: keys of the nodes above, their secrets, and the commit secret."""

    private_keys: dict[int, bytes]
    public_keys: dict[int, bytes]
    path_secrets: dict[int, bytes]
    commit_secret: bytes


def derive_path(path_secret: bytes, nodes: Sequence[int]) -> PathSecrets:
    """Derive keys for these nodes, lowest first, from the path secret of the first (section 7.4)."""
    private_keys, public_keys, path_secrets = {}, {}, {}
    for node in nodes:
        path_secrets[node] = path_secret
        private_keys[node], public_keys[node] = hpke.derive_keypair(derive_secret(path_secret, b"node"))
        path_secret = derive_secret(path_secret, b"path")
    return PathSecrets(
        private_keys=private_keys, public_keys=public_keys, path_secrets=path_secrets, commit_secret=path_secret
    )


def _path_nodes(
    tree: RatchetTree, filtered: Sequence[tuple[int, int]], public_keys: Mapping[int, bytes]
) -> tuple[dict[int, Node | None], bytes]:
    """Return the new parents along a path and the parent hash of the leaf below (section 7.9).

    The copath is untouched by the path, so its hashes are those of the tree before.
    """
    hashes = tree.hashes()
    above = b""
    parents: dict[int, Node | None] = {}
    for node, copath in reversed(filtered):
        parents[node] = ParentNode(encryption_key=public_keys[node], parent_hash=above)
        above = parent_hash(public_keys[node], above, hashes[copath])
    return parents, above


def _with_path(tree: RatchetTree, leaf_index: int, leaf: LeafNode, parents: dict[int, Node | None]) -> RatchetTree:
    return tree.with_leaf(leaf_index, leaf).with_nodes(parents)


def merge_path(tree: RatchetTree, leaf_index: int, path: UpdatePath) -> RatchetTree:
    """Return the tree with a committer's path in it (section 7.5).

    Raises: CryptoError if the path has another shape, repeats a key, or its parent hash does not hold.
    """
    filtered = tree.filtered_direct_path(leaf_index)
    if len(path.nodes) != len(filtered):
        raise CryptoError(f"an update path has {len(path.nodes)} nodes instead of {len(filtered)}")
    new_keys = [path.leaf_node.encryption_key, *(node.encryption_key for node in path.nodes)]
    old_keys = {node.encryption_key for node in tree.nodes if node is not None}
    if len(set(new_keys)) != len(new_keys) or not old_keys.isdisjoint(new_keys):
        raise CryptoError("an update path repeats a key")
    public_keys = {node: new.encryption_key for (node, _), new in zip(filtered, path.nodes, strict=True)}
    parents, expected = _path_nodes(tree, filtered, public_keys)
    if not same_bytes(path.leaf_node.parent_hash, expected):
        raise CryptoError("the parent hash of the committer's leaf does not hold")
    return _with_path(tree, leaf_index, path.leaf_node, parents)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPath:
    """A path we made: what to send, the tree with it, and our new private keys."""

    path: UpdatePath
    tree: RatchetTree
    context: GroupContext
    private_keys: dict[int, bytes]
    path_secrets: dict[int, bytes]
    commit_secret: bytes


def create_path(
    suite: CipherSuite,
    tree: RatchetTree,
    leaf_index: int,
    signature_private: bytes,
    context: GroupContext,
    new_leaves: frozenset[int],
    random: RandomSource,
) -> OwnPath:
    """Re-key our leaf and everything above it, and seal the secrets to all but the new leaves (section 7.5).

    `tree`: with the proposals applied; `context`: of the new epoch, its tree hash still to be filled in.
    """
    old_leaf = tree.leaf(leaf_index)
    if old_leaf is None:
        raise CryptoError(f"leaf {leaf_index} is blank")
    filtered = tree.filtered_direct_path(leaf_index)
    secrets = derive_path(random(HASH_BYTES), [node for node, _ in filtered])
    leaf_private, leaf_public = hpke.derive_keypair(random(HASH_BYTES))
    parents, leaf_parent_hash = _path_nodes(tree, filtered, secrets.public_keys)
    leaf = replace(
        old_leaf,
        encryption_key=leaf_public,
        source=LeafSource.COMMIT,
        lifetime=None,
        parent_hash=leaf_parent_hash,
    ).signed(signature_private, context.group_id, leaf_index)
    merged = _with_path(tree, leaf_index, leaf, parents)
    context = replace(context, tree_hash=merged.tree_hash())
    nodes = _sealed_nodes(suite, tree, filtered, secrets, context, new_leaves, random)
    return OwnPath(
        path=UpdatePath(leaf, nodes),
        tree=merged,
        context=context,
        private_keys={2 * leaf_index: leaf_private, **secrets.private_keys},
        path_secrets=secrets.path_secrets,
        commit_secret=secrets.commit_secret,
    )


def _sealed_nodes(
    suite: CipherSuite,
    tree: RatchetTree,
    filtered: Sequence[tuple[int, int]],
    secrets: PathSecrets,
    context: GroupContext,
    new_leaves: frozenset[int],
    random: RandomSource,
) -> tuple[UpdatePathNode, ...]:
    """Seal every path secret to those who cannot derive it (section 7.6)."""
    info = context.encode()

    def seal(public: bytes, node: int) -> bytes:
        return suites.encrypt_with_label(suite, public, _LABEL, info, secrets.path_secrets[node], random)

    return tuple(
        UpdatePathNode(
            secrets.public_keys[node],
            tuple(seal(public, node) for public in _recipients(tree, copath, new_leaves).values()),
        )
        for node, copath in filtered
    )


def _recipients(tree: RatchetTree, copath: int, new_leaves: frozenset[int]) -> dict[int, bytes]:
    """Return the nodes a path secret is sealed to, and their keys; new members get theirs in the Welcome."""
    recipients = {}
    for index in tree.resolution(copath):
        node = tree.nodes[index]
        if node is not None and not (tree_math.is_leaf(index) and index // 2 in new_leaves):
            recipients[index] = node.encryption_key
    return recipients


def open_path(
    suite: CipherSuite,
    tree: RatchetTree,
    sender: int,
    path: UpdatePath,
    own_leaf: int,
    private_keys: Mapping[int, bytes],
    context: GroupContext,
    new_leaves: frozenset[int],
) -> PathSecrets:
    """Open the path secret meant for us and derive what follows (section 7.5).

    `tree`: with the proposals applied and the path merged; `context`: of the new epoch, with the old transcript.
    Raises: CryptoError if the path has the wrong number of secrets, ours does not open, or a key differs.
    """
    filtered = tree.filtered_direct_path(sender)
    ours: PathSecrets | None = None
    for position, ((_, copath), sent) in enumerate(zip(filtered, path.nodes, strict=True)):
        recipients = list(_recipients(tree, copath, new_leaves))
        if len(sent.ciphertexts) != len(recipients):
            raise CryptoError("an update path has the wrong number of secrets")
        if not tree_math.is_below(2 * own_leaf, copath):
            continue
        index = next((i for i, node in enumerate(recipients) if node in private_keys), None)
        if index is None:
            raise CryptoError("an update path holds no secret for us")
        private = private_keys[recipients[index]]
        secret = suites.decrypt_with_label(suite, private, _LABEL, context.encode(), sent.ciphertexts[index])
        ours = derive_path(secret, [node for node, _ in filtered[position:]])
    if ours is None:
        raise CryptoError("an update path does not reach us")
    verify_derived_keys(tree, ours)
    return ours


def verify_derived_keys(tree: RatchetTree, secrets: PathSecrets) -> None:
    """Check that derived keys are the ones in the tree (sections 7.5 and 12.4.3.1).

    Raises: CryptoError if one differs.
    """
    for node, public in secrets.public_keys.items():
        parent = tree.parent_node(node)
        if parent is None or not same_bytes(parent.encryption_key, public):
            raise CryptoError(f"the derived key of node {node} is another")
