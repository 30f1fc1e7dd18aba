"""The way in of one log: each event opened, judged, and turned into what it changes here. Nothing is committed.

An event whose key is not known yet waits; in the book all that follows waits behind it. A turn brings the next key to
those it is for, and the one before to those who came later; then what waits is read in its order.
"""

import base64
import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace

from companion.app.overlay import Overlay
from companion.app.spaces.desk import SAW, Desk, Landed, Residents, Unknown, stand, unsay, wait
from companion.app.spaces.told import told, told_item, told_turn
from companion.errors import CryptoError, MessageRejected
from companion.fields import as_object, each_read, refused, whole
from companion.ports import Change, Doc, Documents, Drop, Put, RelayEvent
from companion.space.book import first_hash
from companion.space.items import Item, cid_of, key_number, open_item
from companion.space.keys import BOOK
from companion.space.order import Seen, is_fork, stretch_start
from companion.space.past import past_keys
from companion.space.place import SHUT, Space
from companion.space.saying import TURN, Saying
from companion.space.turns import Turn, is_next, open_turn
from companion.strings import kept
from companion.wire import SUITE_NOTICE, parse_envelope

log = logging.getLogger(__name__)

FURTHER = "turn"
"""The kind of the item that turns another log after the book."""


def waiting_table(log: str) -> str:
    return f"locked:{log}"


class Reading:
    """One log of one space, from its last commit on: each event is read as if those before it were committed."""

    def __init__(self, desk: Desk, space: Space, name: str) -> None:
        self._desk = desk
        self._residents: Residents = desk.residents[space.kind]
        self._name = name
        self._log = space.log_id(name)
        self._overlay = Overlay(desk.context.store)
        self.space = self._before = space
        self.skipped = 0
        self.settled: list[str] = []
        """Sayings of mine that have come back."""
        self._is_waited: bool | None = None
        self.turned = False
        """A key came: what waits to be said is sealed anew, and what waits in other logs may open now."""

    @property
    def change(self) -> Change:
        """What all of it comes to."""
        return self._overlay.change + Change(put=(stand(self.space),))

    @property
    def has_moved(self) -> bool:
        """Whether anything came of it: what waits for a key that nobody has told waits on, and nothing is written."""
        return self.space != self._before or self._overlay.change != Change()

    async def take(self, event: RelayEvent) -> None:
        """Take in the next event; one that was taken already changes nothing."""
        cursor = self.space.logs[self._name]
        if event.seq <= cursor.cursor:
            return
        self.space = self.space.with_log(self._name, cursor.at(event.seq, event.cid, event.at_ms))
        self._lay(await self._desk.ladder(self._log, self._overlay).with_one(event.seq, event.cid))
        if await self._waits() or not await self._read(event):
            await self._let_wait(event)

    async def take_past(self, events: tuple[RelayEvent, ...]) -> None:
        """Take in what lies before everything that was read: in this log the order does not matter."""
        for event in events:
            self._lay(await self._desk.ladder(self._log, self._overlay).with_one(event.seq, event.cid))
            if not await self._read(event):
                await self._let_wait(event)

    async def go_on(self) -> None:
        """Read what waited for a key, in its order, as far as keys are known now."""
        waiting = await self._overlay.read(waiting_table(self._log.hex()), lambda docs: each_read(docs, _waited))
        ordered = sorted(waiting, key=lambda event: event.seq)
        self._climb_back(ordered)
        self._is_waited = False
        for event in ordered:
            if await self._read(event):
                self._lay(Change(drop=(Drop(waiting_table(self._log.hex()), str(event.seq)),)))
                continue
            self._is_waited = True
            if self._name == BOOK:
                return

    # One event

    async def _read(self, event: RelayEvent) -> bool:
        """Return False if its key, or whoever signed it, is not known yet."""
        before, skipped = self.space, self.skipped
        try:
            with refused("an event of a space"):
                return await self._judged(event)
        except Unknown:
            return False
        except (MessageRejected, CryptoError) as error:
            log.warning("an item was skipped: %s", error)
            self.space, self.skipped = before, skipped + 1
            await self._given_up(event)
            return True

    async def _given_up(self, event: RelayEvent) -> None:
        """What I said counts for nothing where it stands now: whoever knows what it was may let it wait once more."""
        for one in await self._desk.said(self.space.id, self._name):
            if one.body and one.cid == event.cid:
                self._lay(await self._residents.settled(self.space, one, 0, self._overlay))
                self._lay(Change(drop=(unsay(one),)))

    async def _judged(self, event: RelayEvent) -> bool:
        if not event.body:
            return True
        suite, _ = parse_envelope(event.body)
        if suite == SUITE_NOTICE:  # what it erases is emptied by the service, and was never kept here
            return True
        if event.cid != cid_of(event.body):
            raise MessageRejected("an envelope under another id than its own")
        n, is_turn = key_number(event.body)
        key = self.space.key(n)
        if key is None and self._name == BOOK and n != self.space.logs[BOOK].n:  # all before it was read: none follows
            raise MessageRejected("an item of the book under a key that is not in force there")
        if key is None:
            return False
        mine = await self._desk.said(self.space.id, self._name)
        own = next((one for one in mine if one.body and one.cid == event.cid), None)
        if is_turn:
            if not await self._turn(open_turn(key, self._log, event.body), event, mine):
                return False
        else:
            await self._item(key, event)
        if own is None and self._name == BOOK and not is_turn:
            self._lay(Change(put=(told_item(self.space.id, self._name, event, n),)))
        if own is not None:
            self.settled.append(own.id)
            self._lay(Change(put=(told(self._log.hex(), event.seq, own),), drop=(unsay(own),)))
            self._lay(await self._residents.settled(self.space, own, event.seq, self._overlay))
        return True

    async def _item(self, key: bytes, event: RelayEvent) -> None:
        item, at = open_item(key, self._log, event.body), self.space.logs[self._name]
        is_past = event.seq <= at.joined
        if not is_past and not at.n <= item.n <= self.space.n:
            raise MessageRejected("an item under a key that is not in force there")
        if item.content.get("kind") == FURTHER:
            await self._further(item, event, is_past=is_past)
            return
        digest = first_hash(event.body)
        landed = Landed(log=self._name, digest=digest, seq=event.seq, at_ms=event.at_ms, item=item)
        is_forked = self.space.is_forked or await self._is_forked(item)
        self.space, change = await self._residents.take(self.space, landed, self._overlay)
        self.space = replace(self.space, is_forked=is_forked)
        self._lay(change)

    async def _is_forked(self, item: Item) -> bool:
        """Tell whether whoever wrote an item was shown something else than this device, as far as it says."""
        said = item.content.get(SAW)
        for name, value in (as_object(said) if said is not None else {}).items():
            if name in self.space.logs:
                seen, ladder = Seen.from_doc(value), self._desk.ladder(self.space.log_id(name), self._overlay)
                start = stretch_start(seen.seq)
                if is_fork(seen, await self._desk.life(self.space), start, await ladder.cids(start)):
                    return True
        return False

    async def _further(self, item: Item, event: RelayEvent, *, is_past: bool) -> None:
        """Another log follows the book to the next key. In the past it is only noted, for a service that loses it."""
        at = self.space.logs[self._name]
        if self._name == BOOK or (item.n != at.n and not is_past):
            raise MessageRejected("a log that follows out of its place")
        following = self.space.key(item.n + 1)
        if following is None:
            raise Unknown("the book has still to say to which key")
        if not await self._residents.may_lead(self.space, item.signer, item.n + 1, self._overlay):
            raise MessageRejected("a log that follows nobody who may lead it")
        self._lay(Change(put=(told_turn(self.space.id, self._name, event, item.n, following),)))
        if not is_past:
            self.space = self.space.with_log(self._name, replace(at, n=item.n + 1, reads=max(at.reads, item.n + 1)))
            self.turned = True

    async def _turn(self, turn: Turn, event: RelayEvent, mine: tuple[Saying, ...]) -> bool:
        """Return False if the key that it turns to is not known yet."""
        at = self.space.logs[self._name]
        if self._name != BOOK or turn.n != at.n or turn.at >= event.seq:
            raise MessageRejected("a turn out of its place")
        if not await self._residents.may_turn(self.space, turn, event.seq, self._overlay):
            raise MessageRejected("a turn that is not for its signer to make")
        following = self.space.key(turn.n + 1)
        if following is None:
            made_here = (one.key for one in mine if one.kind == TURN and one.key and is_next(turn, one.key))
            following = await self._residents.key_of(self.space, turn, self._overlay) or next(made_here, None)
            if following is None:
                if not await self._residents.is_shut_out(self.space, turn):
                    return False
                self.space = replace(self.space, state=SHUT)
                return True
            self.space = self.space.with_key(following)
        if not is_next(turn, following):
            raise MessageRejected("a turn to another key")
        self.space = self.space.with_log(BOOK, replace(at, n=turn.n + 1, reads=self.space.n))
        self._lay(Change(put=(told_turn(self.space.id, BOOK, event, turn.n, following),)))
        self.turned = True
        self.space, change = await self._residents.turned(self.space, turn, event.seq, self._overlay)
        self._lay(change)
        return True

    # What waits

    async def has_waiting(self) -> bool:
        """Whether something of this log could not be read yet."""
        if self._is_waited is None:
            self._is_waited = bool(await self._overlay.newest(waiting_table(self._log.hex()), 1))
        return self._is_waited

    async def _waits(self) -> bool:
        """Whether something before it has to be read first: the book is judged in its order alone."""
        return self._name == BOOK and await self.has_waiting()

    async def _let_wait(self, event: RelayEvent) -> None:
        table = waiting_table(self._log.hex())
        doc: Doc = {"_id": str(event.seq), "_v": 1, "group": event.group, "seq": event.seq, "cid": event.cid}
        doc |= {"at_ms": event.at_ms, "body": base64.b64encode(event.body).decode()}
        self._lay(Change(put=(Put(table, doc),)))
        self._is_waited = True
        if self._name == BOOK and _turn_number(event.body) == self.space.base - 1:  # it leads to our oldest key
            await self.go_on()

    def _climb_back(self, waiting: Sequence[RelayEvent]) -> None:
        """Find the keys of the past in the turns that wait."""
        if self._name != BOOK or not self.space.base or not waiting or waiting[0].seq != 1:
            return
        found = past_keys(
            self.space.keys[0],
            self.space.base,
            _turns(waiting),
            space=self.space.octets,
            log=self._log,
            first=waiting[0].body,
            known_as=self.space.first,
        )
        if found is not None:
            self.space = self.space.with_past((*found[:-1], *self.space.keys))
            self.turned = True

    # My own

    async def unseal(self) -> None:
        """What was sealed under a key that is over in its log has not landed, as all up to the turn was read: it is
        sealed anew, but for a turn that somebody else has made.
        """
        at = self.space.logs[self._name]
        for one in await self._desk.said(self.space.id, self._name):
            is_over = one.n < at.n if one.body else one.kind == TURN and at.n == self.space.n
            if is_over:
                anew = None if one.kind == TURN else await self._desk.unsealed(self.space, one)
                self._lay(Change(drop=(unsay(one),)) if anew is None else Change(put=(wait(anew),)))
                self._desk.landed.pop(one.id, None)

    def _lay(self, change: Change) -> None:
        self._overlay.take(change)


@refused("an event that waits")
def _waited(doc: Doc) -> RelayEvent:
    return RelayEvent(
        group=kept(doc["group"]),
        seq=whole(doc["seq"]),
        cid=kept(doc["cid"]),
        at_ms=whole(doc["at_ms"]),
        body=base64.b64decode(kept(doc["body"])),
    )


def _turn_number(body: bytes) -> int | None:
    """Return the number of the key that something that looks like a turn turns from."""
    try:
        n, is_turn = key_number(body)
    except MessageRejected:
        return None
    return n if is_turn else None


def _turns(events: Iterable[RelayEvent]) -> dict[int, list[bytes]]:
    found: dict[int, list[bytes]] = {}
    for event in events:
        if (n := _turn_number(event.body)) is not None:
            found.setdefault(n, []).append(event.body)
    return found


async def reached(space: Space, name: str, documents: Documents) -> int:
    """Return the last number of a log up to which nothing waits to be read."""
    table = waiting_table(space.log_id(name).hex())
    waiting = await documents.read(table, lambda docs: [whole(doc["seq"]) for doc in docs])
    return min([space.logs[name].cursor, *(seq - 1 for seq in waiting)])


async def turns_waiting(log: str, documents: Documents) -> dict[int, list[bytes]]:
    """Return what looks like a turn among what waits of a log, by the number of the key that it turns from."""
    return _turns(await documents.read(waiting_table(log), lambda docs: each_read(docs, _waited)))


def first_of_newest(head: int, count: int) -> int:
    """Return where to begin to read the newest `count` of a log: where a stretch begins, so that it has a hash."""
    return max(0, stretch_start(max(1, head - count)) - 1)
