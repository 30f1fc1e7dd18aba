"""Names, tags, topics, options and searches compared as the eye sees them.

Two texts that look alike are one: whatever their case, composed or not, full width or a mathematical alphabet, with or
without characters that show nothing, with straight or curly apostrophes, with any dash, and with letters of one script
in the place of those of another. Accents count. What is kept keeps its spelling; only comparisons go through here.
Source: UTS #39 (skeletons), Unicode's NFKC_Casefold; which letters look alike is data, in `companion.confusables`.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable

from companion.confusables import CAPITAL, SMALL

_IGNORABLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]"
)
_MARKS = {
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u02b9\u02bb\u02bc\u02bd\u02c8\u2032\u2035\u055a\uff07`\u00b4", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u2036\u00ab\u00bb", '"'),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\u2e3a\u2e3b\ufe58\ufe63\uff0d\u058a\u1400", "-"),
    "\U00020bb7": "\u5409",
    "\u9ad9": "\u9ad8",
    "\ufa11": "\u5d0e",  # ways to write one character of a name
}
_PLAIN_MARKS = str.maketrans(_MARKS)
_LETTERS = str.maketrans(_MARKS | {letter: seen for seen, letters in SMALL.items() for letter in letters})
_CAPITALS = str.maketrans({letter: seen for seen, letters in CAPITAL.items() for letter in letters})
_FOREIGN = str.maketrans(
    {letter: seen for letter, seen in _CAPITALS.items() if not unicodedata.name(chr(letter)).startswith("LATIN")}
)
_HAS_FOREIGN = re.compile(f"[{''.join(map(chr, _FOREIGN))}]")
_WORD = re.compile(r"\w+")
_STRANGE = re.compile("(?<![^\x00- ])[^\x00- ]*[^\x00-\x7f][^\x00- ]*(?: [^\x00- ]*[^\x00-\x7f][^\x00- ]*)*")
_LATIN = re.compile("[A-Za-z]")
_MORE_ALIKE = (("0", "o"), ("1", "l"), ("|", "l"), ("i", "l"), ("rn", "m"), ("vv", "w"))


def seen_as(text: str) -> str:
    """Return what the eye makes of a text: two texts look alike if this is the same for both."""
    return in_parts(text, _seen)


def plainly_marked(text: str) -> str:
    """Return the text with straight apostrophes, quotes and dashes, and without what shows nothing."""
    return _IGNORABLE.sub("", text).translate(_PLAIN_MARKS)


def in_parts(text: str, change: Callable[[str], str]) -> str:
    """Return the text with words of plain ASCII in small letters and `change` made of the others: most are plain."""
    if text.isascii():
        return text.lower().replace("`", "'")
    parts, place = list[str](), 0
    for found in _STRANGE.finditer(text):
        parts += (text[place : found.start()].lower().replace("`", "'"), change(found[0]))
        place = found.end()
    return "".join((*parts, text[place:].lower().replace("`", "'")))


def _seen(word: str) -> str:
    shown = plainly_marked(word)  # before NFKC: it makes a space of a lone accent
    plain = unicodedata.normalize("NFKC", shown)
    mixed = _WORD.sub(_without_strange_capitals, plain) if _HAS_FOREIGN.search(plain) else plain
    folded = unicodedata.normalize("NFKC", mixed.casefold())
    return unicodedata.normalize("NFC", folded.translate(_LETTERS))


def _without_strange_capitals(word: re.Match[str]) -> str:
    """Capitals of another script among Latin letters are there to be taken for Latin ones."""
    return word[0].translate(_FOREIGN) if _LATIN.search(word[0]) else word[0]


def without_accents(text: str) -> str:
    return "".join(one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one))


def are_alike(name: str, other: str) -> bool:
    """Tell whether one name may be taken for the other.

    Names are compared more strictly than words: without accents, spaces and marks, and with 0 like O, 1 and i like l
    (the capital of one is the other to the eye), rn like m, vv like w.
    """
    return seen_as(name) == seen_as(other) or _drawn(name) == _drawn(other)


def _drawn(name: str) -> str:
    capitals = unicodedata.normalize("NFKC", name).translate(_CAPITALS)
    bare = without_accents(seen_as(capitals))
    shown = "".join(one for one in bare if one.isalnum() or one == "|")
    for one, other in _MORE_ALIKE:
        shown = shown.replace(one, other)
    return shown or bare


def is_among(text: str, others: Iterable[str]) -> bool:
    """Tell whether one of the others looks like this text."""
    seen = seen_as(text)
    return any(seen_as(other) == seen for other in others)


def each_once(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the texts without those that look like an earlier one."""
    found: dict[str, str] = {}
    for text in texts:
        found.setdefault(seen_as(text), text)
    return tuple(found.values())
