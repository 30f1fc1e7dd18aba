"""The cids of a log in their order, a stretch of 256 to a document: what the running hash is worked out from."""

from companion.fields import read_or, refused
from companion.ports import Change, Doc, Documents, Drop, Put
from companion.space.items import CID_BYTES
from companion.space.order import STRETCH, running_hash, stretch_start
from companion.strings import kept

_HEX = 2 * CID_BYTES


def cids_table(log: str) -> str:
    return f"cids:{log}"


class Ladder:
    """One log's. It is only as whole as what was read: a stretch of which the beginning is missing has no hash."""

    def __init__(self, log: str, documents: Documents) -> None:
        self._table = cids_table(log)
        self._documents = documents

    async def cids(self, start: int) -> tuple[str, ...]:
        """Return the cids from the first of a stretch on, as far as they are known."""
        doc = await self._documents.get(self._table, str(start))
        return read_or(doc, _read, ())

    async def cid(self, seq: int) -> str:
        """Return what stands at this number, empty if it is not known here."""
        start = stretch_start(seq)
        cids = await self.cids(start)
        return cids[seq - start] if seq - start < len(cids) else ""

    async def h(self, seq: int) -> bytes:
        """Return the running hash at this number, empty if it is not known here."""
        start = stretch_start(seq)
        cids = await self.cids(start)
        length = seq - start + 1
        return running_hash(start, cids[:length]) if len(cids) >= length else b""

    async def with_one(self, seq: int, cid: str) -> Change:
        """Return the change that notes what stands at this number. One that leaves a gap is not noted."""
        start = stretch_start(seq)
        cids = await self.cids(start)
        place = seq - start
        if place > len(cids):
            return Change()
        known = (*cids[:place], cid, *cids[place + 1 :])
        return Change(put=(Put(self._table, _doc(start, known)),))

    async def cut(self, head: int, cursor: int) -> Change:
        """Return the change that forgets everything beyond a number, up to the cursor."""
        start, change = stretch_start(head) if head else 1, Change()
        kept_ones = (await self.cids(start))[: head - start + 1] if head else ()
        change += Change(put=(Put(self._table, _doc(start, kept_ones)),))
        for later in range(stretch_start(start + STRETCH), cursor + 1, STRETCH):
            change += Change(drop=(Drop(self._table, str(later)),))
        return change


def _doc(start: int, cids: tuple[str, ...]) -> Doc:
    return {"_id": str(start), "_v": 1, "cids": "".join(cids)}


@refused("a stretch of cids")
def _read(doc: Doc) -> tuple[str, ...]:
    text = kept(doc["cids"])
    bytes.fromhex(text)
    if len(text) % _HEX or len(text) > STRETCH * _HEX:
        raise ValueError("not a stretch")
    return tuple(text[i : i + _HEX] for i in range(0, len(text), _HEX))
