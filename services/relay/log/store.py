"""The log as the relay asks for it: groups with their envelopes in order, capabilities, and invites.

Ids are 16 bytes, capability hashes 32; times are ms since the epoch, UTC. Every method that writes is durable when it
returns, or raises Refusal and has changed nothing; every call raises 503 if the database takes nothing.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from services.relay.limits import DAY_MS
from services.relay.refusal import Refusal, bad_request, full
from services.sync.protocol import encode_octets, is_same_arrival

GROUP_BYTES = 256  # what a group without any event takes up
FRESH_MS = DAY_MS  # arrival times older than this are rounded down to the minute
ADMITS_PER_DAY = 8  # as many devices as a person may have
INVITE_MEMORY_MS = 7 * DAY_MS  # how long after its end an invite still answers "expired" rather than "unknown"
ORPHAN_MS = 30 * DAY_MS  # how long a group stays that nobody who is still here has ever sent anything to


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a log with a keeper takes from one device in a day: events, bytes of them, and events while the device is
    new. Each is compared with what the device has put into all logs with limits; 0 stands for no limit, and counts not.
    """

    events: int = 300
    bytes: int = 32 * 1_048_576
    first: int = 30

    def most_events(self, *, is_newcomer: bool) -> int:
        """Return what holds for a device, 0 for no limit."""
        asked = (self.events, self.first if is_newcomer else 0)
        return min((number for number in asked if number), default=0)


USUAL = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An envelope on its way into the log. `epoch` is set for the commits that may win only once.

    `next_capability` is the hash of the capability that takes the place of the present one with this envelope, and
    `next_keeper` that of the keeper. `keeper` is the hash of the keeper that was shown, `erase` that of the secret that
    erases this envelope.
    """

    group: bytes
    capability_hash: bytes
    device: bytes
    cid: bytes
    body: bytes
    at_ms: int
    epoch: int | None = None
    blobs: tuple[bytes, ...] = ()
    next_capability: bytes | None = None
    keeper: bytes | None = None
    next_keeper: bytes | None = None
    erase: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One envelope in the log. The body is empty once the sender was deleted or the time to keep it was over.

    `ended` is the hash of the capability that reads no further than this; only what is announced says so.
    """

    seq: int
    cid: bytes
    at_ms: int
    body: bytes
    ended: bytes | None = None

    def fields(self) -> dict[str, object]:
        """Return it as a JSON answer carries it."""
        return {"seq": self.seq, "cid": self.cid.hex(), "at_ms": self.at_ms, "body": encode_octets(self.body)}

    def frame(self, group: bytes) -> bytes:
        """Return it as streams carry it.

        Written out rather than through `json`: nothing in it needs escaping, and it is made for every append.
        """
        head = f'event: event\ndata: {{"group":"{group.hex()}","seq":{self.seq},"cid":"{self.cid.hex()}"'
        body = base64.urlsafe_b64encode(self.body).rstrip(b"=")
        return b'%s,"at_ms":%d,"body":"%s"}\n\n' % (head.encode(), self.at_ms, body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Where an envelope stands. `is_new` is false if the same envelope was there already."""

    seq: int
    at_ms: int
    is_new: bool

    def encoded(self) -> bytes:
        """Return it as JSON, written out like a frame."""
        return b'{"seq":%d,"at_ms":%d}' % (self.seq, self.at_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A stretch of a log in order, and the number of the last envelope in it that the capability reads.

    `is_former` says that another capability has taken the place of this one after `head`.
    """

    events: tuple[Event, ...]
    head: int
    is_former: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a caller knows of the event that its cursor stands on: `at_ms` is 0 if it does not say."""

    cid: bytes
    at_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What a capability opens: a group up to and including `head`, and nothing more if it is a former one.

    `cid` and `at_ms` are of the event at the place that was asked about, None and 0 where none stands.
    """

    head: int
    is_former: bool
    cid: bytes | None = None
    at_ms: int = 0
    has_keeper: bool = False

    def refuses(self, since: int, known: Known | None) -> str | None:
        """Return why nobody can go on reading after `since`, or None.

        "ahead": the log ends before it. "other": another event stands there than the caller knows, so this is another
        log. "rotated": a former capability reads no further. The first two come first: whoever stands in another log
        than this one has to learn it, whatever happened to the capability here.
        """
        if since > self.head:
            return "ahead"
        if known is not None and self.cid is not None:
            is_same = self.cid == known.cid and is_same_arrival(known.at_ms, self.at_ms)
            if not is_same:
                return "other"
        return "rotated" if self.is_former and since == self.head else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invite:
    """A sealed invite. `used_by` is a hash that only the device that used it can be matched with."""

    body: bytes
    expires_ms: int
    used_by: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """How far one step of expiry came: `after` is where the next one goes on, None at the end."""

    events: int
    after: int | None


class LogStore(Protocol):
    """The log's part of the database."""

    async def create_group(
        self,
        group: bytes,
        capability_hash: bytes,
        device: bytes,
        at_ms: int,
        *,
        keep_days: int | None = None,
        keeper: bytes | None = None,
        limits: Limits = USUAL,
    ) -> bool:
        """Return whether it is new. Raises 409 if it exists with another capability, or another keeper than this hash.

        `keep_days` and `limits` are those of a new one; limits hold only where there is a keeper.
        """

    async def openings(
        self, groups: Sequence[tuple[bytes, bytes]], places: Sequence[int] = ()
    ) -> tuple[Opening | None, ...]:
        """Return what each (group, capability hash) opens, or None where it opens nothing.

        `places`: the number in each log whose event is asked about, 0 for none.
        """

    async def went_back(self, groups: Sequence[bytes], incarnation: str) -> tuple[int, ...]:
        """Return where each group's log stopped being the one of this former incarnation: its head at the restore.

        It is 0 for a group that was made since, and for an incarnation that is not among this log's forebears.
        """

    async def append(self, draft: Draft) -> Receipt:
        """Raises, in this order: 404; 409 for the bytes or 410 where its cid came before; 409 for a lost epoch; 403
        for a former capability; 400 and 403 about the keeper; 410 for what was erased; 409 for a blob; 507 and 429.
        """

    async def read(self, group: bytes, capability_hash: bytes, since: int, limit: int) -> Page:
        """Return what comes after `since`: at most `limit` events and 1 MiB, but at least one event if there is one.

        A group that the capability does not open gives an empty page with the head 0.
        """

    async def expire(self, at_ms: int, default_days: int, after: int) -> Expired:
        """Empty the bodies of events that are too old, in a bounded number of groups beyond `after`. Notices stay."""

    async def put_invite(self, invite: bytes, body: bytes, expires_ms: int, device: bytes, at_ms: int) -> bool:
        """Return whether it is new. Raises 409 if the id has other bytes."""

    async def get_invite(self, invite: bytes) -> Invite | None: ...

    async def vouches(self, invite: bytes, at_ms: int) -> bool:
        """Whether this invite holds, and has not let as many devices register as it may; one more is counted."""

    async def claim_invite(self, invite: bytes, claimant: bytes, at_ms: int) -> Invite:
        """Mark the invite as used by `claimant`. Raises 404, or 410 if it is too old or somebody else's."""

    async def sweep(self, at_ms: int) -> None:
        """Forget invites that are over, the exact time of old arrivals, and groups that nobody is left in."""


def author_name(group: bytes, device: bytes) -> bytes:
    """Return what a device is called within one group: another name in each."""
    return hashlib.sha256(b"companion-author-v1\0" + group + device).digest()[:16]


def claimable(invite: Invite | None, claimant: bytes, at_ms: int) -> Invite:
    """Return the invite if this claimant may have it. Raises 404, or 410 if it is too old or somebody else's."""
    if invite is None:
        raise unknown_invite()
    if invite.used_by is not None and invite.used_by != claimant:
        raise Refusal(410, "used", "Somebody has used this invite already.")
    if invite.expires_ms <= at_ms:
        raise Refusal(410, "expired", "This invite is too old.")
    return invite


def check_keeper(draft: Draft, keeper: bytes | None) -> None:
    """Raises 400 or 403 unless a log with this keeper, or none, takes the envelope with what it shows and names."""
    if keeper is None:
        if draft.keeper is not None or draft.next_keeper is not None:
            raise without_keeper()
        return
    if (draft.epoch is not None or draft.keeper is not None) and draft.keeper != keeper:
        raise wrong_keeper()
    if draft.epoch is not None and (draft.next_capability is None or draft.next_keeper is None):
        raise half_turn()


def unknown_group() -> Refusal:
    return Refusal(404, "unknown", "There is no such group, or this capability does not open it.")


def group_exists() -> Refusal:
    return Refusal(409, "exists", "A group with this id exists already.")


def group_full() -> Refusal:
    return full("This group has used all of its space, until what is old is forgotten.", 3_600)


def lost_epoch(epoch: int, head: int, winner: Event | None) -> Refusal:
    details = {"epoch": epoch, "head": head, "winner": winner.fields() if winner is not None else None}
    return Refusal(409, "epoch", "Another commit came first.", details=details)


def rotated(head: int) -> Refusal:
    return Refusal(403, "rotated", "Another capability took the place of this one.", details={"head": head})


def without_keeper() -> Refusal:
    return bad_request("This group has no keeper.")


def half_turn() -> Refusal:
    return bad_request("A commit to a log with a keeper names the next capability and the next keeper.")


def wrong_keeper() -> Refusal:
    return Refusal(403, "keeper", "Only the keeper of this log may do that.")


def erased() -> Refusal:
    return Refusal(410, "erased", "This envelope was erased.")


def ahead(head: int) -> Refusal:
    return Refusal(409, "ahead", "The log ends before this number.", details={"head": head})


def other(head: int) -> Refusal:
    return Refusal(409, "other", "Another envelope stands at this number.", details={"head": head})


def unknown_invite() -> Refusal:
    return Refusal(404, "unknown", "There is no such invite.")


def invite_exists() -> Refusal:
    return Refusal(409, "exists", "An invite with this id exists already.")
