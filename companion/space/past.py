"""The keys of a space's past, for somebody who was given the newest one.

Each turn holds the key it turned from, sealed under the one it turned to. Whoever has a key can write something that
looks like a turn; so of all ways back the one counts that opens the first item, which newcomers know by its hash.
"""

from collections.abc import Mapping, Sequence

from companion.errors import MessageRejected
from companion.space.book import first_hash
from companion.space.items import open_item
from companion.space.turns import is_next, key_before, open_turn

WAYS_MOST = 16
"""Keys of one number that are looked behind."""


def past_keys(
    key: bytes, n: int, turns: Mapping[int, Sequence[bytes]], *, space: bytes, log: bytes, first: bytes, known_as: str
) -> tuple[bytes, ...] | None:
    """Return all keys from the number 0 to `n`, or None if no way leads back to the first item.

    `turns`: the envelopes that look like turns from each number; `first`: the envelope at the number 1 of the book,
    `known_as`: its hash.
    """
    if first_hash(first) != known_as:
        return None
    ways = _ways(key, n, 0, turns, space, log)
    return next((way for way in ways if _opens(way[0], log, first)), None)


def keys_behind(
    key: bytes, n: int, until: int, turns: Mapping[int, Sequence[bytes]], *, space: bytes, log: bytes
) -> tuple[bytes, ...]:
    """Return the keys of the number `until` from which these turns lead to `key`, number `n`.

    Any of them may be made up: the turn that leads to the right one says its hash.
    """
    return tuple(way[0] for way in _ways(key, n, until, turns, space, log))


def _ways(
    key: bytes, n: int, until: int, turns: Mapping[int, Sequence[bytes]], space: bytes, log: bytes
) -> list[tuple[bytes, ...]]:
    ways: list[tuple[bytes, ...]] = [(key,)]
    for number in range(n - 1, until - 1, -1):
        longer: dict[bytes, tuple[bytes, ...]] = {}
        for way in ways:
            for envelope in turns.get(number, ()):
                former = _turned_from(way[0], space, log, envelope)
                if former is not None and len(longer) < WAYS_MOST:
                    longer.setdefault(former, (former, *way))
        ways = list(longer.values())
        if not ways:
            break
    return ways


def _turned_from(key: bytes, space: bytes, log: bytes, envelope: bytes) -> bytes | None:
    try:
        former = key_before(key, space, envelope)
        turn = open_turn(former, log, envelope)
    except MessageRejected:
        return None
    return former if is_next(turn, key) else None


def _opens(key: bytes, log: bytes, envelope: bytes) -> bool:
    try:
        return open_item(key, log, envelope).n == 0
    except MessageRejected:
        return False
