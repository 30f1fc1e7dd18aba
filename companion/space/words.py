"""What follows from the recovery words: their slot in every store, their box, and the small log that they lead to.

All of it by HKDF from the 32 bytes behind the words, with a label for each use. `Words` is what a device keeps: with
it the device lets the words open its store, seals keys to them, and keeps their small log, but reads nothing that was
sealed to their box. The words' own key is never stored.
"""

from dataclasses import dataclass

from companion.crypto.keyslots import slot_public, words_secret
from companion.crypto.primitives import dh_public, hkdf, sha256
from companion.fields import as_id, refused, whole
from companion.space.cards import read_box, read_key
from companion.space.keys import ID_BYTES

TABLE = "words"
KNOWN = "known"
"""The document of the words that this device goes by; the one of those that a space goes by has the space's id."""
SAID = "words"
"""The kind of the letter and of the item that tell of words."""
STEP = 1_000
"""By so many numbers words may be ahead of those known here, so that nobody uses all numbers up at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """`log`, `capability` and `keeper` are of the small log, as its service needs them; `key` seals its entries.

    `box` (X25519) is what is sealed to the words, `slot` what a store is locked to. `number` counts how often a person
    had new words, from 1; of two the one with the higher number counts.
    """

    number: int
    log: str
    capability: str
    keeper: str
    key: bytes
    box: bytes
    slot: bytes

    @property
    def octets(self) -> bytes:
        """The small log's id."""
        return bytes.fromhex(self.log)

    @property
    def holder(self) -> bytes:
        """The id of the words' box in a turn: no device's, as those follow from 32 bytes."""
        return sha256(b"companion words holder v1|" + self.box)[:ID_BYTES]

    def follows(self, known: "Words | None") -> bool:
        """Tell whether these are later words than those that are known."""
        return known is None or known.number < self.number <= known.number + STEP

    def known_doc(self) -> dict[str, object]:
        """Return the document of the words that a device goes by."""
        return {"_id": KNOWN, "_v": 1, **self.to_doc()}

    def told(self) -> dict[str, object]:
        """Return what tells another device of them, in a letter or in the own space's book."""
        return {"kind": SAID, **self.to_doc()}

    def to_doc(self) -> dict[str, object]:
        return {
            "number": self.number,
            "log": self.log,
            "capability": self.capability,
            "keeper": self.keeper,
            "key": self.key.hex(),
            "box": self.box.hex(),
            "slot": self.slot.hex(),
        }

    @classmethod
    @refused("recovery words")
    def from_doc(cls, doc: dict[str, object]) -> "Words":
        """Raises: MessageRejected, also for keys that nothing can be sealed to."""
        if not whole(doc["number"]):
            raise ValueError("words are numbered from 1")
        return cls(
            number=whole(doc["number"]),
            log=as_id(doc["log"]),
            capability=read_key(doc["capability"]).hex(),
            keeper=read_key(doc["keeper"]).hex(),
            key=read_key(doc["key"]),
            box=read_box(doc["box"]),
            slot=read_box(doc["slot"]),
        )


def words_of(recovery: bytes, number: int = 1) -> Words:
    """Return what a device keeps of the words whose 32 bytes these are."""

    def derived(use: str) -> bytes:
        return hkdf(recovery, f"companion words {use} v1".encode())

    return Words(
        number=number,
        log=derived("log")[:ID_BYTES].hex(),
        capability=derived("capability").hex(),
        keeper=derived("keeper").hex(),
        key=derived("entry"),
        box=dh_public(words_box(recovery)),
        slot=slot_public(words_secret(recovery)),
    )


def words_box(recovery: bytes) -> bytes:
    """Return the private key of the words' box: only who has the words opens what was sealed to it."""
    return hkdf(recovery, b"companion words box v1")
