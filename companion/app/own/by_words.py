"""From the recovery words alone to a person's own space: who they are, which space it is, and its newest key."""

from dataclasses import dataclass, replace

from companion.app.own.signposting import entries_of
from companion.errors import MessageRejected, NothingByWords, RelayRefused, UnreadableByWords
from companion.ports import Relay
from companion.space.keys import BOOK, capability, log_id
from companion.space.signpost import fold, key_after, open_way
from companion.space.words import Words, words_box, words_of

TURNS_MOST = 64
"""Turns after which the signpost was not put right any more."""
PAGES_MOST = 64
"""A page is up to 500 events: a service that goes on and on is read no further."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Where words lead: a person's identity key (Ed25519), and their own space with the key of the number `n`.

    `first` is the hash of its first item: it tells, among the keys of the past, which ones are true.
    """

    identity_key: bytes
    service: str
    space: str
    generation: int
    n: int
    key: bytes
    first: str


async def find_by_words(recovery: bytes, relay: Relay) -> Found:
    """Return where the words with these 32 bytes lead at a service.

    Raises: NothingByWords, UnreadableByWords, and SyncError, such as Offline.
    """
    words = words_of(recovery)
    try:
        events, _ = await entries_of(relay, words)
    except RelayRefused as error:
        if error.status == 404:
            raise NothingByWords("no signpost") from None
        raise
    bodies = [(event.seq, event.body) for event in events]
    post = fold(words, bodies)
    if post.way is None:
        if any(body for _, body in bodies):
            raise UnreadableByWords("a signpost that names no way")
        raise NothingByWords("an empty signpost")
    try:
        key = open_way(words, words_box(recovery), post.way)
    except MessageRejected:
        raise UnreadableByWords("a way whose key does not open") from None
    way = post.way
    found = Found(
        identity_key=post.identity,
        service=way.service,
        space=way.space,
        generation=way.generation,
        n=way.n,
        key=key,
        first=way.first,
    )
    return await _to_the_newest(found, words, words_box(recovery), relay)


async def _to_the_newest(found: Found, words: Words, box_private: bytes, relay: Relay) -> Found:
    """Follow the turns that came after the signpost was put right: each has a box for the words."""
    space = bytes.fromhex(found.space)
    book, bodies = log_id(space, BOOK), list[bytes]()
    for _ in range(TURNS_MOST):
        bodies += await _bodies(relay, book, capability(found.key, book).hex(), len(bodies))
        key = key_after(words, box_private, space=space, log=book, key=found.key, n=found.n, book=bodies)
        if key is None:
            break
        found = replace(found, key=key, n=found.n + 1)
    return found


async def _bodies(relay: Relay, log: bytes, opens: str, since: int) -> list[bytes]:
    """Return what stands in a log after a number, as far as one capability reads."""
    found = list[bytes]()
    try:
        for _ in range(PAGES_MOST):
            page = await relay.events(log.hex(), opens, since + len(found))
            if not page:
                break
            found += [event.body for event in page]
    except RelayRefused as error:
        if error.status == 404:
            raise UnreadableByWords("a way to no space") from None
        if error.reason != "rotated":  # it reads up to the turn to the next key
            raise
    return found
