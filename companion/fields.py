"""Single fields of documents and contents, and one refusal for whatever is malformed.

It knows no format. Readers say what they read; whatever bad data can make Python raise becomes the error they name.
Strings are read by `companion.strings`.
"""

import logging
import struct
from collections.abc import Callable, Iterable
from contextlib import ContextDecorator
from types import TracebackType
from typing import TypeGuard, TypeVar

from companion.errors import CompanionError, CryptoError, MessageRejected, Tampered, UsageError

log = logging.getLogger(__name__)

D = TypeVar("D")
T = TypeVar("T")

MALFORMED = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError, struct.error)
"""What wrong types, missing fields, half characters, huge numbers and deep nesting raise."""

STAYS = (UsageError, Tampered, MessageRejected, CryptoError, *MALFORMED)
"""What the same try would meet again: it is said, or left out, and never tried as if it would pass."""


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


def each_read(docs: Iterable[D], read: Callable[[D], T]) -> tuple[T, ...]:
    """Return what `read` makes of each document. One that is refused is left out: it keeps no other away."""
    found = list[T]()
    for doc in docs:
        try:
            found.append(read(doc))
        except STAYS as error:
            log.warning("a document is left out: %s", type(error).__name__)
    return tuple(found)


def read_or(doc: D | None, read: Callable[[D], T], default: T) -> T:
    """Return what `read` makes of a document, the default if there is none or it is refused."""
    return next(iter(each_read(() if doc is None else (doc,), read)), default)


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


def objects(value: object) -> tuple[dict[str, object], ...]:
    """Return the objects in a list, none of anything else."""
    return tuple(one for one in value if isinstance(one, dict)) if isinstance(value, list) else ()


def as_id(value: object) -> str:
    if not isinstance(value, str) or len(value) != 32 or any(c not in "0123456789abcdef" for c in value):
        raise ValueError("not an id")
    return value
