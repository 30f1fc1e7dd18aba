"""Who came and went with a change of keys, kept for whoever keeps other keys of the group."""

from collections.abc import Sequence

from companion.groups import MOVES
from companion.mls.group_state import Group as Keys
from companion.mls.nodes import LeafSource
from companion.ports import Doc, Put, RelayEvent


def came_in(old: Keys, new: Keys) -> tuple[int, ...]:
    """Return the leaves of devices that a commit let in: fresh from a key package, and not there before."""
    before = {leaf.encryption_key for _, leaf in old.tree.members()}
    return tuple(
        index
        for index, leaf in new.tree.members()
        if leaf.source == LeafSource.KEY_PACKAGE and leaf.encryption_key not in before
    )


def moved(group: str, old: Keys, new: Keys, committer: int, went: Sequence[str], event: RelayEvent) -> Put | None:
    """Return what notes that devices came or went, or that others look after the group; None where nothing of it is so.

    `committer` is a leaf of the former tree, `went` are the names of people who are out.
    """
    before, after = (frozenset(identity for _, identity in keys.members()) for keys in (old, new))
    ruled_before, ruled_after = (keys.policy and keys.policy.administrators for keys in (old, new))
    came = bool(came_in(old, new))
    if before == after and not came and ruled_before == ruled_after:
        return None
    doc: Doc = {"_id": f"{group}:{event.seq}", "_v": 1, "group": group, "seq": event.seq, "came": came}
    doc |= {"gone": not before <= after, "went": list(went), "is_mine": committer == old.own_leaf}
    return Put(MOVES, doc)
