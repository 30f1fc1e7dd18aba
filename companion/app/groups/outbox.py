"""The way out: contents sealed for a group, letters sealed for one device, and what the service said to them.

Whoever calls a method that touches keys holds the turn of `KeyStates`.
"""

import json
import logging
from dataclasses import replace

from companion import outgoing
from companion.app.cached import Cached
from companion.app.context import Context
from companion.app.groups.key_states import KeyState, KeyStates
from companion.devices import Device
from companion.errors import CryptoError
from companion.fields import MALFORMED
from companion.groups import SEALING, Group
from companion.letters import seal_letter
from companion.mls import group as mls
from companion.outgoing import COMMIT, CONTENT, CREATE, LETTER, PROPOSAL, Outgoing, is_membership
from companion.pairs import KEEP_DAYS
from companion.ports import Change, Drop, OutboxItem, Put
from companion.wire import SUITE_MLS, format_envelope

log = logging.getLogger(__name__)


class Outbox:
    """The outbox. What waits for a change of keys is sealed again after it."""

    def __init__(self, context: Context, key_states: KeyStates) -> None:
        self._context = context
        self._key_states = key_states
        self._items = Cached(context, outgoing.TABLE, Outgoing.from_doc)
        self._landed: dict[str, str] = {}  # by cid: the service that has it
        self._held: dict[str, str] = {}
        self._caught_up: set[str] = set()
        context.after_commit.append(self._hear)

    def _hear(self, change: Change) -> None:
        """What is settled is forgotten after its commit: before, it would look for a moment as if it had not gone."""
        for drop in change.drop:
            if drop.table == outgoing.TABLE:
                self.forget(drop.id)

    def catch_up(self, service: str, is_caught_up: bool) -> None:
        """Everything older of a service was read, or no longer: nothing is sealed before, as this state may be old."""
        (self._caught_up.add if is_caught_up else self._caught_up.discard)(service)

    def is_caught_up(self, service: str) -> bool:
        return service in self._caught_up

    # Putting in

    def creation(self, group: Group) -> Put:
        item = Outgoing(cid=self._context.new_id(), service=group.service, kind=CREATE, group=group.id)
        return Put(outgoing.TABLE, replace(item, capability=group.capability).to_doc())

    def letter(self, service: str, to: Device, content: dict[str, object]) -> Put:
        """Return the document of a letter to one device."""
        cid = self._context.new_id()
        body = seal_letter(self._context.me.sign_private, to, content, cid=cid)
        return Put(outgoing.TABLE, Outgoing(cid=cid, service=service, kind=LETTER, device=to.id, body=body).to_doc())

    def content(
        self,
        group: Group,
        key_state: KeyState,
        content: dict[str, object],
        *,
        message: str = "",
        blobs: tuple[str, ...] = (),
        due_ms: int = 0,
    ) -> tuple[KeyState, Put]:
        """Return the keys after sealing, to be committed with the document of the content."""
        item = Outgoing(
            cid=self._context.new_id(),
            service=group.service,
            kind=CONTENT,
            group=group.id,
            content=content,
            message=message,
            blobs=blobs,
            due_ms=due_ms,
        )
        key_state, item = self._sealed(group, key_state, item)
        return key_state, Put(outgoing.TABLE, item.to_doc())

    def _sealed(self, group: Group, key_state: KeyState, item: Outgoing) -> tuple[KeyState, Outgoing]:
        is_ready = self.is_caught_up(group.service) and key_state.pending is None and not key_state.keys.proposals
        is_for_nobody = group.is_alone and not is_membership(item.content)  # only the other one of the pair may read it
        if not is_ready or is_for_nobody or item.content is None:
            return key_state, item.sealed(b"", key_state.keys.epoch)
        said = json.dumps(item.content, ensure_ascii=False).encode()
        environment = self._key_states.environment(group.known, self._context.told.now_ms(group.service))
        keys, message = mls.protect(key_state.keys, said, environment)
        return replace(key_state, keys=keys), item.sealed(format_envelope(SUITE_MLS, message), keys.epoch)

    async def reseal(self, group: Group, key_state: KeyState) -> tuple[Outgoing, ...]:
        """Seal again what was sealed for an epoch that is over, and drop proposals that were.

        While somebody's proposal waits, nothing is sealed: who asked to leave should read no more.
        Returns what cannot be sealed at all: it keeps no other from being sealed.
        """
        change, changed, bad = Change(), key_state, list[Outgoing]()
        for item in await self.of_group(group.id):
            if item.is_fixed or item.kind not in (CONTENT, PROPOSAL):
                continue
            if item.kind == PROPOSAL:
                if item.epoch != key_state.keys.epoch:
                    change += Change(drop=(Drop(outgoing.TABLE, item.cid),))
            elif item.epoch != key_state.keys.epoch or not item.body or key_state.keys.proposals:
                try:
                    changed, sealed = self._sealed(group, changed, item)
                except (CryptoError, *MALFORMED) as error:
                    log.error("something cannot be sealed: %s", type(error).__name__)
                    bad.append(item)
                    continue
                if sealed.body or item.body:
                    change += Change(put=(Put(outgoing.TABLE, sealed.to_doc()),))
        if change.put or change.drop:
            await self._key_states.commit(change, changed)
        return tuple(bad)

    # Taking out

    async def item(self, cid: str) -> Outgoing | None:
        return await self._items.get(cid)

    async def all(self) -> tuple[Outgoing, ...]:
        return await self._items.all()

    async def of_group(self, group: str) -> tuple[Outgoing, ...]:
        return tuple(item for item in await self.all() if item.group == group)

    async def items(self, service: str, groups: dict[str, Group]) -> tuple[OutboxItem, ...]:
        """Return what may go now, oldest first.

        Contents wait until everything older was read: an envelope in keys that are long over would open nowhere. They
        wait for new keys where this device asked to be let in anew: nobody opens what was sealed in those it has.
        """
        now_ms, is_caught_up = self._context.clock.now_ms(), self.is_caught_up(service)
        found = []
        waiting = sorted(await self.all(), key=lambda item: (not item.is_fixed, item.place))
        for item in waiting:  # what went before goes before what is new, in its order
            group = groups.get(item.group)
            if item.service != service or item.cid in self._landed or item.due_ms > now_ms:
                continue
            if item.kind == LETTER:
                found.append(OutboxItem(cid=item.cid, group="", capability="", body=item.body, device=item.device))
                continue
            if group is None or self._held.get(item.cid) == group.capability:
                continue
            is_ready = item.kind == CREATE or (is_caught_up and bool(item.body) and _has_keys(item, group))
            if is_ready:
                found.append(_group_item(item, group))
        return tuple(found)

    async def unsent(self) -> tuple[Outgoing, ...]:
        """Return what no service has taken yet, of all that may go by now."""
        now_ms = self._context.clock.now_ms()
        return tuple(item for item in await self.all() if item.cid not in self._landed and item.due_ms <= now_ms)

    def landed(self, cid: str, service: str) -> None:
        """The service has it; it is settled when it comes in the order of the group."""
        self._landed[cid] = service

    def hold(self, cid: str, capability: str) -> None:
        """Do not offer it again until the group has another capability."""
        self._held[cid] = capability

    def release(self, service: str) -> None:
        """Offer again what was held, and what has landed and not come back: everything of this service was read."""
        self._held.clear()
        self._landed = {cid: where for cid, where in self._landed.items() if where != service}

    def forget(self, cid: str) -> None:
        self._landed.pop(cid, None)
        self._held.pop(cid, None)


def _has_keys(item: Outgoing, group: Group) -> bool:
    return item.is_fixed or group.state in SEALING


def _group_item(item: Outgoing, group: Group) -> OutboxItem:
    is_own_capability = item.kind in (COMMIT, CREATE) and item.is_fixed
    return OutboxItem(
        cid=item.cid,
        group=item.group,
        capability=item.capability if is_own_capability or item.kind == CREATE else group.capability,
        body=item.body,
        epoch=item.epoch if item.kind == COMMIT else None,
        next_capability=item.next_capability or None,
        blobs=item.blobs,
        keep_days=KEEP_DAYS if item.kind == CREATE and group.is_pair else None,
    )
