"""Offering help when somebody's own words sound very hard: at most once a day, on this device, told to nobody."""

from companion.app.context import Context
from companion.care import CARE, sounds_hard
from companion.ports import Change, Put
from companion.times import DAY_MS, is_past


class Caring:
    """What is kept is when the card was shown last, and nothing of why."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def offers_help(self, text: str, phrases: tuple[str, ...]) -> bool:
        """Return whether the card is to be shown now; that counts as shown."""
        if not sounds_hard(text, phrases):
            return False
        now = self._context.clock.now_ms()
        doc = await self._context.store.get(CARE, CARE)
        shown_ms = doc["shown_ms"] if doc is not None else None
        if isinstance(shown_ms, int) and is_past(shown_ms, now) and now - shown_ms < DAY_MS:
            return False
        await self._context.commit(Change(put=(Put(CARE, {"_id": CARE, "_v": 1, "shown_ms": now}),)))
        return True
