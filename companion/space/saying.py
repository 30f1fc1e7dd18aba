"""What waits to be said in a space: written in the commit that decided on it, dropped when it has come back.

It waits in plain, because keys may turn before it goes, and is sealed when it goes. The sealed form is kept until it
has landed or cannot any more, so that it is never in a log twice.
"""

import base64
from dataclasses import dataclass, replace

from companion.fields import as_id, as_list, as_object, refused, whole
from companion.space.items import cid_of
from companion.strings import kept, mended

TABLE = "sayings"
CREATE, ITEM, TURN = "create", "item", "turn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """`kind`: "create" (the log itself), "item", or "turn" (to the key that stands in `key`, made for this turn).

    `log` is its name. `n` is the number of the key that `body` is sealed under; an empty body was not sealed yet.
    `erase` is the SHA-256 of the secret that erases it, or empty. What has `awaits` is not ready: files go first.
    `by` is the public key it is to be signed for, empty for this device's own in the space.
    """

    id: str
    space: str
    log: str
    kind: str
    content: dict[str, object]
    body: bytes = b""
    n: int = 0
    key: bytes = b""
    erase: str = ""
    blobs: tuple[str, ...] = ()
    awaits: bool = False
    by: bytes = b""

    @property
    def cid(self) -> str:
        """What it goes under: what is sealed has an id of its own, a log that is made has ours."""
        return cid_of(self.body) if self.body else self.id

    @property
    def is_again(self) -> bool:
        """It stood in the log before, and the service lost it: only its sealed form is here."""
        return self.kind == ITEM and bool(self.body) and not self.content

    def sealed(self, body: bytes, n: int) -> "Saying":
        return replace(self, body=body, n=n)

    def to_doc(self) -> dict[str, object]:
        return {
            "_id": self.id,
            "_v": 1,
            "space": self.space,
            "log": self.log,
            "kind": self.kind,
            "content": self.content,
            "body": base64.b64encode(self.body).decode(),
            "n": self.n,
            "key": self.key.hex(),
            "erase": self.erase,
            "blobs": list(self.blobs),
            "awaits": self.awaits,
            "by": self.by.hex(),
        }

    @classmethod
    @refused("what waits to be said")
    def from_doc(cls, doc: dict[str, object]) -> "Saying":
        return cls(
            id=as_id(doc["_id"]),
            space=as_id(doc["space"]),
            log=kept(doc["log"]),
            kind=kept(doc["kind"]),
            content=as_object(mended(as_object(doc["content"]))),
            body=base64.b64decode(kept(doc["body"])),
            n=whole(doc["n"]),
            key=bytes.fromhex(kept(doc["key"])),
            erase=kept(doc["erase"]),
            blobs=tuple(as_id(one) for one in as_list(doc["blobs"])),
            awaits=doc["awaits"] is True,
            by=bytes.fromhex(kept(doc.get("by", ""))),
        )
