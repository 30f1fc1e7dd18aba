"""The public half of the ratchet tree: membership, hashes, and the checks of a tree somebody else made.

RFC 9420 sections 4.1, 7.7 to 7.9 and 12.4.3.3. A tree is immutable; every change returns another tree. Private keys
are not here but in update_path.py.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from companion.crypto.primitives import sha256
from companion.errors import CryptoError
from companion.mls import codec, tree_math
from companion.mls.codec import LEAVES_MAX, Reader
from companion.mls.nodes import LeafNode, LeafSource, ParentNode, read_leaf_node, read_parent_node

Node = LeafNode | ParentNode


def _leaf_hash(leaf_index: int, leaf: LeafNode | None) -> bytes:
    """Hash of a TreeHashInput with a LeafNodeHashInput (section 7.8)."""
    return sha256(b"\x01" + codec.uint32(leaf_index) + codec.optional(leaf.encoded if leaf else None))


def _parent_node_hash(parent: ParentNode | None, left_hash: bytes, right_hash: bytes) -> bytes:
    """Hash of a TreeHashInput with a ParentNodeHashInput (section 7.8)."""
    encoded = codec.optional(parent.encoded if parent else None)
    return sha256(b"\x02" + encoded + codec.opaque(left_hash) + codec.opaque(right_hash))


def parent_hash(encryption_key: bytes, hash_above: bytes, original_sibling_hash: bytes) -> bytes:
    """Hash of a ParentHashInput (section 7.9)."""
    return sha256(codec.opaque(encryption_key) + codec.opaque(hash_above) + codec.opaque(original_sibling_hash))


@dataclass(frozen=True, slots=True)
class RatchetTree:
    """Nodes in array order; their number is 2**(d+1) - 1. Even places hold leaves, odd places parents."""

    nodes: tuple[Node | None, ...]

    @property
    def leaf_count(self) -> int:
        """The number of places for members, a power of two."""
        return (len(self.nodes) + 1) // 2

    @property
    def root(self) -> int:
        """The index of the root node."""
        return tree_math.root(self.leaf_count)

    def leaf(self, leaf_index: int) -> LeafNode | None:
        """Return the member at a place, or None if it is blank or outside the tree."""
        if not 0 <= leaf_index < self.leaf_count:
            return None
        node = self.nodes[2 * leaf_index]
        return node if isinstance(node, LeafNode) else None

    def parent_node(self, node: int) -> ParentNode | None:
        """Return the parent at a node index, or None if it is blank."""
        found = self.nodes[node]
        return found if isinstance(found, ParentNode) else None

    def members(self) -> Iterator[tuple[int, LeafNode]]:
        """Yield every member with its leaf index, from the left."""
        for index, node in enumerate(self.nodes[::2]):
            if isinstance(node, LeafNode):
                yield index, node

    def direct_path(self, leaf_index: int) -> list[int]:
        """Return the nodes above a leaf, root last."""
        return tree_math.direct_path(2 * leaf_index, self.leaf_count)

    def resolution(self, node: int) -> list[int]:
        """Return the fewest nodes that cover all members below a node (section 4.1.1)."""
        found = self.nodes[node]
        if isinstance(found, ParentNode):
            return [node, *(2 * leaf for leaf in found.unmerged_leaves)]
        if found is not None:
            return [node]
        if tree_math.is_leaf(node):
            return []
        return self.resolution(tree_math.left(node)) + self.resolution(tree_math.right(node))

    def filtered_direct_path(self, leaf_index: int) -> list[tuple[int, int]]:
        """Return (node, copath child) above a leaf, without those whose copath child covers nobody (section 4.1.2)."""
        path = []
        below = 2 * leaf_index
        for node in self.direct_path(leaf_index):
            copath = tree_math.sibling(below)
            if self.resolution(copath):
                path.append((node, copath))
            below = node
        return path

    def with_nodes(self, changes: "dict[int, Node | None]") -> "RatchetTree":
        """Return the tree with some nodes replaced."""
        nodes = list(self.nodes)
        for index, node in changes.items():
            nodes[index] = node
        return RatchetTree(tuple(nodes))

    def with_leaf(self, leaf_index: int, leaf: LeafNode | None) -> "RatchetTree":
        """Return the tree with a leaf replaced and everything above it blank (sections 12.1.2 and 12.1.3)."""
        changes: dict[int, Node | None] = dict.fromkeys(self.direct_path(leaf_index))
        changes[2 * leaf_index] = leaf
        return self.with_nodes(changes)

    def first_blank_leaf(self) -> int:
        """Return the leftmost free place; it lies one past the end if the tree is full."""
        return next((i for i, node in enumerate(self.nodes[::2]) if node is None), self.leaf_count)

    def extended_to(self, leaf_index: int) -> "RatchetTree":
        """Return the tree, doubled until it has this leaf (section 7.7).

        Raises: CryptoError beyond LEAVES_MAX.
        """
        if leaf_index >= LEAVES_MAX:
            raise CryptoError(f"a group has at most {LEAVES_MAX} members")
        nodes = self.nodes
        while 2 * leaf_index >= len(nodes):
            nodes += (None,) * (len(nodes) + 1)
        return RatchetTree(nodes)

    def with_added(self, leaf: LeafNode) -> "tuple[RatchetTree, int]":
        """Return the tree with a new member in the leftmost free place, and that place (section 12.1.1)."""
        place = self.first_blank_leaf()
        tree = self.extended_to(place)
        changes: dict[int, Node | None] = {2 * place: leaf}
        for index in tree.direct_path(place):
            if (above := tree.parent_node(index)) is not None:
                changes[index] = replace(above, unmerged_leaves=tuple(sorted((*above.unmerged_leaves, place))))
        return tree.with_nodes(changes), place

    def with_removed(self, leaf_index: int) -> "RatchetTree":
        """Return the tree without a member, cut down while its right half is empty (section 12.1.3)."""
        nodes = self.with_leaf(leaf_index, None).nodes
        while len(nodes) > 1 and all(node is None for node in nodes[len(nodes) // 2 + 1 :]):
            nodes = nodes[: len(nodes) // 2]
        return RatchetTree(nodes)

    def hashes(self) -> tuple[bytes, ...]:
        """Return the tree hash of every node (section 7.8)."""
        hashes = [b""] * len(self.nodes)
        for index in range(self.leaf_count):
            hashes[2 * index] = _leaf_hash(index, self.leaf(index))
        for node in tree_math.parents_by_level(self.leaf_count):
            left_hash, right_hash = hashes[tree_math.left(node)], hashes[tree_math.right(node)]
            hashes[node] = _parent_node_hash(self.parent_node(node), left_hash, right_hash)
        return tuple(hashes)

    def tree_hash(self) -> bytes:
        """Return the hash of the whole tree: 32 bytes."""
        return self.hashes()[self.root]

    def encode(self) -> bytes:
        """Return the content of the ratchet_tree extension: no blanks after the last node (section 12.4.3.3)."""
        last = max(index for index, node in enumerate(self.nodes) if node is not None)
        return codec.vector(codec.optional(_encode_node(node)) for node in self.nodes[: last + 1])


def _encode_node(node: Node | None) -> bytes | None:
    if node is None:
        return None
    return (b"\x01" if isinstance(node, LeafNode) else b"\x02") + node.encoded


def _read_node(reader: Reader) -> Node:
    kind = reader.uint8()
    if kind == 1:
        return read_leaf_node(reader)
    if kind == 2:
        return read_parent_node(reader)
    raise CryptoError("a tree node is neither leaf nor parent")


def read_ratchet_tree(reader: Reader) -> RatchetTree:
    """Read the content of the ratchet_tree extension; says nothing yet on whether the tree is valid."""
    nodes = reader.vector(lambda inner: inner.optional(_read_node), tree_math.node_count(LEAVES_MAX))
    if not nodes or nodes[-1] is None:
        raise CryptoError("a tree ends with a blank node")
    for index, node in enumerate(nodes):
        if node is not None and isinstance(node, LeafNode) != tree_math.is_leaf(index):
            raise CryptoError("a tree node stands in the wrong place")
    size = 1
    while size < len(nodes):
        size = 2 * size + 1
    return RatchetTree(nodes + (None,) * (size - len(nodes)))


def original_tree_hash(tree: RatchetTree, hashes: Sequence[bytes], node: int, without: frozenset[int]) -> bytes:
    """Return the tree hash of a subtree as if some leaves had never been added (section 7.9)."""
    if without.isdisjoint(tree_math.leaves_below(node)):
        return hashes[node]
    if tree_math.is_leaf(node):
        return _leaf_hash(node // 2, None)
    parent = tree.parent_node(node)
    if parent is not None:
        kept = tuple(leaf for leaf in parent.unmerged_leaves if leaf not in without)
        parent = replace(parent, unmerged_leaves=kept)
    left_hash = original_tree_hash(tree, hashes, tree_math.left(node), without)
    right_hash = original_tree_hash(tree, hashes, tree_math.right(node), without)
    return _parent_node_hash(parent, left_hash, right_hash)


def _stored_parent_hash(node: Node | None) -> bytes | None:
    """Return the parent hash that a node carries; leaves that never committed carry none."""
    if isinstance(node, LeafNode):
        return node.parent_hash if node.source == LeafSource.COMMIT else None
    return node.parent_hash if node is not None else None


def _is_parent_hash_valid(tree: RatchetTree, hashes: Sequence[bytes], node: int, parent: ParentNode) -> bool:
    """Tell whether exactly one node below was set in the same update as this parent (section 7.9.2)."""
    unmerged = frozenset(parent.unmerged_leaves)
    links = 0
    for child in (tree_math.left(node), tree_math.right(node)):
        sibling_hash = original_tree_hash(tree, hashes, tree_math.sibling(child), unmerged)
        expected = parent_hash(parent.encryption_key, parent.parent_hash, sibling_hash)
        resolution = tree.resolution(child)
        below_child = {2 * leaf for leaf in unmerged if tree_math.is_below(2 * leaf, child)}
        links += sum(
            _stored_parent_hash(tree.nodes[descendant]) == expected and set(resolution) - {descendant} == below_child
            for descendant in resolution
        )
    return links == 1


def verify_parent_hashes(tree: RatchetTree) -> None:
    """Check that every parent was set by a member below it (section 7.9.2).

    Raises: CryptoError if one was not.
    """
    hashes = tree.hashes()
    for node in tree_math.parents_by_level(tree.leaf_count):
        parent = tree.parent_node(node)
        if parent is None:
            continue
        if node == tree.root and parent.parent_hash:
            raise CryptoError("the root has a parent hash")
        if not _is_parent_hash_valid(tree, hashes, node, parent):
            raise CryptoError(f"the parent hash of node {node} does not hold")


def verify_unmerged_leaves(tree: RatchetTree) -> None:
    """Check that unmerged leaves are members below, and known to every parent on the way (section 12.4.3.1).

    Raises: CryptoError if not.
    """
    for node in tree_math.parents_by_level(tree.leaf_count):
        parent = tree.parent_node(node)
        for leaf in parent.unmerged_leaves if parent else ():
            if tree.leaf(leaf) is None or not tree_math.is_below(2 * leaf, node):
                raise CryptoError(f"an unmerged leaf of node {node} is no member below it")
            for between in tree.direct_path(leaf):
                if between == node:
                    break
                closer = tree.parent_node(between)
                if closer is not None and leaf not in closer.unmerged_leaves:
                    raise CryptoError(f"an unmerged leaf of node {node} is missing below it")


def verify_unique_keys(tree: RatchetTree) -> None:
    """Check that no encryption key and no signature key stands twice in the tree (sections 7.3 and 12.4.3.1).

    Raises: CryptoError if one does.
    """
    present = [node for node in tree.nodes if node is not None]
    if len({node.encryption_key for node in present}) != len(present):
        raise CryptoError("an encryption key stands twice in the tree")
    leaves = [node for node in present if isinstance(node, LeafNode)]
    if len({leaf.signature_key for leaf in leaves}) != len(leaves):
        raise CryptoError("a signature key stands twice in the tree")
