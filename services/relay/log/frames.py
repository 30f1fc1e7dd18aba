"""Events as they leave the relay: fields of a JSON answer, or a frame of a stream that is made once for all readers."""

import base64
import json
from collections.abc import Mapping

from services.relay.devices.store import Item
from services.relay.log.store import Event
from services.sync.protocol import encode_octets

OPENED = b": open\n\n"
KEEPALIVE = b": keep\n\n"
LIVE = b"event: live\ndata: {}\n\n"


def event_fields(event: Event) -> dict[str, object]:
    return {
        "seq": event.seq,
        "cid": event.cid.hex(),
        "at_ms": event.at_ms,
        "body": encode_octets(event.body),
    }


def inbox_fields(item: Item) -> dict[str, object]:
    return {"seq": item.seq, "cid": item.cid.hex(), "at_ms": item.at_ms, "body": encode_octets(item.body)}


def inbox_frame(item: Item) -> bytes:
    return b"event: inbox\ndata: %s\n\n" % json.dumps(inbox_fields(item)).encode()


def event_frame(group: bytes, event: Event) -> bytes:
    """Written out rather than through `json`: nothing in it needs escaping, and it is made for every append."""
    head = f'event: event\ndata: {{"group":"{group.hex()}","seq":{event.seq},"cid":"{event.cid.hex()}"'
    body = base64.urlsafe_b64encode(event.body).rstrip(b"=")
    return b'%s,"at_ms":%d,"body":"%s"}\n\n' % (head.encode(), event.at_ms, body)


def refused_frame(group: bytes, error: str, details: Mapping[str, object]) -> bytes:
    fields = {"group": group.hex(), "error": error, **details}
    return b"event: refused\ndata: %s\n\n" % json.dumps(fields).encode()


def bye_frame(retry_ms: int) -> bytes:
    return b'event: bye\nretry: %d\ndata: {"retry_ms":%d}\n\n' % (retry_ms, retry_ms)
