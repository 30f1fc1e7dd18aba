"""What waits to be sent, one document each. It is written in the commit that decided on it, and dropped when settled.

A content waits in plain (the store is sealed) beside its sealed form, because keys may change before it goes: it is
then sealed again for those who are in at that time, under the same cid, so that it can land only once.
"""

import base64
from dataclasses import dataclass, replace

from companion.crypto.primitives import sha256
from companion.fields import as_object, refused, whole
from companion.strings import kept, mended

TABLE = "outbox"
CREATE, CONTENT, COMMIT, PROPOSAL, LETTER = "create", "content", "commit", "proposal", "letter"
MEMBERSHIP = frozenset({"joining", "devices"})
"""Kinds of content that take effect in the order of the group, on the device that sent them too."""


def is_membership(content: dict[str, object] | None) -> bool:
    return content is not None and str(content.get("kind")) in MEMBERSHIP


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One thing to send. `kind`: "create" (the group itself), "content", "commit", "proposal" or "letter".

    `epoch` is the one it was sealed in; `hashes` are the SHA-256 of every sealed form so far. A content without a body
    waits for a change of keys. A commit has the `capability` it goes out with, and the next one. `message` is settled
    with it; `due_ms` is when it may go, ms since the epoch, 0 for at once. `is_fixed`: it is offered again to a
    service whose log is another one, and must go as it went; `place` is the number it had there.
    """

    cid: str
    service: str
    kind: str
    group: str = ""
    device: str = ""
    content: dict[str, object] | None = None
    body: bytes = b""
    epoch: int = 0
    hashes: tuple[str, ...] = ()
    capability: str = ""
    next_capability: str = ""
    message: str = ""
    blobs: tuple[str, ...] = ()
    due_ms: int = 0
    is_fixed: bool = False
    place: int = 0

    def sealed(self, body: bytes, epoch: int) -> "Outgoing":
        """Return it with another sealed form, or with none for now."""
        hashes = (*self.hashes, sha256(body).hex()) if body else self.hashes
        return replace(self, body=body, epoch=epoch, hashes=hashes)

    def was(self, body: bytes) -> bool:
        """Tell whether this is what we once sealed under this cid."""
        return sha256(body).hex() in self.hashes

    def to_doc(self) -> dict[str, object]:
        return {
            "_id": self.cid,
            "_v": 1,
            "service": self.service,
            "kind": self.kind,
            "group": self.group,
            "device": self.device,
            "content": self.content,
            "body": base64.b64encode(self.body).decode(),
            "epoch": self.epoch,
            "hashes": list(self.hashes),
            "capability": self.capability,
            "next_capability": self.next_capability,
            "message": self.message,
            "blobs": list(self.blobs),
            "due_ms": self.due_ms,
            "is_fixed": self.is_fixed,
            "place": self.place,
        }

    @classmethod
    @refused("what waits to be sent")
    def from_doc(cls, doc: dict[str, object]) -> "Outgoing":
        content, hashes, blobs = doc["content"], doc["hashes"], doc["blobs"]
        return cls(
            cid=kept(doc["_id"]),
            service=kept(doc["service"]),
            kind=kept(doc["kind"]),
            group=kept(doc["group"]),
            device=kept(doc["device"]),
            content=as_object(mended(content)) if isinstance(content, dict) else None,
            body=base64.b64decode(kept(doc["body"])),
            epoch=whole(doc["epoch"]),
            hashes=tuple(map(str, hashes)) if isinstance(hashes, list) else (),
            capability=kept(doc["capability"]),
            next_capability=kept(doc["next_capability"]),
            message=kept(doc["message"]),
            blobs=tuple(map(str, blobs)) if isinstance(blobs, list) else (),
            due_ms=whole(doc["due_ms"]),
            is_fixed=bool(doc["is_fixed"]),
            place=whole(doc.get("place", 0)),  # 0.1.0 kept none
        )
