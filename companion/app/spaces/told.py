"""What was said lately in a log, whole, in case the service loses its end and has to be given it again.

That is what this device said, and every turn, whoever made it: without them nothing after them opens. Of the book it is
everything, as a turn goes by the place in the book where its author stood.
"""

from dataclasses import replace

from companion.fields import as_object, each_read, refused, whole
from companion.ports import Doc, Put, RelayEvent, Store
from companion.space.items import cid_of
from companion.space.saying import ITEM, TURN, Saying

TOLD_KEPT = 500


def told_table(log_id: str) -> str:
    return f"told:{log_id}"


def told(log_id: str, seq: int, one: Saying) -> Put:
    """Keep what stands at this number. Its words lie where they belong: here is only the sealed form."""
    return Put(told_table(log_id), {"_id": one.cid, "_v": 1, "seq": seq, "saying": replace(one, content={}).to_doc()})


def told_turn(space: str, log: str, event: RelayEvent, n: int, key: bytes) -> Put:
    """Keep a turn of somebody else."""
    one = Saying(id=cid_of(event.body), space=space, log=log, kind=TURN, content={}, body=event.body, n=n, key=key)
    return told(event.group, event.seq, one)


def told_item(space: str, log: str, event: RelayEvent, n: int) -> Put:
    """Keep what somebody else said in the book."""
    one = Saying(id=cid_of(event.body), space=space, log=log, kind=ITEM, content={}, body=event.body, n=n)
    return told(event.group, event.seq, one)


async def told_of(store: Store, log_id: str) -> list[tuple[int, Saying]]:
    """Return what is kept of the end of a log, with its numbers, in order; what cannot be read is left out."""
    return sorted(each_read(await store.all(told_table(log_id)), _read), key=lambda pair: pair[0])


@refused("what was said lately")
def _read(doc: Doc) -> tuple[int, Saying]:
    return whole(doc["seq"]), Saying.from_doc(as_object(doc["saying"]))
