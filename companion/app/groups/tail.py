"""What was taken in and sent lately in a group, in case the service loses its end and has to be given it again."""

from dataclasses import replace

from companion.app.groups.key_states import capability_of
from companion.fields import each_read, refused, whole
from companion.groups import Group
from companion.mls.group_state import Group as Keys
from companion.outgoing import Outgoing
from companion.ports import Appended, Doc, Put, RelayEvent, Store
from companion.strings import kept

WORDED = frozenset({"message", "poll", "decision", "edit", "agreement"})
"""Kinds of content whose words have a place of their own."""


def tail_table(group: str) -> str:
    return f"tail:{group}"


async def tail_of(store: Store, group: str) -> tuple[Doc, ...]:
    """Return what is kept of the end of a group's log, in its order; what cannot be read is left out."""
    return tuple(sorted(each_read(await store.all(tail_table(group)), _checked), key=seq_of))


def seq_of(doc: Doc) -> int:
    """Return the place in the log that a document of the tail is about."""
    return whole(doc["seq"])


@refused("what was sent lately")
def _checked(doc: Doc) -> Doc:
    seq_of(doc)
    at_ms = whole(doc.get("at_ms", 0))  # 0.1.0 kept none
    return {
        **doc,
        "at_ms": at_ms,
        "next_capability": kept(doc["next_capability"]),
        "capability": kept(doc["capability"]),
        "item": doc["item"],
        "is_lost": bool(doc["is_lost"]),
    }


def _tail(event_cid: str, seq: int, at_ms: int, **more: object) -> Doc:
    standing = {"message": "", "capability": "", "next_capability": "", "is_lost": False, "item": None}
    return {"_id": event_cid, "_v": 1, "seq": seq, "at_ms": at_ms, **standing, **more}


def tail_put(group: str, event: RelayEvent, message: str = "") -> Put:
    """Keep that an event was taken in, and the message it brought."""
    return Put(tail_table(group), _tail(event.cid, event.seq, event.at_ms, message=message))


def tail_own(own: Outgoing, at: Appended) -> Put:
    """Keep what I sent, whole, for a service that lost it: sealed as it went, and what it says but for its words. These
    lie in one place alone, where they can be changed and deleted.
    """
    more = {"message": own.message, "capability": own.capability, "next_capability": own.next_capability}
    item = replace(own, is_fixed=True, content=_without_words(own.content)).to_doc()
    return Put(tail_table(own.group), _tail(own.cid, at.seq, at.at_ms, **more, item=item))


def _without_words(content: Doc | None) -> Doc | None:
    if content is None or str(content.get("kind")) not in WORDED:
        return content
    return {field: content[field] for field in ("kind", "id", "again") if field in content}


def tail_whole(group: Group, event: RelayEvent, kind: str, keys: Keys | None = None) -> Put:
    """Keep an envelope of somebody else whole. Whoever has a commit offers it again to a service that lost it, and so
    has to offer what it builds on: who was announced, and what was proposed. `keys` are those after a commit.
    """
    item = Outgoing(cid=event.cid, service=group.service, kind=kind, group=group.id, body=event.body, is_fixed=True)
    if keys is not None:
        following = capability_of(keys)
        item = replace(item, epoch=keys.epoch - 1, capability=group.capability, next_capability=following)
    more = {"capability": item.capability, "next_capability": item.next_capability}
    return Put(tail_table(group.id), _tail(event.cid, event.seq, event.at_ms, **more, item=item.to_doc()))
