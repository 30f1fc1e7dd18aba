"""Asking to be let in, and asking again: a request may be lost on its way, and so may the welcome.

A document for each group says what was asked when, until an answer has come. Callers hold the turn of `KeyStates`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from companion.app.groups.key_states import leaf_of
from companion.app.groups.tools import Tools, stand
from companion.devices import Device
from companion.fields import each_read, refused, whole
from companion.groups import DECLINED, JOINING, REJOINING, Group
from companion.inviting import request_content
from companion.outgoing import LETTER
from companion.ports import Change, Doc, Drop, Put
from companion.strings import kept
from companion.times import DAY_MS, HOUR_MS, MINUTE_MS
from companion.wire import InviteCode

TABLE = "asked"
AGAIN_MS = (10 * MINUTE_MS, HOUR_MS, 6 * HOUR_MS, DAY_MS)
"""How long an answer is waited for, the first time and each further one. Who has to let in may be away for days."""
ASKED_DEVICES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What this device asked of a group. `code` and `device` are of the invite it came by, and of who made it; empty
    where it asks to be let back in, or in beside another device of mine.
    """

    group: str
    at_ms: int
    code: str = ""
    device: str = ""
    times: int = 1

    @property
    def due_ms(self) -> int:
        return self.at_ms + AGAIN_MS[min(self.times, len(AGAIN_MS)) - 1]

    def put(self) -> Put:
        doc: Doc = {"_id": self.group, "_v": 1, "at_ms": self.at_ms, "code": self.code, "device": self.device}
        return Put(TABLE, {**doc, "times": self.times})

    @classmethod
    @refused("what was asked")
    def from_doc(cls, doc: Doc) -> "Asked":
        return cls(
            group=kept(doc["_id"]),
            at_ms=whole(doc["at_ms"]),
            code=kept(doc["code"]),
            device=kept(doc["device"]),
            times=max(1, whole(doc["times"])),
        )


class Asking:
    """Asks again, ever more seldom, where no answer has come."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._context = tools.context

    async def is_asked(self, group: Group, code: InviteCode) -> bool:
        """Whether this very invite was used already, and an answer is waited for."""
        doc = await self._context.store.get(TABLE, group.id)
        return group.state == JOINING and doc is not None and doc["code"] == code.code

    async def left_ms(self) -> int:
        """Return how long nothing has to be asked, at most a day."""
        return min([DAY_MS, *[self._left_ms(asked) for asked in await self._all()]])

    async def again(self, is_online: Callable[[str], bool]) -> frozenset[str]:
        """Ask again what is due, at services that have told all they have; return those that something waits for."""
        asked_at = set[str]()
        for asked in await self._all():
            with self._tools.aside.holding(asked.group):
                if (service := await self._again(asked, is_online)) is not None:
                    asked_at.add(service)
        return frozenset(asked_at)

    async def _again(self, asked: Asked, is_online: Callable[[str], bool]) -> str | None:
        group = await self._tools.group(asked.group)
        if group is None or group.state not in (JOINING, REJOINING):
            await self._context.commit(Change(drop=(Drop(TABLE, asked.group),)))
            return None
        if self._left_ms(asked):
            return None
        self._context.timers.forget(_timer(asked))
        later = replace(asked, at_ms=self._context.clock.now_ms(), times=asked.times + 1)
        if not is_online(group.service) or await self._has_letters(group.service):
            later = replace(later, times=1)  # it never got there, or its answer was not read yet
            await self._context.commit(Change(put=(later.put(),)))
            return None
        await self._context.commit(await self._asking(group, asked) + Change(put=(later.put(),)))
        return group.service

    async def _all(self) -> tuple[Asked, ...]:
        return each_read(await self._context.store.all(TABLE), Asked.from_doc)

    def _left_ms(self, asked: Asked) -> int:
        return self._context.timers.left_ms(_timer(asked), asked.at_ms, asked.due_ms)

    async def _has_letters(self, service: str) -> bool:
        return any(item.kind == LETTER and item.service == service for item in await self._tools.outbox.all())

    async def _asking(self, group: Group, asked: Asked) -> Change:
        if group.state == REJOINING or not asked.code:
            return await rejoin_change(self._tools, group)
        me = self._context.me
        to = group.seats[0].member.devices.device(asked.device)
        if to is None:
            return Change()
        package, message = self._tools.key_states.make_package(group.service)
        code = InviteCode(code=asked.code, service=group.service)
        content = request_content(code, group.id, me, {me.device: message})
        return Change(put=(package, self._tools.outbox.letter(group.service, to, content)))


async def nobody_there(tools: Tools, device: str) -> Change:
    """Return what it means that a device is no longer at the service: the invites that it made let nobody in."""
    change = Change()
    for asked in each_read(await tools.context.store.all(TABLE), Asked.from_doc):
        group = await tools.group(asked.group)
        if asked.device == device and group is not None and group.state == JOINING:
            change += Change(put=(stand(replace(group, state=DECLINED)),), drop=(Drop(TABLE, asked.group),))
    return change


def _timer(asked: Asked) -> str:
    return f"asked:{asked.group}"


def asking_content(tools: Tools, group: Group) -> tuple[Put, dict[str, object]]:
    """Return what a device that belongs into a group asks with, and the key package to keep for it."""
    package, message = tools.key_states.make_package(group.service)
    me = tools.context.me.member.to_doc()
    return package, {"kind": "rejoin", "group": group.id, "member": me, "package": message.hex()}


async def rejoin_change(tools: Tools, group: Group) -> Change:
    """Return the change with which this device, which lost its place, asks others in the group to let it back in.

    My own other devices are asked first, then those who look after the group, then others, eight in all. A device that
    was never in asks my own only: the others know nothing of it.
    """
    me = tools.context.me
    key_state = await tools.key_states.of(group.id)
    own = me.other_devices
    peers: list[Device] = []
    if group.state != JOINING:
        carers = [s.member for s in group.seats if s.member.person in group.administrators]
        others = [s.member for s in group.seats if s.member.person not in group.administrators]
        peers = [d for m in (*carers, *others) if m.person != me.member.person for d in m.devices.active]
    in_group = [d for d in (*own, *peers) if key_state is None or leaf_of(key_state.keys, d.id) is not None]
    package, content = asking_content(tools, group)
    letters = tuple(tools.outbox.letter(group.service, device, content) for device in in_group[:ASKED_DEVICES])
    if group.state == JOINING:
        return Change(put=(package, *letters))
    asked = Asked(group=group.id, at_ms=tools.context.clock.now_ms())
    return Change(put=(package, stand(replace(group, state=REJOINING, astray=0)), *letters, asked.put()))
