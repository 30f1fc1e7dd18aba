"""Arithmetic of the array form of a ratchet tree (RFC 9420 appendix C).

A tree has 2**d leaves. Leaf L is node 2*L, parents are the odd numbers; a node's level is the number of trailing one
bits. Pure numbers: nothing here knows what a node holds.
"""

from collections.abc import Iterator


def node_count(leaf_count: int) -> int:
    """Return the number of nodes of a tree with this many leaves."""
    return 2 * leaf_count - 1


def level(node: int) -> int:
    """Return the height of a node above the leaves."""
    return (~node & (node + 1)).bit_length() - 1


def is_leaf(node: int) -> bool:
    """Leaves are the even nodes."""
    return node % 2 == 0


def root(leaf_count: int) -> int:
    """Return the root of a tree whose number of leaves is a power of two."""
    return leaf_count - 1


def left(node: int) -> int:
    """Return the left child of a parent node."""
    return node ^ (1 << (level(node) - 1))


def right(node: int) -> int:
    """Return the right child of a parent node."""
    return node ^ (3 << (level(node) - 1))


def parent(node: int) -> int:
    """Return the node above, as if the tree had no end; the caller knows the root."""
    height = level(node)
    return (node | 1 << height) & ~(1 << (height + 1))


def sibling(node: int) -> int:
    """Return the other child of the node's parent."""
    above = parent(node)
    return right(above) if node < above else left(above)


def direct_path(node: int, leaf_count: int) -> list[int]:
    """Return the nodes above `node`, up to and including the root."""
    path = []
    top = root(leaf_count)
    while node != top:
        node = parent(node)
        path.append(node)
    return path


def is_below(node: int, ancestor: int) -> bool:
    """Tell whether `node` is `ancestor` or below it."""
    reach = (1 << level(ancestor)) - 1
    return ancestor - reach <= node <= ancestor + reach


def child_towards(ancestor: int, node: int) -> int:
    """Return the child of `ancestor` on the way to `node`, which is below it."""
    return left(ancestor) if node < ancestor else right(ancestor)


def common_ancestor(first: int, second: int) -> int:
    """Return the lowest node that has both nodes below it, or is one of them."""
    while not is_below(second, first):
        first = parent(first)
    return first


def leaves_below(node: int) -> range:
    """Return the leaf indices in the subtree of a node."""
    reach = (1 << level(node)) - 1
    return range((node - reach) // 2, (node + reach) // 2 + 1)


def parents_by_level(leaf_count: int) -> Iterator[int]:
    """Yield all parent nodes, children always before their parents."""
    height = 1
    while 1 << height <= leaf_count:
        yield from range((1 << height) - 1, node_count(leaf_count), 1 << (height + 1))
        height += 1
