"""Intents of what my devices share: begin it, give it to another device, stop on this one."""

import logging
from dataclasses import dataclass

from companion.app.attaching import Attaching
from companion.app.context import SHARED, Context
from companion.app.groups.grouping import Grouping
from companion.app.groups.sync_side import ONLINE
from companion.app.groups.tools import Outcome
from companion.app.journal.journalling import Journalling
from companion.app.own.bringing import Bringing
from companion.app.own.documents import CHANGED, SharedDocuments
from companion.app.own.files import Files
from companion.app.own.housekeeping import Housekeeping
from companion.app.own.parted import Parted
from companion.app.own.residents import OwnResidents, own_first
from companion.app.recovery import Recovery
from companion.app.spaces.desk import Desk, stand, wait
from companion.app.spaces.reading import first_of_newest
from companion.crypto.primitives import random_bytes
from companion.devices import Device, DeviceList
from companion.errors import MessageRejected, NoOwnService
from companion.farewells import ACCOUNT, LogToDrop
from companion.fields import as_id, as_object, refused, whole
from companion.groups import MEMBER
from companion.journal import TABLE as JOURNAL
from companion.letters import Letter
from companion.ports import Change, Doc, Drop, InboxItem, Network, Put
from companion.space import place, saying
from companion.space.keys import BOOK, SHELF
from companion.space.place import OWN, Log, Space
from companion.space.saying import CREATE, ITEM, Saying
from companion.space.versions import Version
from companion.space.words import TABLE as WORDS
from companion.strings import kept

log = logging.getLogger(__name__)

SETTINGS, SETTINGS_ID = "settings", "own"
NEWEST_FIRST = 200
PRESENT_MS = 600_000
"""A device that was heard within this time is taken to be there: what is written is told at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How many documents and items wait to go, how many items of the past are still to come, and whether the service
    can be reached. `is_decided`: somebody has said whether to share. `is_forked`: the service shows my devices
    different logs, by what they said that they saw.
    """

    is_on: bool = False
    is_decided: bool = False
    waiting: int = 0
    past: int = 0
    is_offline: bool = False
    is_forked: bool = False


class OwnSpace:
    """It is on where this device shares. What stands here stays here, whether it is on or off."""

    def __init__(
        self,
        context: Context,
        desk: Desk,
        groups: Grouping,
        network: Network,
        attaching: Attaching,
        journal: Journalling,
        recovery: Recovery,
    ) -> None:
        self._context = context
        self._desk = desk
        self._groups = groups
        self._network = network
        self._journal = journal
        self._files = Files(context, desk, attaching, network)
        self.documents = SharedDocuments(context, self._files)
        self._residents = OwnResidents(context, desk, self.documents, self.heard, lambda: self.is_on)
        desk.residents[OWN] = self._residents
        self.parted = Parted(context)
        self._heard: dict[str, int] = {}
        self.is_on = False
        self.housekeeping = Housekeeping(
            context, desk, network, self._files, self.documents, self, groups.logs, recovery
        )
        groups.inbox.add({"own": self._own, "here": self._here})

    async def start(self) -> None:
        settings = await self._context.store.get(SETTINGS, SETTINGS_ID)
        self.is_on = settings is not None and settings.get("is_on") is True
        self.documents.is_noting = await self.space() is not None

    async def space(self) -> Space | None:
        """Return my own space, if this device has it."""
        return await self._desk.of_kind(OWN)

    # On and off

    async def turn_on(self) -> None:
        """Share from now on, with all that stands here. Raises: NoOwnService where no service is known."""
        change = self._setting(True)
        async with self._context.store.turn(SHARED):
            known = await self.space()
            if known is None:
                change += await self._begun(1)
            else:  # linked while it was off
                for device in self._context.me.other_devices:
                    if device.id not in known.holders:
                        change += self.given(known, device, self._context.me.member.devices)
            self.documents.is_noting = True  # first, so that nothing slips through between
            change += await self.documents.note_all()
            await self._context.commit(change)
            self.is_on = True
        await self.follow()

    async def turn_off(self) -> None:
        """Neither tell nor take in anything on this device from now on."""
        await self._context.commit(self._setting(False))
        self.is_on = False
        await self.follow()

    def _setting(self, is_on: bool) -> Change:
        return Change(put=(Put(SETTINGS, {"_id": SETTINGS_ID, "_v": 1, "is_on": is_on}),))

    async def _begun(self, generation: int) -> Change:
        """Return the change that begins a space and tells my other devices."""
        service = await self._service()
        space = Space(
            id=self._context.new_id(),
            kind=OWN,
            service=service,
            keys=(random_bytes(32),),
            holders=(self._context.me.device,),
            generation=generation,
        )
        makes = tuple(self._saying(space, name, CREATE, {}) for name in space.logs)
        first = self._saying(space, BOOK, ITEM, own_first(space.id, self._context.me))
        secret = await self._residents.new_secret(space)
        change = Change(put=(stand(space), *(wait(one) for one in (*makes, first, secret))))
        for device in self._context.me.other_devices:
            change += self.given(space, device, self._context.me.member.devices)
        return change

    def _saying(self, space: Space, log_name: str, kind: str, content: Doc) -> Saying:
        return Saying(id=self._context.new_id(), space=space.id, log=log_name, kind=kind, content=content)

    async def _service(self) -> str:
        groups = [group for group in await self._groups.groups() if group.state == MEMBER]
        service = groups[0].service if groups else self._network.default_service
        if not service:
            raise NoOwnService("no service is known")
        return service

    async def follow(self) -> None:
        space = await self.space()
        if space is not None:
            await self._groups.follow(space.service)

    # Giving it to another device of mine

    async def give(self, device: Device, devices: DeviceList) -> Change:
        """Return what a device that is being linked is given: the space, if this one shares."""
        space = await self.space()
        return Change() if space is None or not self.is_on else self.given(space, device, devices)

    def given(self, space: Space, device: Device, devices: DeviceList) -> Change:
        """Return the change that gives another device of mine the space, and says so in its book."""
        content: Doc = {
            "kind": "own",
            "space": space.id,
            "n": space.n,
            "key": space.keys[-1].hex(),
            "first": space.first,
            "reads": {name: at.reads for name, at in space.logs.items()},
            "shelf": {"n": space.logs[SHELF].n, "at": space.logs[SHELF].cursor},
            "generation": space.generation,
        }
        told: Doc = {"kind": "given", "device": device.id, "devices": devices.encode()}
        letter = self._groups.tools.outbox.letter(space.service, device, content)
        return Change(put=(letter, wait(self._saying(space, BOOK, ITEM, told))))

    async def _own(self, service: str, letter: Letter, item: InboxItem) -> Outcome:
        """My other device gives me the space that my devices share."""
        self._require_mine(letter)
        offered = read_own(letter.content, service)
        known = await self.space()
        if known is not None and (known.id == offered.id or not _counts_before(offered, known)):
            return Outcome()
        change = Change(put=(stand(offered),))
        if known is not None:  # whether this device shares is its person's choice, and stays so
            return Outcome(change=change + await self._left(known))
        self.is_on = self.documents.is_noting = True
        return Outcome(change=change + self._setting(True) + await self.documents.note_all())

    async def _left(self, space: Space) -> Change:
        """Return the change that leaves a space for another one: what was told in it is told anew there."""
        said = tuple(Drop(saying.TABLE, one.id) for one in await self._desk.said(space.id))
        drop = (Drop(place.TABLE, space.id), Drop(WORDS, space.id), *said)
        return Change(drop=drop) + await self.documents.anew()

    async def turn_out(self) -> None:
        """A device of mine is in use no longer: it gets nothing new from now on."""
        space = await self.space()
        if space is not None:
            await self._groups.logs(space.service).go_on()
            await self.follow()

    async def logs_to_drop(self, scope: str) -> dict[str, tuple[LogToDrop, ...]]:
        """Return what is to be dropped at its service with my account: the logs of my own space belong to no device
        there. As long as another device of mine goes on, they stay.
        """
        space = await self.space()
        if space is None or (scope != ACCOUNT and self._context.me.other_devices):
            return {}
        logs = list[LogToDrop]()
        for name, at in space.logs.items():
            keeper = await self._residents.keeper(space, name, at.reads)
            if keeper is not None:
                logs.append(LogToDrop(id=space.log_id(name).hex(), capability=space.capability(name), keeper=keeper))
        found = {space.service: tuple(logs)}
        for service, post in await self.housekeeping.signposting.logs_to_drop():
            found[service] = (*found.get(service, ()), post)
        return found

    async def found_anew(self, shut: Space) -> None:
        """Begin another space: a device that is mine no longer has turned this one without me."""
        async with self._context.store.turn(SHARED):
            if self._context.me.member.devices.device(self._context.me.device) is None:
                return
            change = await self._left(shut) + await self._begun(shut.generation + 1)
            await self._context.commit(change)
        await self.follow()

    # Who is there

    def is_somebody_there(self) -> bool:
        """Whether another device of mine was heard lately."""
        now = self._context.clock.monotonic_ms()
        mine = {device.id for device in self._context.me.other_devices}
        return any(now - heard < PRESENT_MS for device, heard in self._heard.items() if device in mine)

    def heard(self, device: str, at_ms: int, service: str) -> None:
        """Another device of mine said something at this time of a service."""
        if self._context.told.now_ms(service) - at_ms < PRESENT_MS:
            if not self.is_somebody_there():
                self.housekeeping.greet()
            self._heard[device] = self._context.clock.monotonic_ms()

    async def say_here(self) -> None:
        """Tell my other devices that this one is open; those that are answer."""
        space = await self.space()
        if space is None or not self.is_on or self._groups.sync_state(space.service) != ONLINE:
            return
        content: Doc = {"kind": "here", "asks": True}
        others = self._context.me.other_devices
        letters = tuple(self._groups.tools.outbox.letter(space.service, device, content) for device in others)
        if letters:
            await self._context.commit(Change(put=letters))
            await self._groups.follow(space.service)

    async def _here(self, service: str, letter: Letter, item: InboxItem) -> Outcome:
        self._require_mine(letter)
        if self._context.told.now_ms(service) - item.at_ms >= PRESENT_MS:
            return Outcome()
        self._heard[letter.sender] = self._context.clock.monotonic_ms()
        device = self._context.me.member.devices.device(letter.sender)
        if letter.content.get("asks") is not True or device is None or not self.is_on:
            return Outcome()
        answer = self._groups.tools.outbox.letter(service, device, {"kind": "here"})
        return Outcome(change=Change(put=(answer,)))

    def _require_mine(self, letter: Letter) -> None:
        if self._context.me.member.devices.device(letter.sender) is None:
            raise MessageRejected("a letter that only a device of mine may write")

    # What a person sees of it

    async def progress(self) -> Progress:
        """Return how far it has come."""
        space = await self.space()
        if space is None or not self.is_on:
            is_decided = await self._context.store.get(SETTINGS, SETTINGS_ID) is not None
            return Progress(is_on=self.is_on, is_decided=is_decided)
        counts = await self._context.store.counts()
        return Progress(
            is_on=True,
            is_decided=True,
            waiting=counts.get(CHANGED, 0) + counts.get(saying.TABLE, 0),
            past=space.logs[SHELF].floor,
            is_offline=self._groups.sync_state(space.service) != ONLINE,
            is_forked=space.is_forked,
        )

    @property
    def bringing(self) -> Bringing:
        """What hangs on pages and is on its way here."""
        return self._files.bringing

    async def shown(self, entry: str) -> Version | None:
        """Return the version that the page itself was made of, or has become since."""
        record = await self.documents.record(JOURNAL, entry)
        return record.history.newest.get(record.here)

    async def beside(self, entry: str) -> tuple[Version, ...]:
        """Return the versions of a page that stand beside the one that is shown as the page."""
        return await self.documents.beside(JOURNAL, entry)

    async def keep(self, entry: str, version: str = "") -> None:
        """Go on with one of the versions of a page. Raises: UsageError, StoreError."""
        await self._journal.save_drafts()
        async with self._context.store.turn(SHARED):
            if (space := await self.space()) is not None:
                await self.documents.keep(space, JOURNAL, entry, version)
        await self.follow()

    async def keep_both(self, entry: str) -> None:
        """Go on with all versions of a page, one below the other. Raises: UsageError, StoreError."""
        await self._journal.save_drafts()
        async with self._context.store.turn(SHARED):
            if (space := await self.space()) is not None:
                await self.documents.keep_both(space, entry)
        await self.follow()

    async def fetch(self, entry: str, attachment: str) -> None:
        """Bring what hangs on a page and is away to this device; see `bringing` for how far it is, and for a rest.

        Raises: SyncError, MessageRejected, StoreError.
        """
        space, page = await self.space(), await self._journal.page(entry)
        one = next((file for file in page.away if file.get("id") == attachment), None) if page is not None else None
        if space is None or one is None:
            return
        brought = await self._files.fetch(space, one)
        if brought is not None:
            await self._journal.bring_in(entry, brought)


def _counts_before(one: Space, other: Space) -> bool:
    """Tell whether one of two spaces of one person counts: the later founded, else the one with the smaller id."""
    return (-one.generation, one.id) < (-other.generation, other.id)


@refused("a space of mine")
def read_own(content: Doc, service: str) -> Space:
    """Return the space that a device of mine gives me. Raises: MessageRejected."""
    n, reads, there = whole(content["n"]), as_object(content["reads"]), as_object(content["shelf"])
    joined = whole(there["at"])
    start = first_of_newest(joined, NEWEST_FIRST)
    shelf = Log(n=whole(there["n"]), reads=whole(reads[SHELF]), cursor=start, floor=start, joined=joined)
    return Space(
        id=as_id(content["space"]),
        kind=OWN,
        service=service,
        keys=(bytes.fromhex(kept(content["key"])),),
        base=n,
        first=kept(content["first"]),
        generation=whole(content["generation"]),
        logs={BOOK: Log(reads=whole(reads[BOOK])), SHELF: shelf},
    )
