"""How late it is for certain, kept across restarts: the time by which anything may be destroyed."""

import logging

from companion.app.context import Context
from companion.errors import MessageRejected
from companion.ports import Change, Put
from companion.times import HOUR_MS, Sure

log = logging.getLogger(__name__)

TABLE = "times"
_SURE = "sure"


class Certainty:
    """Looks at the clock when it is asked, and writes down what it has come to believe."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._known: Sure | None = None
        self._kept = Sure(sure_ms=0)
        self._watch_ms: int | None = None

    async def now_ms(self) -> int:
        """Return the certain time, never ahead of the clock. Raises: StoreError."""
        clock, known = self._context.clock, self._known or await self._load()
        watch_ms, now_ms = clock.monotonic_ms(), clock.now_ms()
        watched_ms = None if self._watch_ms is None else max(0, watch_ms - self._watch_ms)
        self._known, self._watch_ms = known.looked(now_ms, watched_ms), watch_ms
        await self._keep(self._known)
        return self._known.sure_ms

    async def _load(self) -> Sure:
        """Return what was kept. Nothing can have happened before this device was there."""
        doc = await self._context.store.get(TABLE, _SURE)
        if doc is not None:
            try:
                self._kept = Sure.from_doc(doc)
            except MessageRejected as error:  # it is learnt anew, and nothing is destroyed meanwhile
                log.error("not known how late it is: %s", error)
            else:
                return self._kept
        me = self._context.me
        own = me.member.devices.device(me.device)
        return Sure(sure_ms=0 if own is None else own.since_ms)

    async def _keep(self, known: Sure) -> None:
        has_moved = not 0 <= known.sure_ms - self._kept.sure_ms < HOUR_MS
        if has_moved or known.seen_ms != self._kept.seen_ms or known.steady_ms - self._kept.steady_ms >= HOUR_MS:
            self._kept = known
            await self._context.note(Change(put=(Put(TABLE, known.to_doc(_SURE)),)))
