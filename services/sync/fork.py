"""Where a service's log parts from the one that was read here: two logs under one incarnation, or one that went back.

It asks for single events and compares; going back is for the core.
"""

import asyncio
from collections.abc import Sequence

from companion.errors import RelayRefused
from companion.ports import GroupCursor
from services.sync.protocol import is_same_arrival
from services.sync.signals import SyncRelay

CAPABILITIES_MOST = 8
"""Changes of the capability on the way back that are looked behind."""
RETURNS_MOST = 6
RETURNS_S = 3_600.0
UNKNOWN = 404
READS_NOT_SO_FAR = frozenset({403, 409})


class Returns:
    """How often each group went back lately. Each time a device offers its last envelopes again, so a service that
    contradicts itself is believed only so often.
    """

    def __init__(self) -> None:
        self._at_s: dict[str, list[float]] = {}

    def may(self, group: str) -> bool:
        """Whether it may go back once more by now."""
        since_s = asyncio.get_running_loop().time() - RETURNS_S
        return sum(at_s > since_s for at_s in self._at_s.get(group, ())) < RETURNS_MOST

    def note(self, group: str) -> None:
        self._at_s[group] = [*self._at_s.get(group, ()), asyncio.get_running_loop().time()][-RETURNS_MOST:]


async def last_in_common(relay: SyncRelay, trail: Sequence[GroupCursor]) -> int | None:
    """Return the last place of the trail up to which the service's log is ours, None if none of our capabilities opens
    the group there.

    Two logs agree up to where they part and never after it, so the place is found by halving: about ten calls for
    one event each, whatever the service says. Raises SyncError.
    """
    capabilities = list(dict.fromkeys(place.capability for place in reversed(trail)))
    for capability in capabilities[:CAPABILITIES_MOST]:
        try:
            return await _parting(relay, trail, capability)
        except RelayRefused as refusal:
            if refusal.status != UNKNOWN:
                raise
    return None


async def _parting(relay: SyncRelay, trail: Sequence[GroupCursor], capability: str) -> int:
    await _agrees(relay, trail[0], capability)  # it names no event and is taken for the same: this may raise 404
    low, high = 0, len(trail)
    while high - low > 1:
        middle = (low + high) // 2
        is_same = await _agrees(relay, trail[middle], capability)
        low, high = (middle, high) if is_same else (low, middle)
    return trail[low].since


async def _agrees(relay: SyncRelay, place: GroupCursor, capability: str) -> bool:
    try:
        events = await relay.events(place.group, capability, max(0, place.since - 1), 1)
    except RelayRefused as refusal:
        if refusal.status not in READS_NOT_SO_FAR:
            raise
        return False
    return any(
        (event.seq, event.cid) == (place.since, place.cid) and is_same_arrival(place.at_ms, event.at_ms)
        for event in events
    )
