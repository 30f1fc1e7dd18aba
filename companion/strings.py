"""Every string from outside is read here: from peers, the service, invites, letters, keyboards, files and the store.

A *line* is a name, a topic, a title, an option: without line breaks, control characters, or characters that turn the
direction of what stands beside it, and with something to see. A *text* is what somebody said or wrote: it stays as it
was. Both are whole characters and have a bound.

Peers are refused (`read_line`, `read_text`). What I type is cleaned and never refused (`clean_line`, `clean_text`), and
so is what the store holds (`kept`), because it was taken in already.
"""

import re
import unicodedata

from companion.errors import MessageRejected

DEPTH_LIMIT = 64
NUMBER_END = 1 << 63

_HALVES = re.compile("[\ud800-\udfff]")
_HIDDEN = (
    "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"  # control characters
    "\u202a-\u202e\u2066-\u2069"  # embeddings, overrides and isolates of direction
    "\u206a-\u206f\ufff9-\ufffb\ufffe\uffff"  # deprecated format characters, annotations, no characters at all
)
_BREAKS = "\t-\r\x1c-\x1f\x85\u2028\u2029"
_NOT_IN_LINES = re.compile(f"[{_HIDDEN}{_BREAKS}]")
_HIDDEN_ONES = re.compile(f"[{_HIDDEN}]")
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zs", "Zl", "Zp", "Mn", "Me"})
_BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0")  # letters and signs that show nothing


def read_text(value: object, limit: int, what: str = "a text", *, may_be_empty: bool = False) -> str:
    """Return what somebody said, of at most `limit` characters. Raises MessageRejected."""
    if not isinstance(value, str) or len(value) > limit or not (value or may_be_empty):
        raise MessageRejected(f"{what}: not a text within {limit} characters")
    if not is_whole(value):
        raise MessageRejected(f"{what}: half a character")
    return value


def read_line(value: object, limit: int, what: str = "a line", *, may_be_empty: bool = False) -> str:
    """Return a name, topic, title or option of at most `limit` characters. Raises MessageRejected."""
    text = read_text(value, limit, what, may_be_empty=may_be_empty)
    if _NOT_IN_LINES.search(text) or (text and not is_seen(text)):
        raise MessageRejected(f"{what}: characters that have no place in a line")
    return text


def clean_text(typed: str) -> str:
    """Return what was typed in whole characters: halves that belong together are joined, others become U+FFFD."""
    if is_whole(typed):
        return typed
    return typed.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def clean_line(typed: str, limit: int | None = None) -> str:
    """Return what was typed as one line: single spaces, nothing hidden; empty if nothing is left to see."""
    words = " ".join(_HIDDEN_ONES.sub("", clean_text(typed)).split())[:limit].strip()
    return words if is_seen(words) else ""


def kept(value: object, limit: int | None = None) -> str:
    """Return a string of the store or of a device of mine, in whole characters. Raises ValueError if it is none."""
    if not isinstance(value, str):
        raise ValueError("not a string")
    return clean_text(value)[:limit]


def mended(value: object, depth: int = 0) -> object:
    """Return a document, or a part of one, with every string in whole characters; the same one if they are.

    Raises ValueError for what no document of ours is: nested without end, or with numbers that have none.
    """
    if _is_sound(value, depth):
        return value
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict) and depth <= DEPTH_LIMIT:
        return {mended(key): mended(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list) and depth <= DEPTH_LIMIT:
        return [mended(inner, depth + 1) for inner in value]
    raise ValueError("nested too deep, or a number too large")


def _is_sound(value: object, depth: int) -> bool:
    """Tell whether there is nothing to mend, as nearly always: every document that is saved passes here."""
    if isinstance(value, str):
        return value.isascii() or _HALVES.search(value) is None
    if value is None or isinstance(value, int | float):
        return value is None or -NUMBER_END <= value < NUMBER_END
    if depth > DEPTH_LIMIT:
        return False
    if isinstance(value, dict):
        for key, inner in value.items():
            if not (_is_sound(key, depth) and _is_sound(inner, depth + 1)):
                return False
    elif isinstance(value, list):
        for inner in value:
            if not _is_sound(inner, depth + 1):
                return False
    return True


def is_whole(text: str) -> bool:
    return text.isascii() or _HALVES.search(text) is None


def is_seen(text: str) -> bool:
    """Tell whether there is anything to see in it."""
    return any(unicodedata.category(letter) not in _UNSEEN and letter not in _BLANKS for letter in text)
