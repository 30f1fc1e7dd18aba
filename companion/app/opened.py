"""Everything that needs the keys. It exists only while the app is unlocked."""

from collections.abc import Callable

from companion.app.context import Context
from companion.app.grouping import Grouping
from companion.app.journalling import Journalling
from companion.app.storytelling import Storytelling
from companion.app.today import Today
from companion.consent import Wording
from companion.people import Me
from companion.ports import Blobs, Change, Clock, Network, Put, Store

SETTINGS = "settings"
AUTO_LOCK_MINUTES = (1, 2, 5, 10, 15)


class Opened:
    """The unlocked app: one attribute for each place, each with one method for each intent."""

    def __init__(
        self,
        me: Me,
        store: Store,
        blobs: Blobs,
        network: Network,
        clock: Clock,
        wording: Wording,
        tell: Callable[[frozenset[str]], None],
    ) -> None:
        self.me = me.member
        self._context = Context(me=me, store=store, blobs=blobs, clock=clock, tell=tell)
        self._network = network
        self.auto_lock_minutes = 5
        self.journal = Journalling(self._context)
        self.groups = Grouping(self._context, network)
        self.stories = Storytelling(self._context, wording)
        self.today = Today(self._context, self.groups)

    async def start(self) -> None:
        settings = await self._context.store.get(SETTINGS, SETTINGS) or {}
        minutes = settings.get("auto_lock_minutes")
        if isinstance(minutes, int) and minutes in AUTO_LOCK_MINUTES:
            self.auto_lock_minutes = minutes
        await self.stories.recover()
        await self.groups.start()

    async def set_auto_lock(self, minutes: int) -> None:
        """Lock after this many minutes without use. Raises ValueError for a number that is not offered."""
        if minutes not in AUTO_LOCK_MINUTES:
            raise ValueError("minutes")
        doc: dict[str, object] = {"_id": SETTINGS, "_v": 1, "auto_lock_minutes": minutes}
        await self._context.commit(Change(put=(Put(SETTINGS, doc),)))
        self.auto_lock_minutes = minutes

    async def close(self) -> None:
        """Bring all that was typed or said to the disk, then drop the keys."""
        try:
            await self.journal.save_drafts()
            await self.groups.save_drafts()
            await self.stories.close()
        finally:
            try:
                await self._network.close()
            finally:
                await self._context.store.close()
