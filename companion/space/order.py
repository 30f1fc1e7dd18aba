"""The order of a log, told in one hash: so that two who read it can tell whether they read the same.

`h` at the number `s` is SHA-256 over `h` at `s - 1` (zeros where 256 divides `s`, and at the first) | s (u64 BE) | cid.
It holds after bodies are gone, and can be worked out from any stretch of 256. Source: docs/protocol.md section 8.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from companion.crypto.primitives import HASH_BYTES, sha256
from companion.fields import as_id, as_list, refused, whole

STRETCH = 256


def stretch_start(seq: int) -> int:
    """Return the first number of the stretch in which this one lies."""
    return max(1, seq - seq % STRETCH)


def running_hash(start: int, cids: Sequence[str]) -> bytes:
    """Return `h` at the last of these cids, the first of which has the number `start`, where a stretch begins.

    The sequence must not go beyond the stretch. Raises: ValueError if it does, or begins elsewhere.
    """
    if not cids or stretch_start(start + len(cids) - 1) != start:
        raise ValueError("not within one stretch")
    h = bytes(HASH_BYTES)
    for seq, cid in enumerate(cids, start):
        h = sha256(h + seq.to_bytes(8, "big") + bytes.fromhex(cid))
    return h


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """How far somebody had read a log: in which life of it (the service's incarnation), to which number, and `h` there.

    Nothing read yet is the number 0 and no hash.
    """

    incarnation: str
    seq: int
    h: str

    def to_doc(self) -> list[object]:
        return [self.incarnation, self.seq, self.h]

    @classmethod
    @refused("what an author saw")
    def from_doc(cls, value: object) -> "Seen":
        incarnation, seq, h = as_list(value)
        if whole(seq) == 0:
            return cls(incarnation=as_id(incarnation), seq=0, h="")
        if not isinstance(h, str) or len(h) != 2 * HASH_BYTES or bytes.fromhex(h).hex() != h:
            raise ValueError("not a hash")
        return cls(incarnation=as_id(incarnation), seq=whole(seq), h=h)


def is_fork(theirs: Seen, incarnation: str, start: int, cids: Sequence[str]) -> bool | None:
    """Tell whether somebody was shown another log than we were, up to the number that they name.

    `cids` are ours from `start`, the first of that number's stretch, on. None where nothing can be said: they speak of
    another life of the log, had read nothing, or our cids do not reach so far.
    """
    length = theirs.seq - start + 1
    if theirs.incarnation != incarnation or theirs.seq == 0 or start != stretch_start(theirs.seq) or len(cids) < length:
        return None
    return running_hash(start, cids[:length]).hex() != theirs.h
