"""Single fields of documents and contents, and one refusal for whatever is malformed.

It knows no format. Readers say what they read; whatever bad data can make Python raise becomes the error they name.
Strings are read by `companion.strings`.
"""

import struct
from contextlib import ContextDecorator
from types import TracebackType
from typing import TypeGuard

from companion.errors import CompanionError, MessageRejected

MALFORMED = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError, struct.error)
"""What wrong types, missing fields, half characters, huge numbers and deep nesting raise."""


class refused(ContextDecorator):  # reads as a clause: `with refused("a letter"):`
    """Around a block or a function: what is malformed raises `error`. Errors of ours pass as they are."""

    def __init__(self, what: str, error: type[CompanionError] = MessageRejected) -> None:
        self._what = what
        self._error = error

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, MALFORMED):
            raise self._error(f"{self._what} is malformed: {type(error).__name__}") from None


NUMBER_LIMIT = 1 << 53
"""Numbers of peers, of the service and of the store stay below it: every program and every client can hold them."""


def is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < NUMBER_LIMIT


def whole(value: object) -> int:
    if not is_whole(value):
        raise ValueError("not a number in range")
    return value


def as_object(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def as_list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise ValueError("not a list")
    return value


def as_id(value: object) -> str:
    if not isinstance(value, str) or len(value) != 32 or any(c not in "0123456789abcdef" for c in value):
        raise ValueError("not an id")
    return value
