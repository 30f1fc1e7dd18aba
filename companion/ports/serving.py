"""What the core asks of sync services, and what their loops may ask of the core.

Times are ms since the epoch, UTC. Ids are 32 lower-case hex characters.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from companion.errors import SyncError
from companion.farewells import Farewell, LogToDrop


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """The relay's receipt for one envelope."""

    seq: int
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupCursor:
    """Where to go on reading: the last sequence number that is committed here, 0 for none.

    `cid` and `at_ms` are of the event that stands there: by them a service shows whether its log is the one that was
    read. They are empty and 0 where this device does not know them.
    """

    group: str
    capability: str
    since: int
    cid: str = ""
    at_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayEvent:
    """One sealed envelope as the relay hands it out."""

    group: str
    seq: int
    cid: str
    at_ms: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxItem:
    """One sealed thing that somebody put into this device's inbox, such as a Welcome. Nobody says who it was."""

    seq: int
    cid: str
    at_ms: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedKeyPackage:
    """A key package of another device. A one-time package is handed out once, the last resort again and again."""

    body: bytes
    is_last_resort: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a log with a keeper takes from one device in a day: events, bytes of them, and events on the first day of a
    device. Each is compared with what the device has put into all such logs; 0 stands for no limit.
    """

    events: int
    bytes: int
    first: int


class Relay(Protocol):
    """The sync service. Raises Offline, RelayRefused, VersionMismatch and the errors of invites."""

    def time_ms(self) -> int | None:
        """Return the time at the service now, None as long as it has not said."""

    async def create_group(
        self,
        group: str,
        capability: str,
        *,
        keeper: str | None = None,
        keep_days: int | None = None,
        limits: Limits | None = None,
    ) -> None:
        """Make a group, or with a keeper a log with a keeper; the same again changes nothing.

        Without `keep_days` the service decides how long envelopes keep their bodies, 0 is for ever. `limits` need a
        keeper; without them the service's usual ones hold. Raises RelayRefused 409 `exists` for another one.
        """

    async def keep_for(self, group: str, capability: str, days: int, *, keeper: str | None = None) -> None:
        """Set how long envelopes keep their bodies. Raises RelayRefused 404, 403 `keeper` in a log with a keeper."""

    async def set_limits(self, group: str, capability: str, keeper: str, limits: Limits) -> None:
        """Set what a log takes from one device. Raises RelayRefused 404 without a keeper there, 403 `keeper`."""

    async def empty(self, group: str, capability: str, keeper: str, seqs: tuple[int, ...]) -> None:
        """Take the bodies of 1 to 500 envelopes of a log with a keeper; asked again it does nothing.

        Raises: RelayRefused 404 `unknown`, 403 `keeper`, 409 `ahead` for a number beyond the head.
        """

    async def drop_group(self, group: str, capability: str, keeper: str) -> None:
        """Drop a log with a keeper with all that is in it. Raises RelayRefused 404 (also for one that is gone), 403."""

    async def erase(self, group: str, secret: bytes, capability: str | None = None) -> None:
        """Erase every envelope of a group that names the SHA-256 of this secret, and let none land from now on; asked
        again it does nothing. Any device may ask that knows the secret.

        Raises: RelayRefused 404 `unknown` where none names it, unless the present capability is shown: then it is
        remembered, and refuses what is still to come; 429 for too many of those.
        """

    async def append(self, group: str, capability: str, cid: str, body: bytes) -> Appended:
        """Put an envelope into a log; the same cid and bytes again give the first receipt again.

        What must not be lost goes by the outbox. Raises RelayRefused 404, 403, 409, 429, ServiceFull.
        """

    async def events(self, group: str, capability: str, since: int, limit: int = 500) -> tuple[RelayEvent, ...]:
        """Return up to `limit` envelopes of a group after a number. Raises RelayRefused 404, 403 `rotated`, 409."""

    async def post_to_inbox(self, device: str, cid: str, body: bytes) -> None:
        """Put up to 131,072 bytes into a device's inbox; the same cid and bytes again change nothing.

        Raises: RelayRefused 404 `unknown` (no such device), 409 `other-bytes`, 413 `quota` (500 items or 8 MiB wait).
        """

    async def publish_key_packages(self, one_time: tuple[bytes, ...], last_resort: bytes | None) -> int:
        """Add our one-time packages and replace the last resort, if given. Returns how many one-time ones are held.

        Each has 1 to 4,096 bytes; the service holds at most 100, else RelayRefused 413 `quota` and nothing is added.
        The same package again is not added twice, also after it was handed out.
        """

    async def key_packages_left(self) -> int:
        """Return how many of our one-time packages nobody has claimed."""

    async def claim_key_package(self, device: str) -> ClaimedKeyPackage:
        """Take one package of another device. Raises RelayRefused 404 where it has none, 429 beyond the rate."""

    async def join_account(self, account: str) -> None:
        """Say that this device belongs to an account: a random secret, 64 hex characters, that a person's devices
        share. It serves revoking and deletion only.
        """

    async def revoke_device(self, device: str) -> None:
        """Delete a device (this one, or another of the same account): what it posted, its sessions, inbox and
        key packages go at once and it can never come back. Raises RelayRefused 404 for a device of somebody else.
        """

    async def put_invite(self, id: str, body: bytes, expires_ms: int) -> None: ...

    async def get_invite(self, id: str) -> bytes: ...

    async def claim_invite(self, id: str) -> bytes: ...

    async def put_blob(self, id: str, size: int, read: Callable[[int, int], Awaitable[bytes]]) -> None:
        """Upload `size` sealed bytes, of which `read(offset, length)` gives any piece; it may be called twice for each.

        The id is random and the caller's. A blob that is there already stays as it is, and a call after a broken one
        goes on where that stopped. A blob that no event refers to within a day is dropped.
        """

    async def get_blob(self, id: str, offset: int, length: int) -> bytes:
        """Return up to `length` bytes of a blob; fewer only where it ends. Raises RelayRefused 404 if it is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxItem:
    """One thing to hand to the relay. An empty body asks for the group itself to be made.

    With an `epoch` the relay takes it only as the first of that epoch. With a `next_capability` too, that capability
    takes the place of `capability` at the same moment: the old one reads up to and including this envelope and appends
    nothing more. With a `device` it goes to that device's inbox; `group` and `capability` are then empty.
    `blobs` are the blobs that this envelope refers to: the relay keeps them as long as it keeps the envelope, and
    refuses the envelope with 409 `no-blob` if one of them is not there.

    In a log with a keeper an `epoch` needs `keeper`, and `next_keeper` takes its place with the capability. `erase` is
    the hash of the secret that can erase the envelope: it is refused with 410 `erased` where that has been brought.
    `keep_days` and `limits` are for the item that asks for the group, and so is its `keeper`.
    """

    cid: str
    group: str
    capability: str
    body: bytes
    epoch: int | None = None
    next_capability: str | None = None
    device: str | None = None
    blobs: tuple[str, ...] = ()
    keeper: str | None = None
    next_keeper: str | None = None
    erase: str | None = None
    keep_days: int | None = None
    limits: Limits | None = None


class SyncSide(Protocol):
    """What one service's sync loop may ask of the opened core.

    The loop calls one method at a time for reading and one for sending, and finishes a call that it has begun. Every
    call may come twice for the same thing, after a crash or a lost answer.
    """

    async def connected(self) -> None:
        """The service answers: see that it holds what it should hold for us, such as key packages. Raises SyncError."""

    async def outbox(self) -> tuple[OutboxItem, ...]:
        """Everything that waits and may go now, oldest first; contents only once `set_sync_state` said "online".

        Items of a group whose capability has just been replaced wait, in
        order, until `cursors` names the new one; `capability` has to be the new one then.
        """

    async def mark_sent(self, cid: str, receipt: Appended) -> None:
        """The service has it. The receipt's `seq` and `at_ms` are 0 for a group that was made and an inbox item."""

    async def mark_refused(self, cid: str, status: int, code: str) -> None:
        """The service will never take it as it is."""

    async def cursors(self) -> tuple[GroupCursor, ...]:
        """Every group of this service to read, with the capability that is in force at that cursor.

        After a commit that replaced the capability has been received, this names the new one.
        """

    async def trail(self, group: str) -> tuple[GroupCursor, ...]:
        """Places of this group's log up to our cursor that we remember, oldest first, each with the capability in force
        there. The first says where that begins; of what stands there nothing is known.
        """

    async def receive(self, events: tuple[RelayEvent, ...]) -> None:
        """Take in events of one group that follow each other, and move the cursor with each commit.

        Many share a commit, so that a crash leaves the first of them, whole. An empty body is the place of an event
        whose sender was deleted: only the cursor moves. If it raises, what was committed stays, and the same events
        may be handed over again.
        """

    async def inbox_cursor(self) -> int:
        """The `seq` of the last inbox item that is committed here, 0 for none. The service deletes what is named."""

    async def receive_inbox(self, item: InboxItem) -> None:
        """Take in one item and move the inbox cursor to its `seq`, in one commit. A bad item only moves the cursor.

        After a restore an item can come again under its old cid, with any `seq` above the cursor.
        """

    async def restored(self, group: str, head: int) -> None:
        """The service's log is another one than we have read: of ours in this group, only what is up to `head` stands.
        It went back to a backup, or we were with another one that said it was the same.

        `head` is our cursor or less. The core sets the cursor to `head` and puts its own envelopes after `head`, or
        with a receipt beyond it, into the outbox again: same cid and bytes, in their order, a commit with the `epoch`,
        `capability` and `next_capability` it went out with. What others sent comes back from them; an event whose cid
        the core has taken in already only gets its new `seq`. `head` is 0 also where the service knows neither group
        nor capability any more: the core then offers the group itself first (an item with an empty body).
        """

    async def unknown(self, group: str) -> None:
        """The service knows neither this group nor our capability for it, and was not restored. It may be told often
        of the same group. The core offers the group itself again, or asks others to be let back in.
        """

    async def incarnation(self) -> str:
        """The id of the service's log that the cursors belong to, empty before the first contact."""

    async def set_incarnation(self, value: str) -> None:
        """The cursors belong to this log now. If there was another before, the inbox cursor becomes 0, and what was
        put into inboxes lately may be lost: the core offers again what it still has.

        The loop calls it when it has called `restored` for every group.
        """

    async def removed(self, group: str) -> None:
        """The service says that our capability reads no further: another took its place at our cursor, and the core
        did not find the new one in the event there. So we are out. `cursors` should leave the group out from now on.
        """

    def set_sync_state(self, state: str) -> None:
        """`state` is "connecting", "online" or "waiting"."""

    def set_sync_trouble(self, error: SyncError | None) -> None:
        """Why nothing goes or comes at present; None when it does again."""

    def set_sync_pace(self, every_s: int) -> None:
        """How often messages are looked for on this network; 0 where they come by themselves."""


class Network(Protocol):
    """Every sync service this person uses: one loop and one relay for each."""

    @property
    def default_service(self) -> str:
        """The service for new groups, empty where none is configured (a phone before its first invite)."""

    async def open(self, device: str, sign_private: bytes) -> None: ...

    async def relay(self, service: str) -> Relay: ...

    async def follow(self, service: str, side: SyncSide) -> None:
        """Start that service's loop, or wake it if it runs."""

    async def hand_over(
        self, job: Callable[[], Awaitable[None]], busy: Callable[[], Awaitable[frozenset[str]]], patience_s: float
    ) -> None:
        """Run `job`, then let the loops go on while `busy` names a service that can be reached: no longer than
        `patience_s` in all.
        """

    async def close(self) -> None:
        """End all loops and forget the key."""

    async def farewells(
        self,
        services: Iterable[str],
        device: str,
        sign_private: bytes,
        scope: str,
        logs: Mapping[str, tuple[LogToDrop, ...]] = MappingProxyType({}),
    ) -> tuple[Farewell, ...]:
        """Sign one for each service that has an address, asking nobody. It need not be open.

        `logs`: what each service is to drop besides, as it belongs to no device there.
        """

    async def bring(self, farewell: Farewell) -> None:
        """Ask its service to delete; when this returns, the service has nothing of the device any more.

        Raises: RelayRefused if it says no, SyncError without an answer.
        """
