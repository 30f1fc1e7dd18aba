"""What was taken in and sent lately in a group, in case the service loses its end and has to be given it again."""

from dataclasses import replace

from companion.app.groups.key_states import capability_of
from companion.fields import each_read, refused, whole
from companion.groups import Group
from companion.mls.group_state import Group as Keys
from companion.outgoing import COMMIT, Outgoing
from companion.ports import Doc, Put, RelayEvent, Store


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
    return {**doc, "next_capability": doc["next_capability"], "capability": doc["capability"], "item": doc["item"]}


def _tail(event_cid: str, seq: int, **more: object) -> Doc:
    standing = {"message": "", "capability": "", "next_capability": "", "is_lost": False, "item": None}
    return {"_id": event_cid, "_v": 1, "seq": seq, **standing, **more}


def tail_put(group: str, event: RelayEvent, message: str = "") -> Put:
    """Keep that an event was taken in, and the message it brought."""
    return Put(tail_table(group), _tail(event.cid, event.seq, message=message))


def tail_own(own: Outgoing, seq: int) -> Put:
    """Keep what I sent, whole, for a service that was restored."""
    more = {"message": own.message, "capability": own.capability, "next_capability": own.next_capability}
    item = replace(own, is_fixed=True, content=None).to_doc()
    return Put(tail_table(own.group), _tail(own.cid, seq, **more, item=item))


def tail_commit(group: Group, keys: Keys, event: RelayEvent) -> Put:
    """Keep a whole commit of somebody else: whoever has one offers it again to a service that lost it."""
    item = Outgoing(
        cid=event.cid,
        service=group.service,
        kind=COMMIT,
        group=group.id,
        body=event.body,
        epoch=keys.epoch - 1,
        capability=group.capability,
        next_capability=capability_of(keys),
        is_fixed=True,
    )
    more = {"capability": item.capability, "next_capability": item.next_capability}
    return Put(tail_table(group.id), _tail(event.cid, event.seq, **more, item=item.to_doc()))
