"""One sync service in memory, and the network that a person on fakes has. It keeps the rules of the real one."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from companion.crypto.primitives import sha256
from companion.errors import InviteUnknown, InviteUsed, Offline, RelayRefused
from companion.farewells import Farewell
from companion.ports import Appended, ClaimedKeyPackage, InboxItem, Limits, OutboxItem, Relay, RelayEvent, SyncSide
from companion.wire import format_notice


class FakeRelay:
    """One service for any number of people. It answers nothing while `is_online` is False.

    A group's log is read with the capability that is in force at the reader's place, and appended to with the newest.
    """

    def __init__(self, clock: Any) -> None:
        self.clock = clock
        self.is_online = True
        self.life = "1f" * 16
        self.logs: dict[str, list[RelayEvent]] = {}
        self.invites: dict[str, tuple[bytes, bool]] = {}
        self.inboxes: dict[str, list[InboxItem]] = {}
        self.packages: dict[str, list[bytes]] = {}
        self.last_resorts: dict[str, bytes] = {}
        self.epochs: dict[str, int] = {}
        self.capabilities: dict[str, list[tuple[int, str]]] = {}
        self.keepers: dict[str, str] = {}
        self.erasable: dict[tuple[str, str], str] = {}
        self.erased: dict[str, set[str]] = {}
        self.blobs: dict[str, bytes] = {}
        self.keep_days: dict[str, int | None] = {}
        self.farewells: list[Farewell] = []
        self.refuses_farewells: RelayRefused | None = None

    async def create_group(
        self,
        group: str,
        capability: str,
        *,
        keeper: str | None = None,
        keep_days: int | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._answer()
        if group in self.logs:
            if (self.capabilities[group][-1][1], self.keepers.get(group)) != (capability, keeper):
                raise RelayRefused(409, "exists")
            return
        self.logs[group] = []
        self.keep_days[group] = keep_days
        self.capabilities[group] = [(0, capability)]
        if keeper is not None:
            self.keepers[group] = keeper

    async def keep_for(self, group: str, capability: str, days: int, *, keeper: str | None = None) -> None:
        self._opened(group, capability)
        if self.keepers.get(group) != keeper:
            raise RelayRefused(403, "keeper")

    async def set_limits(self, group: str, capability: str, keeper: str, limits: Limits) -> None:
        self._kept(group, capability, keeper)

    async def empty(self, group: str, capability: str, keeper: str, seqs: tuple[int, ...]) -> None:
        self._kept(group, capability, keeper)
        self.logs[group] = [replace(e, body=b"") if e.seq in seqs else e for e in self.logs[group]]

    async def drop_group(self, group: str, capability: str, keeper: str) -> None:
        self._kept(group, capability, keeper)
        for kept in (self.logs, self.capabilities, self.keepers, self.epochs, self.erased):
            kept.pop(group, None)  # type: ignore[attr-defined]  # five dicts

    async def erase(self, group: str, secret: bytes, capability: str | None = None) -> None:
        """Empty what names the hash of this secret, and put the notice into the log, once."""
        self._answer()
        log, name = self.logs.get(group), sha256(secret).hex()
        if log is not None and name in self.erased.get(group, ()):
            return
        named = {cid for (where, cid), erase in self.erasable.items() if where == group and erase == name}
        if log is None or not (named or capability == self.capabilities[group][-1][1]):
            raise RelayRefused(404, "unknown")
        log[:] = [replace(event, body=b"") if event.cid in named else event for event in log]
        self.erased.setdefault(group, set()).add(name)
        body = format_notice(secret)
        cid = sha256(body)[:16].hex()
        log.append(RelayEvent(group=group, seq=len(log) + 1, cid=cid, at_ms=self.clock.now_ms(), body=body))

    def _opened(self, group: str, capability: str) -> None:
        self._answer()
        if group not in self.logs or self.capabilities[group][-1][1] != capability:
            raise RelayRefused(404, "unknown")

    def _kept(self, group: str, capability: str, keeper: str) -> None:
        self._opened(group, capability)
        if group not in self.keepers:
            raise RelayRefused(404, "unknown")
        if self.keepers[group] != keeper:
            raise RelayRefused(403, "keeper")

    def time_ms(self) -> int:
        return self.clock.now_ms()

    async def put_invite(self, id: str, body: bytes, expires_ms: int) -> None:
        self._answer()
        self.invites[id] = (body, False)

    async def get_invite(self, id: str) -> bytes:
        self._answer()
        if id not in self.invites:
            raise InviteUnknown(id)
        body, is_used = self.invites[id]
        if is_used:
            raise InviteUsed(id)
        return body

    async def claim_invite(self, id: str) -> bytes:
        body = await self.get_invite(id)
        self.invites[id] = (body, True)
        return body

    async def put_blob(self, id: str, size: int, read: Callable[[int, int], Awaitable[bytes]]) -> None:
        self._answer()
        self.blobs.setdefault(id, await read(0, size))

    async def get_blob(self, id: str, offset: int, length: int) -> bytes:
        self._answer()
        return self.blobs[id][offset : offset + length]

    def append(self, item: OutboxItem) -> Appended:
        """Raises: RelayRefused as the service does."""
        log = self.logs.get(item.group)
        if log is None:
            raise RelayRefused(404, "unknown")
        known = next((event for event in log if event.cid == item.cid), None)
        if known is not None:
            if not known.body and self.erasable.get((item.group, item.cid)) in self.erased.get(item.group, ()):
                raise RelayRefused(410, "erased")
            if known.body not in (item.body, b""):
                raise RelayRefused(409, "other-bytes")
            return Appended(seq=known.seq, at_ms=known.at_ms)
        if all(capability != item.capability for _, capability in self.capabilities[item.group]):
            raise RelayRefused(404, "unknown")
        if item.epoch is not None and item.epoch != self.epochs.get(item.group, 0):
            raise RelayRefused(409, "epoch")
        if self.capabilities[item.group][-1][1] != item.capability:
            raise RelayRefused(409, "rotated")
        keeper = self.keepers.get(item.group)
        if keeper is None and (item.keeper or item.next_keeper):
            raise RelayRefused(400, "bad-request")
        if keeper is not None and item.epoch is not None and item.keeper != keeper:
            raise RelayRefused(403, "keeper")
        if item.erase is not None and item.erase in self.erased.get(item.group, ()):
            raise RelayRefused(410, "erased")
        return self._appended(item, log)

    def _appended(self, item: OutboxItem, log: list[RelayEvent]) -> Appended:
        event = RelayEvent(group=item.group, seq=len(log) + 1, cid=item.cid, at_ms=self.clock.now_ms(), body=item.body)
        log.append(event)
        if item.epoch is not None:
            self.epochs[item.group] = item.epoch + 1
        if item.next_capability is not None:
            self.capabilities[item.group].append((event.seq, item.next_capability))
        if item.next_keeper is not None:
            self.keepers[item.group] = item.next_keeper
        if item.erase is not None:
            self.erasable[item.group, item.cid] = item.erase
        return Appended(seq=event.seq, at_ms=event.at_ms)

    def readable(self, group: str, capability: str, since: int) -> list[RelayEvent]:
        """What a reader with this capability gets from its place on: up to the event that replaced it."""
        steps = self.capabilities.get(group, [])
        place = next((n for n, (_, known) in enumerate(steps) if known == capability), None)
        if place is None:
            return []
        end = steps[place + 1][0] if place + 1 < len(steps) else len(self.logs[group])
        return self.logs[group][since:end]

    async def events(self, group: str, capability: str, since: int, limit: int = 500) -> tuple[RelayEvent, ...]:
        self._answer()
        if all(capability != known for _, known in self.capabilities.get(group, [])):
            raise RelayRefused(404, "unknown")
        return tuple(self.readable(group, capability, since)[:limit])

    # Devices

    async def post_to_inbox(self, device: str, cid: str, body: bytes) -> None:
        self._answer()
        inbox = self.inboxes.setdefault(device, [])
        if all(item.cid != cid for item in inbox):
            inbox.append(InboxItem(seq=len(inbox) + 1, cid=cid, at_ms=self.clock.now_ms(), body=body))

    async def publish_key_packages(self, one_time: tuple[bytes, ...], last_resort: bytes | None) -> int:
        raise NotImplementedError("the relay of one device: see FakeDeviceRelay")

    async def join_account(self, account: str) -> None:
        self._answer()

    async def revoke_device(self, device: str) -> None:
        self._answer()
        for kept in (self.packages, self.last_resorts, self.inboxes):
            kept.pop(device, None)  # type: ignore[attr-defined]  # three dicts

    async def key_packages_left(self) -> int:
        raise NotImplementedError("the relay of one device: see FakeDeviceRelay")

    async def claim_key_package(self, device: str) -> ClaimedKeyPackage:
        self._answer()
        if self.packages.get(device):
            return ClaimedKeyPackage(body=self.packages[device].pop(0), is_last_resort=False)
        if device not in self.last_resorts:
            raise RelayRefused(404, "unknown")
        return ClaimedKeyPackage(body=self.last_resorts[device], is_last_resort=True)

    def farewell(self, farewell: Farewell) -> None:
        self._answer()
        if self.refuses_farewells is not None:
            raise self.refuses_farewells
        self.farewells.append(farewell)

    def _answer(self) -> None:
        if not self.is_online:
            raise Offline("no answer")


class FakeDeviceRelay:
    """The service as one device sees it."""

    def __init__(self, relay: FakeRelay, device: str) -> None:
        self._relay, self._device = relay, device

    def __getattr__(self, name: str) -> Any:
        return getattr(self._relay, name)

    async def append(self, group: str, capability: str, cid: str, body: bytes) -> Appended:
        self._relay._answer()
        return self._relay.append(OutboxItem(cid=cid, group=group, capability=capability, body=body))

    async def publish_key_packages(self, one_time: tuple[bytes, ...], last_resort: bytes | None) -> int:
        self._relay._answer()
        self._relay.packages.setdefault(self._device, []).extend(one_time)
        if last_resort is not None:
            self._relay.last_resorts[self._device] = last_resort
        return len(self._relay.packages[self._device])

    async def key_packages_left(self) -> int:
        self._relay._answer()
        return len(self._relay.packages.get(self._device, []))


class FakeNetwork:
    """Sends and receives only when `exchange` is called."""

    def __init__(self, relay: FakeRelay, calls: list[Any]) -> None:
        self.default_service = "local"
        self._relay = relay
        self._device = ""
        self.calls = calls
        self.sides: dict[str, SyncSide] = {}

    async def open(self, device: str, sign_private: bytes) -> None:
        self._device = device
        self.calls.append("network opened")

    async def relay(self, service: str) -> Relay:
        return FakeDeviceRelay(self._relay, self._device)  # type: ignore[return-value]  # the rest is handed on

    async def follow(self, service: str, side: SyncSide) -> None:
        self.sides[service] = side

    async def hand_over(
        self, job: Callable[[], Awaitable[None]], busy: Callable[[], Awaitable[frozenset[str]]], patience_s: float
    ) -> None:
        await job()
        if await busy():
            await self.exchange()

    async def close(self) -> None:
        self.sides.clear()
        self.calls.append("network closed")

    async def farewells(
        self, services: Iterable[str], device: str, sign_private: bytes, scope: str, logs: Any = MappingProxyType({})
    ) -> tuple[Farewell, ...]:
        made = (Farewell(service=s, device=device, scope=scope, signature=bytes(64)) for s in sorted(services))
        return tuple(replace(one, logs=logs.get(one.service, ())) for one in made)

    async def bring(self, farewell: Farewell) -> None:
        self._relay.farewell(farewell)

    async def exchange(self) -> None:
        """Take in everything new, hand over the outbox, and take in what that brought, once."""
        for side in list(self.sides.values()):
            if not self._relay.is_online:
                side.set_sync_state("waiting")
                continue
            if await side.incarnation() != self._relay.life:
                await side.set_incarnation(self._relay.life)
            await side.connected()
            await self._read(side)
            side.set_sync_state("online")
            await self._send(side)
            await self._read(side)

    async def _send(self, side: SyncSide) -> None:
        rotated: set[tuple[str, str]] = set()
        for item in await side.outbox():
            if item.epoch is None and (item.group, item.capability) in rotated:
                continue
            try:
                receipt = await self._deliver(item)
            except RelayRefused as refusal:
                if refusal.reason == "rotated":
                    rotated.add((item.group, item.capability))
                    continue
                await side.mark_refused(item.cid, refusal.status, refusal.reason)
            else:
                await side.mark_sent(item.cid, receipt)

    async def _deliver(self, item: OutboxItem) -> Appended:
        if item.device is not None:
            await self._relay.post_to_inbox(item.device, item.cid, item.body)
        elif item.body:
            return self._relay.append(item)
        else:
            await self._relay.create_group(
                item.group, item.capability, keeper=item.keeper, keep_days=item.keep_days, limits=item.limits
            )
        return Appended(seq=0, at_ms=0)

    async def _read(self, side: SyncSide) -> None:
        for item in self._relay.inboxes.get(self._device, [])[await side.inbox_cursor() :]:
            await side.receive_inbox(item)
        is_new = True
        while is_new:
            is_new = False
            for cursor in await side.cursors():
                events = self._relay.readable(cursor.group, cursor.capability, cursor.since)
                if events:
                    await side.receive(tuple(events))
                is_new = is_new or bool(events)
