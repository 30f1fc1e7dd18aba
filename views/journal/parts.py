"""Where a long page is cut, so that no field of it is so long that its keys come late. Pure.

What is stored stays one text: `join(cut(text)) == text`. What parts two paragraphs belongs to neither of their
fields, so that words typed at the end of one never run into the next.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

LIMIT = 30_000
"""Characters in one field. At this length a key takes three frames to be drawn; at 200,000 half a second."""

_BORDERS = (
    re.compile(r"(?:\r?\n){2}"),
    re.compile(r"\r?\n"),
    re.compile(r"(?<=[.!?\u2026\u3002])\s|(?<=[.!?\u2026][\"'\u201d\u2019)])\s"),
    re.compile(r"\s"),
)
"""Between paragraphs, lines, sentences, words: the first kind that there is."""
_JOINER = "\u200d"
_LETTERS_AND_SIGNS = ("Mn", "Mc", "Me")


class Piece(NamedTuple):
    """The words of one field, and what stands between them and the next field."""

    text: str
    gap: str


def cut(text: str, limit: int = LIMIT) -> tuple[Piece, ...]:
    """Return the text in pieces of at most `limit` characters (3 or more), with room to grow in each.

    A piece is longer only where there is nothing but one character with all its signs.
    """
    size, start, pieces = limit * 2 // 3, 0, list[Piece]()
    while len(text) - start > limit:
        begin, end = _border(text, start + size // 2, start + size)
        pieces.append(Piece(text[start:begin], text[begin:end]))
        start = end
    return (*pieces, Piece(text[start:], ""))


def join(pieces: Iterable[tuple[str, str]]) -> str:
    """Return the whole text."""
    return "".join(part for piece in pieces for part in piece)


def _border(text: str, low: int, high: int) -> tuple[int, int]:
    """Return where a gap begins and ends, the last of the best kind between these places."""
    for kind in _BORDERS:
        found = [match.span() for match in kind.finditer(text, low, high)]
        for begin, end in reversed(found):
            if is_between(text, begin) and is_between(text, end):
                return begin, end
    back = next((at for at in range(high, low, -1) if is_between(text, at)), 0)
    at = back or next(at for at in range(high, len(text) + 1) if is_between(text, at))
    return at, at


def is_between(text: str, at: int) -> bool:
    """Return whether two characters part here, as a reader sees them. Source: UAX 29, without its tables."""
    if at <= 0 or at >= len(text):
        return True
    before, after = text[at - 1], text[at]
    if before == "\r" and after == "\n":
        return False
    if before in "\r\n" or after in "\r\n":
        return True
    if unicodedata.category(after) in _LETTERS_AND_SIGNS or _goes_on(after) or before == _JOINER:
        return False
    if unicodedata.combining(before) == _VIRAMA or _is_half(before, "\ud800", "\udbff"):
        return False
    return not (_is_flag(before) and _is_flag(after) and _flags_before(text, at) % 2)


_VIRAMA = 9
"""The class of signs that bind two letters of Indian scripts."""


def _goes_on(sign: str) -> bool:
    """A joiner, a skin colour, the second half of a character, a tag, a later part of a Korean syllable."""
    return (
        sign in "\u200c\u200d"
        or "\U0001f3fb" <= sign <= "\U0001f3ff"
        or _is_half(sign, "\udc00", "\udfff")
        or "\U000e0020" <= sign <= "\U000e007f"
        or "\u1160" <= sign <= "\u11ff"
    )


def _is_half(sign: str, first: str, last: str) -> bool:
    return first <= sign <= last


def _is_flag(sign: str) -> bool:
    """Flags are written as two of these."""
    return "\U0001f1e6" <= sign <= "\U0001f1ff"


def _flags_before(text: str, at: int) -> int:
    start = at
    while start and _is_flag(text[start - 1]):
        start -= 1
    return at - start
