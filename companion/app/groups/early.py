"""Envelopes that came before the keys they need: kept as documents until those come, or for too long."""

import base64

from companion.fields import each_read, refused, whole
from companion.ports import Doc, Put, RelayEvent

EARLY = "early"
EARLY_LIMIT = 200


def early_events(docs: tuple[Doc, ...], group: str) -> tuple[RelayEvent, ...]:
    """Return the events of a group that came before the keys they need, in their order."""
    found = each_read((doc for doc in docs if doc.get("group") == group), _early_event)
    return tuple(sorted(found, key=lambda event: event.seq))


@refused("an envelope that came early")
def _early_event(doc: Doc) -> RelayEvent:
    return RelayEvent(
        group=str(doc["group"]),
        seq=whole(doc["seq"]),
        cid=str(doc["cid"]),
        at_ms=whole(doc["at_ms"]),
        body=base64.b64decode(str(doc["body"]), validate=True),
    )


def early_id(event: RelayEvent) -> str:
    return f"{event.group}:{event.cid}"


def early(event: RelayEvent) -> Put:
    doc: Doc = {"_id": early_id(event), "_v": 1, "group": event.group, "seq": event.seq, "cid": event.cid}
    doc |= {"at_ms": event.at_ms, "body": base64.b64encode(event.body).decode()}
    return Put(EARLY, doc)
