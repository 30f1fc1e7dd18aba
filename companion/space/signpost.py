"""The signpost: the small log that recovery words lead to. It says whose words they are, and where their own space is.

Its entries are items (`companion.space.items`) under a key of the words, signed by a person's identity key. The first
that says "whose" pins that key: nobody else can put up another one. Of the others the furthest counts. They name
service, space, generation, number and first item of the own space, and its key, sealed to the words' box.
Source: docs/protocol.md section 8, "The recovery words".
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from companion.crypto import hpke
from companion.crypto.primitives import HASH_BYTES, RandomSource, hkdf, random_bytes, signing_public
from companion.errors import CryptoError, MessageRejected
from companion.farewells import SERVICE_LIMIT
from companion.fields import as_id, refused, whole
from companion.space.items import Item, key_number, open_item, seal_item
from companion.space.place import Space
from companion.space.turns import open_box, open_turn
from companion.space.words import Words
from companion.strings import read_line

WHOSE, WAY = "whose", "way"
_SEALED_BYTES = HASH_BYTES + 48  # HPKE adds the encapsulated key and a tag


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Where the own space is. `first` is the hash of its first item, `sealed` its key `n`, sealed to the words' box."""

    service: str
    space: str
    generation: int
    n: int
    first: str
    sealed: bytes

    @property
    def rank(self) -> tuple[int, int]:
        """What tells which of two ways leads further."""
        return self.generation, self.n


@dataclass(frozen=True, slots=True, kw_only=True)
class Signpost:
    """What a signpost comes to. `identity` is the pinned key, empty without any, pinned at the number `whose_seq`;
    `way_seq` is where the way stands. `rest`: the numbers of all else that still has a body.
    """

    identity: bytes = b""
    whose_seq: int = 0
    way: Way | None = None
    way_seq: int = 0
    rest: tuple[int, ...] = ()


def way_to(words: Words, space: Space) -> Way:
    """Return the way to a space under its newest key. Every device comes to the same octets, so each can tell whether
    what stands there is what it would say.
    """
    key, info = space.keys[-1], _info(words, space.id, space.n)
    return Way(
        service=space.service,
        space=space.id,
        generation=space.generation,
        n=space.n,
        first=space.first,
        sealed=hpke.seal(
            words.box, info, key, random=lambda length: hkdf(key, b"companion words way v1|" + info, length)
        ),
    )


def whose_entry(words: Words, identity_private: bytes, random: RandomSource = random_bytes) -> bytes:
    """Return the envelope that pins a person's identity key."""
    return seal_item(words.key, 0, words.octets, identity_private, {"kind": WHOSE}, random)


def way_entry(words: Words, identity_private: bytes, way: Way, random: RandomSource = random_bytes) -> bytes:
    """Return the envelope that names a way."""
    content = {
        "kind": WAY,
        "service": way.service,
        "space": way.space,
        "generation": way.generation,
        "n": way.n,
        "first": way.first,
        "key": way.sealed.hex(),
    }
    return seal_item(words.key, 0, words.octets, identity_private, content, random)


@refused("a way to a space")
def read_way(content: Mapping[str, object]) -> Way:
    """Return the way that an entry names. Raises: MessageRejected."""
    sealed, first = bytes.fromhex(str(content["key"])), str(content["first"])
    if len(sealed) != _SEALED_BYTES or bytes.fromhex(first).hex() != first or len(first) != 2 * HASH_BYTES:
        raise MessageRejected("a way without a key or a beginning")
    return Way(
        service=read_line(content["service"], SERVICE_LIMIT, "a service"),
        space=as_id(content["space"]),
        generation=whole(content["generation"]),
        n=whole(content["n"]),
        first=first,
        sealed=sealed,
    )


def fold(words: Words, entries: Iterable[tuple[int, bytes]]) -> Signpost:
    """Return what the entries of a small log, with their numbers and in their order, come to. An empty body is the
    place of one that was emptied.
    """
    post = Signpost()
    full = [(seq, body) for seq, body in entries if body]
    for seq, body in full:
        try:
            post = _after(post, seq, open_item(words.key, words.octets, body))
        except MessageRejected:
            continue  # whatever else stands there says nothing
    return replace(post, rest=tuple(seq for seq, _ in full if seq not in (post.whose_seq, post.way_seq)))


def _after(post: Signpost, seq: int, item: Item) -> Signpost:
    if item.content.get("kind") == WHOSE and not post.identity:
        return Signpost(identity=item.signer, whose_seq=seq)
    if item.content.get("kind") != WAY or item.signer != post.identity:
        return post
    way = read_way(item.content)
    if post.way is not None and way.rank < post.way.rank:
        return post
    return replace(post, way=way, way_seq=seq)


def is_mine(post: Signpost, identity_private: bytes) -> bool:
    return post.identity == signing_public(identity_private)


@refused("the key of a way")
def open_way(words: Words, box_private: bytes, way: Way) -> bytes:
    """Return the space's key. Raises: MessageRejected if it was not sealed to these words for this space and number."""
    try:
        key = hpke.open_sealed(box_private, _info(words, way.space, way.n), way.sealed)
    except CryptoError:
        raise MessageRejected("a way whose key does not open") from None
    if len(key) != HASH_BYTES:
        raise MessageRejected("a way to no key")
    return key


def key_after(
    words: Words, box_private: bytes, *, space: bytes, log: bytes, key: bytes, n: int, book: Sequence[bytes]
) -> bytes | None:
    """Return the key that the book turned to from `n`, by the words' box in that turn; None if it has none for them.

    `book`: its envelopes, in their order. The service takes one turn from each number.
    """
    for envelope in book:
        try:
            if key_number(envelope) == (n, True):
                return open_box(open_turn(key, log, envelope), space, words.holder, box_private)
        except MessageRejected:
            continue
    return None


def _info(words: Words, space: str, n: int) -> bytes:
    return b"companion words key v1|" + words.octets + bytes.fromhex(space) + n.to_bytes(8, "big")
