"""What one service's sync loop may do with the logs of spaces there: take what waits, report, hand in events.

Source: docs/protocol.md section 8, "At the service".
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import takewhile

from companion.app.context import SHARED
from companion.app.spaces.desk import SAW, TOGETHER, Desk, Residents, Unknown, stand, unsay, wait
from companion.app.spaces.reading import FURTHER, Reading
from companion.app.spaces.told import TOLD_KEPT, told_of, told_table
from companion.crypto.primitives import signing_public
from companion.errors import CryptoError
from companion.fields import MALFORMED, whole
from companion.ports import Appended, Change, Drop, GroupCursor, Limits, OutboxItem, RelayEvent
from companion.space.items import seal_item
from companion.space.keys import BOOK, KEEP_DAYS, capability
from companion.space.place import CIRCLE, OPEN, SHUT, Space
from companion.space.saying import CREATE, TURN, Saying

log = logging.getLogger(__name__)

NO_LIMITS = Limits(events=0, bytes=0, first=0)


class LogSide:
    """The logs of one service. Events and their cursor are one commit, so an event counts once."""

    def __init__(self, desk: Desk, service: str, wake: Callable[[], Awaitable[None]]) -> None:
        self._desk = desk
        self._context = desk.context
        self._service = service
        self._wake = wake
        self.skipped = 0
        self._is_newly_caught_up = False
        self._offered = set[str]()

    def catch_up(self, is_caught_up: bool) -> None:
        """Everything older of this service was read, or no longer."""
        (self._desk.caught_up.add if is_caught_up else self._desk.caught_up.discard)(self._service)
        self._is_newly_caught_up |= is_caught_up
        if is_caught_up:  # offered again: what has landed and not come back was perhaps lost
            self._desk.landed.clear()

    async def has(self, log_id: str) -> bool:
        """Whether this is a log of a space."""
        return await self._desk.of_log(log_id) is not None

    # Sending

    async def outbox(self) -> tuple[OutboxItem, ...]:
        """Everything that waits for a log of this service and may go now."""
        if self._is_newly_caught_up:
            self._is_newly_caught_up = False
            await self.go_on()
        found: list[OutboxItem] = []
        async with self._context.store.turn(SHARED):
            for space in await self._spaces():
                for name in space.logs:
                    found += await self._of_log(space, name)
        return tuple(found)

    async def _of_log(self, space: Space, name: str) -> list[OutboxItem]:
        waiting = [one for one in await self._desk.said(space.id, name) if one.id not in self._desk.landed]
        creations = [one for one in waiting if one.kind == CREATE]
        if creations:
            return [await self._creation(space, name, creations[0])]
        if self._service not in self._desk.caught_up or space.key(space.logs[name].reads) is None:
            return []
        turns = [one for one in waiting if one.kind == TURN]
        again = takewhile(lambda one: one.is_again, (one for one in waiting if one.is_again or one.kind == TURN))
        going = list(again)[:TOGETHER] or turns[:1] or [one for one in waiting if not one.awaits][:TOGETHER]
        sealed = [one for one in [await self._sealed(space, name, one) for one in going] if one is not None]
        fresh = tuple(wait(one) for one, before in zip(sealed, going, strict=False) if one != before)
        if fresh:  # the same bytes go however often they have to
            await self._context.commit(Change(put=fresh))
        return [await self._item(space, name, one) for one in sealed]

    async def _creation(self, space: Space, name: str, one: Saying) -> OutboxItem:
        return OutboxItem(
            cid=one.id,
            group=space.log_id(name).hex(),
            capability=space.capability(name),
            body=b"",
            keeper=await self._residents(space).keeper(space, name, space.logs[name].reads),
            keep_days=KEEP_DAYS[name],
            limits=None if space.kind == CIRCLE else NO_LIMITS,
        )

    async def _item(self, space: Space, name: str, one: Saying) -> OutboxItem:
        log_id, residents = space.log_id(name), self._residents(space)
        item = OutboxItem(
            cid=one.cid,
            group=log_id.hex(),
            capability=space.capability(name),
            body=one.body,
            erase=one.erase or None,
            blobs=one.blobs,
        )
        following = one.key or space.key(one.n + 1)
        if one.kind != TURN or following is None:
            return item
        return replace(
            item,
            epoch=one.n,
            keeper=await residents.keeper(space, name, one.n),
            next_capability=capability(following, log_id).hex(),
            next_keeper=await residents.next_keeper(space, name, following),
        )

    async def _sealed(self, space: Space, name: str, one: Saying) -> Saying | None:
        """Return it sealed; None for what never can be, which is given up."""
        if one.body:
            return one
        n = space.logs[name].n if one.kind == TURN else space.n
        key, private = space.key(n), await self._residents(space).sign_private(space, one.by)
        try:
            if key is None or private is None:
                raise ValueError("no key")
            content = one.content if one.kind == TURN else {**one.content, SAW: await self._desk.saw(space)}
            return one.sealed(seal_item(key, n, space.log_id(name), private, content), n)
        except (CryptoError, *MALFORMED) as error:
            log.error("something cannot be said: %s", type(error).__name__)
            await self._give_up(space, one)
            return None

    async def mark_sent(self, cid: str, receipt: Appended) -> bool:
        """Take a receipt; return whether it was of something said in a space. It stays until it has come back."""
        found = await self._by_cid(cid)
        if found is None:
            return False
        _, one = found
        if one.kind == CREATE:
            await self._context.commit(Change(drop=(unsay(one),)))
        else:
            self._desk.landed[one.id] = receipt.seq
        return True

    async def mark_refused(self, cid: str, status: int, code: str) -> bool:
        """Take a refusal; return whether it was of something said in a space."""
        found = await self._by_cid(cid)
        if found is None:
            return False
        space, one = found
        log.warning("the service refused something of a space: %d %s", status, code)
        async with self._context.store.turn(SHARED):
            if one.kind == TURN or (one.kind == CREATE and code == "exists"):
                await self._context.commit(Change(drop=(unsay(one),)))  # somebody was first: their turn comes
            elif code == "no-blob" and (anew := await self._desk.unsealed(space, one)) is not None:
                lost = await self._residents(space).lost_files(one.blobs, self._context.store)
                await self._context.commit(lost + Change(put=(wait(replace(anew, awaits=True)),)))
            elif status in (403, 404):  # nothing there opens by it now: it is offered again with the next connection
                self._desk.landed[one.id] = 0
            else:
                await self._give_up(space, one)
        return True

    async def _give_up(self, space: Space, one: Saying) -> None:
        settled = await self._residents(space).settled(space, one, 0, self._context.store)
        await self._context.commit(settled + Change(drop=(unsay(one),)))

    def _residents(self, space: Space) -> Residents:
        return self._desk.residents[space.kind]

    async def _by_cid(self, cid: str) -> tuple[Space, Saying] | None:
        for one in await self._desk.sayings.all():
            if one.cid == cid:
                space = await self._desk.spaces.get(one.space)
                return None if space is None else (space, one)
        return None

    async def _spaces(self) -> tuple[Space, ...]:
        here = [space for space in await self._desk.spaces.all() if space.service == self._service]
        is_open = [space.state == OPEN and await self._residents(space).is_followed(space) for space in here]
        return tuple(space for space, is_so in zip(here, is_open, strict=True) if is_so)

    # Reading

    async def cursors(self) -> tuple[GroupCursor, ...]:
        """Every log of this service that is there already and that we read."""
        found = []
        for space in await self._spaces():
            unmade = {one.log for one in await self._desk.said(space.id) if one.kind == CREATE}
            for name, at in space.logs.items():
                if name not in unmade and space.key(at.reads) is not None:
                    found.append(
                        GroupCursor(
                            group=space.log_id(name).hex(),
                            capability=space.capability(name),
                            since=at.cursor,
                            cid=at.cid,
                            at_ms=at.at_ms,
                        )
                    )
        return tuple(found)

    async def receive(self, events: tuple[RelayEvent, ...]) -> None:
        """Take in events of one log, in one commit."""
        async with self._context.store.turn(SHARED):
            found = await self._desk.of_log(events[0].group)
            if found is None:
                return
            space, name = found
            reading = Reading(self._desk, space, name)
            for event in events:
                await reading.take(event)
            await self._commit(reading)
            if reading.turned or name == BOOK:
                await self._follow_on(space.id)
            has_more = await self._go_on(space.id)
        if reading.turned or has_more:
            await self._wake()

    async def receive_past(self, log_id: str, events: tuple[RelayEvent, ...], floor: int) -> None:
        """Take in what lies before everything that was read of a log; what lies before `floor` is still to come."""
        async with self._context.store.turn(SHARED):
            found = await self._desk.of_log(log_id)
            if found is None:
                return
            space, name = found
            reading = Reading(self._desk, space, name)
            await reading.take_past(events)
            reading.space = reading.space.with_log(name, replace(reading.space.logs[name], floor=floor))
            await self._commit(reading)

    async def _commit(self, reading: Reading) -> None:
        if reading.turned:
            await reading.unseal()
        self.skipped += reading.skipped
        await self._context.commit(reading.change)
        for one in reading.settled:
            self._desk.landed.pop(one, None)

    async def key_came(self, space_id: str) -> None:
        """A key of a space was told elsewhere: read what waited for it."""
        async with self._context.store.turn(SHARED):
            await self._follow_on(space_id)
            has_more = await self._go_on(space_id)
        if has_more:
            await self._wake()

    async def _follow_on(self, space_id: str) -> None:
        """A key came, or news of who is who: read what waited for it in every log. The turn is held."""
        space = await self._desk.spaces.get(space_id)
        for name in () if space is None else tuple(space.logs):
            space = await self._desk.spaces.get(space_id)
            reading = None if space is None else Reading(self._desk, space, name)
            if reading is not None and await reading.has_waiting():
                await reading.go_on()
                if reading.has_moved:
                    await self._commit(reading)

    async def go_on(self) -> None:
        """Everything older was read: do what is still to be done in the spaces of this service."""
        async with self._context.store.turn(SHARED):
            for space in await self._spaces():
                await self._go_on(space.id)

    async def _go_on(self, space_id: str) -> bool:
        """Let the logs follow the book to the newest key, then turn again if that is wanted. The turn is held."""
        space = await self._desk.spaces.get(space_id)
        if space is None or space.state != OPEN or self._service not in self._desk.caught_up:
            return False
        said = await self._desk.said(space.id)
        behind = {name: at for name, at in space.logs.items() if name != BOOK and at.n < space.n}
        if any(one.kind == CREATE for one in said):
            return False
        for name, at in behind.items():
            is_said = any(one.kind == TURN and one.log == name for one in said)
            by = await self._residents(space).turns_as(space, at.n + 1)
            if not is_said and await self._may_follow(space, name, by):
                content: dict[str, object] = {"kind": FURTHER}
                one = Saying(id=self._context.new_id(), space=space.id, log=name, kind=TURN, content=content, by=by)
                await self._context.commit(Change(put=(wait(one),)))
        if behind or any(one.kind == TURN for one in said):
            return bool(behind)
        change = await self._residents(space).next_turn(space)
        if change != Change():
            await self._context.commit(change)
        return change != Change()

    async def _may_follow(self, space: Space, name: str, by: bytes) -> bool:
        """Whether this device has what lets a log follow the book: its keeper, and the one that comes after it; and
        whether the others will believe it.
        """
        n, residents = space.logs[name].n, self._residents(space)
        following, private = space.key(n + 1), await residents.sign_private(space, by)
        if following is None or private is None or await residents.keeper(space, name, n) is None:
            return False
        if await residents.next_keeper(space, name, following) is None:
            return False
        try:
            return await residents.may_lead(space, signing_public(private), n + 1, self._context.store)
        except Unknown:  # the service has lost the turn, which comes back
            return False

    # When the service is another one than was read

    async def trail(self, log_id: str) -> tuple[GroupCursor, ...]:
        """Places of a log up to our cursor: every one whose cid is known here."""
        found = await self._desk.of_log(log_id)
        if found is None:
            return ()
        space, name = found
        at, opens = space.logs[name], space.capability(name)
        ladder, start = self._desk.ladder(space.log_id(name), self._context.store), max(0, at.cursor - TOLD_KEPT)
        places = [GroupCursor(group=log_id, capability=opens, since=start)]
        for seq in range(start + 1, at.cursor + 1):
            cid = await ladder.cid(seq)
            if cid:
                places.append(GroupCursor(group=log_id, capability=opens, since=seq, cid=cid))
        return tuple(places)

    async def unknown(self, log_id: str) -> None:
        """The service knows neither this log nor our capability: it is offered again, once in a while."""
        found = await self._desk.of_log(log_id)
        if found is None or log_id in self._offered or found[0].key(found[0].logs[found[1]].reads) is None:
            return
        space, name = found
        self._offered.add(log_id)
        made = Saying(id=self._context.new_id(), space=space.id, log=name, kind=CREATE, content={})
        await self._context.commit(Change(put=(wait(made),)))

    async def removed(self, log_id: str) -> None:
        """Another capability is in force, and nothing that was read says which: whoever did that has shut us out."""
        async with self._context.store.turn(SHARED):
            found = await self._desk.of_log(log_id)
            if found is None or await Reading(self._desk, *found).has_waiting():  # its key may still come
                return
            await self._context.commit(Change(put=(stand(replace(found[0], state=SHUT)),)))

    async def restored(self, log_id: str, head: int) -> None:
        """Offer again what of a log stood after `head`, under the same cids: every turn, and what this device said."""
        async with self._context.store.turn(SHARED):
            found = await self._desk.of_log(log_id)
            if found is None:
                return
            space, name = found
            at, ladder = space.logs[name], self._desk.ladder(space.log_id(name), self._context.store)
            head = min(head, at.cursor)
            stood = await told_of(self._context.store, log_id)
            again = [one for seq, one in stood if seq > head]
            said = {one.id: one for one in await self._desk.said(space.id, name)}
            turned = sum(one.kind == TURN and one.id not in said for one in again)
            back = at.at(head, await ladder.cid(head) if head else "")
            back = replace(back, n=max(0, at.n - turned), reads=max(0, at.reads - turned))
            back = replace(back, floor=min(head, at.floor), joined=min(head, at.joined))
            change = await ladder.cut(head, at.cursor) + await self._residents(space).cut(space, name, head)
            fresh = said.keys() - {one.id for _, one in stood}
            turns = [said[id] for id in fresh if said[id].kind == TURN]  # they go by a log that is over
            change += Change(drop=tuple(unsay(one) for one in turns))
            if head == 0:
                made = Saying(id=self._context.new_id(), space=space.id, log=name, kind=CREATE, content={})
                change += Change(put=(wait(made),))
            change += Change(put=(*(wait(one) for one in again), stand(space.with_log(name, back))))
            await self._context.commit(change)
            for one in again:
                self._desk.landed.pop(one.id, None)

    async def trim(self) -> None:
        """Keep only the newest of what could be offered again."""
        for space in await self._spaces():
            for name in space.logs:
                table = told_table(space.log_id(name).hex())
                docs = await self._context.store.all(table)
                old = sorted(docs, key=lambda doc: whole(doc["seq"]))[:-TOLD_KEPT]
                if old:
                    await self._context.commit(Change(drop=tuple(Drop(table, str(doc["_id"])) for doc in old)))
