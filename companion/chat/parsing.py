"""Reading single fields of a peer's content. Everything has a bound; whatever is outside it is rejected."""

from collections.abc import Mapping

from companion import strings
from companion.errors import MessageRejected
from companion.fields import NUMBER_LIMIT

HEX = frozenset("0123456789abcdef")

Content = Mapping[str, object]


def read_text(content: Content, field: str, limit: int, *, may_be_empty: bool = False) -> str:
    """Return the field's text of at most `limit` characters. Raises MessageRejected."""
    return strings.read_text(content.get(field, ""), limit, field, may_be_empty=may_be_empty)


def read_line(content: Content, field: str, limit: int, *, may_be_empty: bool = False) -> str:
    """Return the field's line of at most `limit` characters: a name, topic or option. Raises MessageRejected."""
    return strings.read_line(content.get(field, ""), limit, field, may_be_empty=may_be_empty)


def read_id(content: Content, field: str, *, may_be_empty: bool = False) -> str:
    """Return 32 lower-case hex characters, or "" where that is allowed. Raises MessageRejected."""
    return as_id(content.get(field, ""), field, may_be_empty=may_be_empty)


def as_id(value: object, field: str, *, may_be_empty: bool = False) -> str:
    if may_be_empty and value == "":
        return ""
    if not isinstance(value, str) or len(value) != 32 or not set(value) <= HEX:
        raise MessageRejected(f"{field}: not an id")
    return value


def read_ids(content: Content, field: str, limit: int) -> tuple[str, ...]:
    """Return up to `limit` different ids in their order. Raises MessageRejected."""
    return tuple(dict.fromkeys(as_id(value, field) for value in read_list(content, field, limit)))


def read_list(content: Content, field: str, limit: int) -> list[object]:
    value = content.get(field, [])
    if not isinstance(value, list) or len(value) > limit:
        raise MessageRejected(f"{field}: not a list of up to {limit}")
    return value


def read_number(content: Content, field: str, *, least: int = 0, most: int = NUMBER_LIMIT - 1) -> int:
    """Return a whole number from `least` to `most`. Raises MessageRejected."""
    value = content.get(field)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise MessageRejected(f"{field}: not a number from {least} to {most}")
    return value


def read_flag(content: Content, field: str) -> bool:
    """Return the field, False where it is missing. Raises MessageRejected."""
    value = content.get(field, False)
    if not isinstance(value, bool):
        raise MessageRejected(f"{field}: neither true nor false")
    return value


def read_object(content: Content, field: str) -> Content:
    value = content.get(field)
    if not isinstance(value, dict):
        raise MessageRejected(f"{field}: not an object")
    return value
