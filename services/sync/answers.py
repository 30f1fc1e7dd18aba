"""What the relay's answers and frames mean, read with suspicion: whatever is not proper is `Offline`.

Source: docs/protocol.md section 2.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from companion.errors import MessageRejected, Offline
from companion.fields import NUMBER_LIMIT
from companion.ports import InboxItem, RelayEvent
from companion.strings import read_line
from services.sync.protocol import decode_octets, parse_id

TEXT_LIMIT = 200
IDLE_MOST = 200
"""Frames of kinds that only newer versions know, and of things that were said before, in one stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What the service says of itself. `has_spaces`: it knows keepers and erasing, which older ones do not."""

    protocol_min: int
    protocol_max: int
    incarnation: str
    version: str
    has_spaces: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """Everything older was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRefused:
    """The service reads no further in this group; `reason` is its code.

    "unknown": there is no such group for this capability. "ahead" and "restored": the log goes only to `head`, or is
    another one after `head`. "other": it is another one somewhere before our cursor. "rotated": this capability reads
    up to `head`, where another took its place.
    """

    group: str
    reason: str
    head: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bye:
    """The service ends the stream and asks to come back after this time."""

    retry_ms: int


StreamItem = RelayEvent | InboxItem | Live | GroupRefused | Bye


class Worth:
    """Keeps a stream to what it may say: each refusal once, that it is live once, and little that is not new.

    Each item may be small and cheap, and all of them together still keep a device busy for ever.
    """

    def __init__(self) -> None:
        self._refused: set[str] = set()
        self._seen: dict[str, int] = {}
        self._is_live = False
        self._idle = 0

    def weigh(self, item: StreamItem | None) -> None:
        """Raises Offline for a stream that goes on about nothing."""
        match item:
            case RelayEvent():
                is_new = self._is_new(item.group, item.seq)
            case InboxItem():
                is_new = self._is_new("", item.seq)
            case GroupRefused():
                is_new = item.group not in self._refused
                self._refused.add(item.group)
            case Live():
                is_new, self._is_live = not self._is_live, True
            case _:
                is_new = False
        self._idle += not is_new
        if self._idle > IDLE_MOST:
            raise Offline("a stream that goes on about nothing")

    def _is_new(self, place: str, seq: int) -> bool:
        is_new = seq > self._seen.get(place, 0)
        self._seen[place] = max(seq, self._seen.get(place, 0))
        return is_new


def read_item(name: str, fields: dict[str, object], known: set[str]) -> StreamItem | None:
    """Read one frame; frames of an unknown kind are left for newer versions."""
    if name == "live":
        return Live()
    if name == "bye":
        return Bye(retry_ms=read_number(fields, "retry_ms"))
    if name == "inbox":
        return read_inbox_item(fields)
    if name not in ("event", "refused"):
        return None
    group = read_text(fields, "group")
    if group not in known:
        raise Offline("a frame for a group that was not asked for")
    if name == "refused":
        head = read_number(fields, "head") if "head" in fields else 0
        return GroupRefused(group=group, reason=read_text(fields, "error"), head=head)
    return read_event(group, fields)


def read_event(group: str, fields: Mapping[str, object]) -> RelayEvent:
    return RelayEvent(
        group=group,
        seq=read_number(fields, "seq"),
        cid=read_id(fields, "cid"),
        at_ms=read_number(fields, "at_ms"),
        body=read_octets(fields, "body"),
    )


def read_inbox_item(fields: Mapping[str, object]) -> InboxItem:
    return InboxItem(
        seq=read_number(fields, "seq"),
        cid=read_id(fields, "cid"),
        at_ms=read_number(fields, "at_ms"),
        body=read_octets(fields, "body"),
    )


def read_items(fields: Mapping[str, object], name: str, limit: int) -> list[dict[str, object]]:
    """Return a list of at most so many objects."""
    items = fields.get(name)
    if not isinstance(items, list) or len(items) > limit or not all(isinstance(item, dict) for item in items):
        raise Offline(f"a page without {name}")
    return items


def read_id(fields: Mapping[str, object], name: str) -> str:
    text = read_text(fields, name)
    try:
        parse_id(text)
    except ValueError:
        raise Offline(f"an answer without a proper {name}") from None
    return text


def read_number(fields: Mapping[str, object], name: str) -> int:
    value = fields.get(name)
    if type(value) is not int or not 0 <= value < NUMBER_LIMIT:
        raise Offline(f"an answer without a proper {name}")
    return value


def read_text(fields: Mapping[str, object], name: str) -> str:
    try:
        return read_line(fields.get(name), TEXT_LIMIT, name)
    except MessageRejected:
        raise Offline(f"an answer without a proper {name}") from None


def read_octets(fields: Mapping[str, object], name: str) -> bytes:
    try:
        return decode_octets(fields.get(name))
    except ValueError:
        raise Offline(f"an answer without a proper {name}") from None
