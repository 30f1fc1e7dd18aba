"""Everything that needs the keys. It exists only while the app is unlocked."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from companion.app.attaching import Attaching
from companion.app.caring import Caring
from companion.app.chat.agreeing import Agreeing
from companion.app.chat.attending import Attending
from companion.app.chat.chatting import Chatting
from companion.app.chat.keeping import Keeping
from companion.app.chat.polling import Polling
from companion.app.chat.receiving import Receiving
from companion.app.chat.sharing import Sharing
from companion.app.context import Context
from companion.app.due import Due
from companion.app.groups.choices import Choices
from companion.app.groups.grouping import Grouping
from companion.app.groups.linking import Linking
from companion.app.groups.mending import Mending
from companion.app.groups.pairing import Pairing
from companion.app.journal.journalling import Journalling
from companion.app.journal.timeline import Timeline
from companion.app.own.own_space import OwnSpace
from companion.app.parting import Left, Parting
from companion.app.recovery import Recovery
from companion.app.searching import Searching
from companion.app.security import Security
from companion.app.spaces.desk import make_desk
from companion.app.stamps import cut_stamps
from companion.app.stories.storytelling import Storytelling
from companion.app.today import Today
from companion.app.together.together import Together
from companion.attachments import IN_WORK
from companion.consent import Wording
from companion.farewells import Farewell
from companion.fields import STAYS
from companion.people import Me, Member
from companion.ports import Blobs, Change, Clock, Edit, Network, Store

log = logging.getLogger(__name__)
SETTINGS, DAMAGES = "settings", "damages"
AUTO_LOCK_MINUTES = (1, 2, 5, 10, 15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What lies on this device: documents by kind ("journal"), blobs, the services in use, the keys that open it."""

    counts: Mapping[str, int]
    blobs: int
    blob_bytes: int
    services: frozenset[str]
    slots: frozenset[str]


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
        security: Security,
        tell: Callable[[frozenset[str]], None],
    ) -> None:
        self._context = Context(me=me, store=store, blobs=blobs, clock=clock, tell=tell)
        store.when_damaged(lambda: tell(frozenset({DAMAGES})))
        self._network = network
        self.security = security
        self.auto_lock_minutes = 5
        self.locks_hidden: bool | None = None
        """Whether to lock as soon as no window is in sight; None for what fits the kind of device."""
        self.attaching = Attaching(self._context)
        self.journal = Journalling(self._context, self.attaching)
        self.timeline = Timeline(self._context)
        self.searching = Searching(self._context)
        desk = make_desk(self._context)
        self.groups = Grouping(self._context, Receiving(self._context), network, desk)
        self.devices = Linking(self._context, self.groups.tools, network, self.groups.follow)
        self.recovery = Recovery(self._context, security, self.devices.tell)
        self.groups.inbox.add(self.devices.handlers() | self.recovery.handlers())
        self.own = OwnSpace(self._context, desk, self.groups, network, self.attaching, self.journal, self.recovery)
        self.together = Together(self._context, desk, self.groups, network)
        self.shelves = self.together.shelves
        self.devices.gives.append(self.own.give)
        self.devices.revoked.append(self.own.turn_out)
        self.mending = Mending(self._context, self.groups)
        self.chat = Chatting(self._context, self.groups)
        self.polls = Polling(self._context, self.groups, self.chat)
        choices = Choices(self._context, self.groups)
        self.pairs = Pairing(self._context, self.groups, choices)
        self.attention = Attending(self._context, self.groups, choices)
        self.agreements = Agreeing(self._context, self.groups, Keeping(self._context, self.groups.tools.certainty))
        self.sharing = Sharing(self._context, self.groups, self.chat, self.attaching, network)
        self.due = Due(
            self._context,
            self.groups,
            self.chat,
            self.polls,
            self.attention,
            self.agreements,
            self.sharing,
            self.own.housekeeping,
            self.together.keeping,
        )
        self._parting = Parting(self._context, desk, network, self.groups, self.due)
        self.care = Caring(self._context)
        self.stories = Storytelling(self._context, wording)
        self.today = Today(self._context, self.groups, self.attention)

    @property
    def me(self) -> Member:
        """Who I am, as others see me."""
        return self._context.me.member

    @property
    def device(self) -> str:
        """The id of this device."""
        return self._context.me.device

    async def start(self, *, is_older: bool = False) -> None:
        """Go on where the app was locked. `is_older`: the person has put the data back to an older state."""
        settings = await self._context.store.get(SETTINGS, SETTINGS) or {}
        minutes = settings.get("auto_lock_minutes")
        if isinstance(minutes, int) and minutes in AUTO_LOCK_MINUTES:
            self.auto_lock_minutes = minutes
        hidden = settings.get("locks_hidden")
        self.locks_hidden = hidden if isinstance(hidden, bool) else None
        if self.is_read_only:
            return
        await self._context.store.all(IN_WORK)
        # Tidying up deletes blobs by what this table says: put back to an older state, it would name wrong ones.
        if is_older:
            await self.groups.roll_back()
        is_list_sound = all(damage.part != IN_WORK for damage in self._context.store.damages)
        first = (self.journal.start,) if is_list_sound else ()
        for begin in (*first, self._look_at_clock, self.stories.recover, self.own.start, self.groups.start):
            try:
                await begin()
            except STAYS as error:  # the rest can be read, and is shown as what it is
                log.warning("a part that cannot be read is left as it is: %s", type(error).__name__)

    async def _look_at_clock(self) -> None:
        await cut_stamps(self._context)
        await self.groups.tools.certainty.now_ms()

    @property
    def unread(self) -> frozenset[str]:
        """Tables that hold a document which could not be read when its list was read last."""
        return frozenset(self._context.unread)

    @property
    def is_read_only(self) -> bool:
        """Whether nothing may be written: its folder cannot be, or this is an older or another store than the device
        remembers and the person did not put it there.
        """
        return bool(self.why_read_only)

    @property
    def why_read_only(self) -> str:
        """Why nothing may be written: "folder", "old" or "replaced"; empty if it may."""
        return "folder" if self._context.store.is_read_only else self._context.store.rollback

    async def facts(self) -> Facts:
        """Return what lies on this device, counted. Raises: StoreError."""
        store = self._context.store
        counts: dict[str, int] = {}
        for table, count in (await store.counts()).items():
            kind = table.partition(":")[0]
            counts[kind] = counts.get(kind, 0) + count
        blobs, blob_bytes = await self._context.blobs.usage()
        services = await self._services()
        return Facts(counts=counts, blobs=blobs, blob_bytes=blob_bytes, services=services, slots=store.slots)

    async def sign_farewells(self, scope: str) -> tuple[Farewell, ...]:
        """Return what asks each service in use to delete this device, or my whole account. Raises: StoreError."""
        me = self._context.me
        logs = await self.own.logs_to_drop(scope)
        return await self._network.farewells(await self._services(), me.device, me.sign_private, scope, logs)

    async def _services(self) -> frozenset[str]:
        """Return what is in use as far as it can be read."""
        try:
            return frozenset(await self.groups.services())
        except STAYS:
            return frozenset(group.service for group in await self.groups.groups())

    async def set_auto_lock(self, minutes: int) -> None:
        """Lock after this many minutes without use. Raises ValueError for a number that is not offered."""
        if minutes not in AUTO_LOCK_MINUTES:
            raise ValueError("minutes")
        await self._set("auto_lock_minutes", minutes)
        self.auto_lock_minutes = minutes

    async def set_locks_hidden(self, locks_hidden: bool) -> None:
        """Lock as soon as the app is out of sight, or only after the minutes without use."""
        await self._set("locks_hidden", locks_hidden)
        self.locks_hidden = locks_hidden

    async def _set(self, name: str, value: object) -> None:
        kept: dict[str, object] = {"_id": SETTINGS, "_v": 1}
        edit = Edit(SETTINGS, SETTINGS, lambda doc: {**(doc or kept), name: value})
        await self._context.commit(Change(edit=(edit,)))

    @property
    def is_recording(self) -> bool:
        """Whether a story or a voice note is being recorded, or waits to go on: only its owner ends it."""
        return self.stories.is_recording or self.attaching.is_recording

    async def idle(self) -> bool:
        """Let the store do some of its housekeeping; return whether there is more. Call it when nobody types.

        Raises: StoreError.
        """
        return await self._context.store.idle()

    async def _end_recordings(self) -> None:
        try:
            await self.attaching.finish()
        finally:
            await self.stories.close()

    async def close(self, *, hands_over: bool = True) -> Left:
        """Bring all that was typed or said to the disk, hand over what was promised, then drop the keys.

        Returns what could not go. Raises StoreError if something could not be saved; the keys go all the same.
        """
        left = Left()
        try:
            await self._save()
        finally:
            try:
                if hands_over and not self.is_read_only:
                    left = await self._parting.hand_over()
            finally:
                await self._drop()
        return left

    async def _save(self) -> None:
        try:
            await self.journal.save_drafts()
        finally:  # what cannot be saved keeps nothing else from it
            try:
                await self.chat.save_drafts()
            finally:
                await self._end_recordings()

    async def _drop(self) -> None:
        try:
            await self._network.close()
        finally:
            await self._context.store.close()
