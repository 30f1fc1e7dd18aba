"""The ports in memory. Every fake writes what was asked of it to one shared list, `calls`.

`Desk` is one person's app on such fakes; two desks on one `FakeRelay` exchange envelopes when `deliver` is called.
"""

import itertools
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from companion.app import Companion
from companion.app.companion import Ports
from companion.consent import Use, Wording
from companion.errors import InviteUnknown, InviteUsed, MicrophoneUnavailable, Offline, StoreBusy, StoreError, WrongKey
from companion.ports import Appended, Change, Doc, Relay, RelayEvent, SyncSide
from companion.unlocking import Attempts
from views.state import ViewState, Window
from views.texts import Texts, load_texts

ASSETS = Path(__file__).parents[1] / "assets"
NOW_MS = 1_796_000_000_000
PASSPHRASE = "green chair by the window"

WORDING = Wording(
    version=1,
    uses=(
        Use(id="record", title="Record my voice on this device", detail="Needed to begin."),
        Use(id="themes", title="Count my story in themes and the report", detail="As a number among others."),
    ),
)


class FakeClock:
    """Stands still until it is moved. `minute` is local, `day` ISO 8601."""

    def __init__(self, now_ms: int = NOW_MS, minute: int = 10 * 60, day: str = "2026-11-30") -> None:
        self.ms, self.minute, self.day = now_ms, minute, day

    def now_ms(self) -> int:
        return self.ms

    def today(self) -> str:
        return self.day

    def local_minute(self) -> int:
        return self.minute

    def move(self, ms: int) -> None:
        self.ms += ms


class FakeStore:
    """Documents by table, in the order of their first commit."""

    def __init__(self, calls: list[Any]) -> None:
        self.tables: dict[str, dict[str, Doc]] = {}
        self.calls = calls
        self.is_open = True
        self.fails = False

    async def commit(self, change: Change) -> None:
        self._check()
        if self.fails:
            raise StoreError("the disk is full")
        for put in change.put:
            self.tables.setdefault(put.table, {})[str(put.doc["_id"])] = dict(put.doc)
        for drop in change.drop:
            self.tables.get(drop.table, {}).pop(drop.id, None)
        self.calls.append(("commit", tuple(put.table for put in change.put)))

    async def get(self, table: str, id: str) -> Doc | None:
        self._check()
        doc = self.tables.get(table, {}).get(id)
        return None if doc is None else dict(doc)

    async def all(self, table: str) -> tuple[Doc, ...]:
        self._check()
        return tuple(dict(doc) for doc in self.tables.get(table, {}).values())

    async def newest(self, table: str, limit: int, before: str | None = None) -> tuple[Doc, ...]:
        docs = list(await self.all(table))
        if before is not None:
            docs = list(itertools.takewhile(lambda doc: doc["_id"] != before, docs))
        return tuple(reversed(docs[-limit:]))

    async def close(self) -> None:
        self.is_open = False
        self.calls.append("store closed")

    def _check(self) -> None:
        if not self.is_open:
            raise StoreError("locked")


class FakeRecording:
    def __init__(self, blobs: "FakeBlobs", id: str) -> None:
        self._blobs, self._id = blobs, id

    @property
    def reference(self) -> Doc:
        return {"id": self._id}

    async def write(self, data: bytes) -> None:
        self._blobs.held[self._id] += data

    async def close(self) -> None:
        self._blobs.calls.append(("blob closed", self._id))


class FakeBlobs:
    def __init__(self, calls: list[Any]) -> None:
        self.held: dict[str, bytes] = {}
        self.calls = calls

    async def start(self, context: bytes) -> FakeRecording:
        id = f"blob-{len(self.held)}"
        self.held[id] = b""
        self.calls.append(("blob started", id))
        return FakeRecording(self, id)

    async def length(self, reference: Doc) -> int:
        return len(self.held[str(reference["id"])])

    async def read(self, reference: Doc, offset: int, length: int) -> bytes:
        return self.held[str(reference["id"])][offset : offset + length]


class FakeVault:
    """A box with two keys. Set `fault` to the error that opening it raises."""

    def __init__(self, calls: list[Any]) -> None:
        self.calls = calls
        self.keys: tuple[str, bytes] | None = None
        self.store, self.blobs = FakeStore(calls), FakeBlobs(calls)
        self.fault: StoreError | None = None

    async def exists(self) -> bool:
        return self.keys is not None

    async def create(self, passphrase: str, recovery: bytes) -> tuple[FakeStore, FakeBlobs]:
        if self.keys is not None:
            raise StoreBusy("there is a store already")
        self.keys = (passphrase, recovery)
        self.calls.append("vault created")
        return self.store, self.blobs

    async def unlock(
        self, *, passphrase: str | None = None, recovery: bytes | None = None
    ) -> tuple[FakeStore, FakeBlobs]:
        if self.fault is not None:
            raise self.fault
        if self.keys is None or (passphrase != self.keys[0] and recovery != self.keys[1]):
            raise WrongKey("no")
        self.store.is_open = True
        self.calls.append("vault unlocked")
        return self.store, self.blobs


class FakeTries:
    def __init__(self) -> None:
        self.attempts = Attempts()

    async def load(self) -> Attempts:
        return self.attempts

    async def save(self, attempts: Attempts) -> None:
        self.attempts = attempts


class FakeRelay:
    """One service for any number of people. It answers nothing while `is_online` is False."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.is_online = True
        self.logs: dict[str, list[RelayEvent]] = {}
        self.invites: dict[str, tuple[bytes, bool]] = {}
        self._epochs: set[tuple[str, int]] = set()

    async def create_group(self, group: str, capability: str) -> None:
        self._answer()
        self.logs.setdefault(group, [])

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

    def append(self, group: str, cid: str, body: bytes, epoch: int | None) -> Appended | None:
        """Return the receipt, or None if somebody else was first in this epoch."""
        log = self.logs.setdefault(group, [])
        known = next((event for event in log if event.cid == cid), None)
        if known is None:
            if epoch is not None and (group, epoch) in self._epochs:
                return None
            if epoch is not None:
                self._epochs.add((group, epoch))
            known = RelayEvent(group=group, seq=len(log) + 1, cid=cid, at_ms=self.clock.now_ms(), body=body)
            log.append(known)
        return Appended(seq=known.seq, at_ms=known.at_ms)

    def _answer(self) -> None:
        if not self.is_online:
            raise Offline("no answer")


class FakeNetwork:
    """Sends and receives only when `exchange` is called."""

    def __init__(self, relay: FakeRelay, calls: list[Any]) -> None:
        self.default_service = "local"
        self._relay = relay
        self.calls = calls
        self.sides: dict[str, SyncSide] = {}

    async def open(self, device: str, sign_private: bytes) -> None:
        self.calls.append("network opened")

    async def relay(self, service: str) -> Relay:
        return self._relay

    async def follow(self, service: str, side: SyncSide) -> None:
        self.sides[service] = side

    async def close(self) -> None:
        self.sides.clear()
        self.calls.append("network closed")

    async def exchange(self) -> None:
        """Hand over the outbox and take in everything new, once."""
        for side in list(self.sides.values()):
            if not self._relay.is_online:
                side.set_sync_state("waiting")
                continue
            side.set_sync_state("online")
            for item in await side.outbox():
                receipt = self._relay.append(item.group, item.cid, item.body, item.epoch) if item.body else None
                if item.body and receipt is None:
                    await side.mark_refused(item.cid, 409, "epoch")
                else:
                    await side.mark_sent(item.cid, receipt or Appended(seq=0, at_ms=self._relay.clock.now_ms()))
            for cursor in await side.cursors():
                for event in self._relay.logs.get(cursor.group, [])[cursor.since :]:
                    await side.receive(event)


class FakeRecorder:
    """A microphone that says what `speak` is given: 16 kHz mono. Set `is_missing` to have none.

    `fault` is what `stop` raises because some of it could not be kept.
    """

    sample_rate_hz, channels = 16_000, 1

    def __init__(self, calls: list[Any]) -> None:
        self.calls = calls
        self.is_missing = False
        self.level = 0.0
        self.fault: Exception | None = None
        self._take: Callable[[bytes], Awaitable[None]] | None = None

    async def start(self, take: Callable[[bytes], Awaitable[None]]) -> None:
        if self.is_missing:
            raise MicrophoneUnavailable("none")
        self._take = take
        self.calls.append("microphone opened")

    async def speak(self, seconds: float) -> None:
        if self._take is not None:
            await self._take(b"\x01\x00" * int(seconds * self.sample_rate_hz))

    async def pause(self) -> None:
        self.calls.append("microphone paused")

    async def resume(self) -> None:
        self.calls.append("microphone resumed")

    async def stop(self) -> None:
        self._take = None
        self.calls.append("microphone closed")
        if self.fault is not None:
            raise self.fault


class FakeNotifier:
    def __init__(self, calls: list[Any]) -> None:
        self.calls = calls

    async def notify(self, title: str, text: str) -> bool:
        self.calls.append(("notified", title, text))
        return True


class Desk:
    """One person's app on fakes. `window` is what the views get."""

    def __init__(self, name: str = "Hazel Ford", relay: FakeRelay | None = None) -> None:
        self.name = name
        self.calls: list[Any] = []
        self.clock = relay.clock if relay else FakeClock()
        self.relay = relay or FakeRelay(self.clock)
        self.vault, self.tries = FakeVault(self.calls), FakeTries()
        self.network = FakeNetwork(self.relay, self.calls)
        self.recorder, self.notifier = FakeRecorder(self.calls), FakeNotifier(self.calls)
        self.companion = Companion(
            Ports(vault=self.vault, network=self.network, clock=self.clock, tries=self.tries, wording=WORDING)
        )
        self.window = self.make_window(load_texts(ASSETS / "words"))

    def make_window(self, texts: Texts) -> Window:
        return Window(
            companion=self.companion,
            state=ViewState(),
            texts=texts,
            notifier=self.notifier,
            make_recorder=lambda: self.recorder,
            save_theme=self._save_theme,
            data_folder="companion-data",
        )

    def _save_theme(self, mode: str) -> None:
        self.calls.append(("theme", mode))
        self.window.state.theme = mode

    async def set_up(self, profession: str = "gp") -> "Desk":
        """Make the store and leave it open."""
        recovery, _ = self.companion.recovery_words()
        await self.companion.create(self.name, profession, PASSPHRASE, recovery)
        return self


async def deliver(*desks: Desk, rounds: int = 4) -> None:
    """Let everybody send and receive until all that was said has arrived."""
    for _ in range(rounds):
        for desk in desks:
            await desk.network.exchange()


async def make_pair(first: Desk, second: Desk, name: str = "First-year leads") -> str:
    """Put two set-up desks on one relay into one group; return its id."""
    group = await first.companion.opened.groups.create(name, "pine")  # type: ignore[union-attr]  # set up
    await deliver(first)
    invite = await first.companion.opened.groups.invite(group.id)  # type: ignore[union-attr]  # set up
    groups = second.companion.opened.groups  # type: ignore[union-attr]  # set up
    await groups.join(await groups.look_at(invite.code.code))
    await deliver(first, second)
    return group.id
