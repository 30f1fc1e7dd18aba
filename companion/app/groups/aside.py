"""Groups that are set aside: something of them that they need to go on is damaged, so they wait, and the others go on.

What is damaged here stays so until a person says otherwise, and is never tried again as if it would pass. Owns which
groups wait and why. Must not know how a group is taken up again: that is `Grouping.go_on`.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from companion.app.context import Context
from companion.errors import CryptoError, MessageRejected, Tampered
from companion.ports import Damage

log = logging.getLogger(__name__)

UNREADABLE = (Tampered, MessageRejected, CryptoError)
"""What a document of ours raises that was damaged, or says what no version of this app has written."""


class Aside:
    """A group waits from the first failed check of anything of it until it is taken up again, or the app is locked."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._found: dict[str, Damage] = {}

    def of(self, group: str) -> Damage | None:
        """Return why a group waits, or None."""
        own = (damage for damage in self._context.store.damages if damage.of == group)
        return self._found.get(group) or next(own, None)

    def damages(self, group: str) -> tuple[Damage, ...]:
        """Return all that has to be mended before a group can go on."""
        shared = self._found.get(group)
        own = tuple(damage for damage in self._context.store.damages if damage.of == group)
        return own if shared is None or shared in own else (*own, shared)

    def put(self, group: str, error: Exception) -> None:
        """Let a group wait. Only once is it logged, and told to the screens."""
        if not group or group in self._found:
            return
        kind, part, of = (error.kind, error.part, error.of) if isinstance(error, Tampered) else ("changed", "", group)
        self._found[group] = Damage(part=part, kind=kind, of=of)
        log.error("a group is set aside: %s of %s", kind, part or "what it needs")
        self._context.tell(frozenset({"groups"}))

    def release(self, group: str) -> None:
        self._found.pop(group, None)

    @contextmanager
    def holding(self, group: str) -> Iterator[None]:
        """Around what is done for one group: a fault that stays sets it aside, and whoever does it goes on."""
        try:
            yield
        except UNREADABLE as error:
            self.put(group, error)
