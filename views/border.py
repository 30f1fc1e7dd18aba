"""The border to the client: what cannot be encoded, or shown without harm, is replaced and logged, whatever brought it.

Flet ends a window for good when one value of one control cannot be encoded. Everything that goes to the client passes
one encoder of Flet's; `guard_client` puts this one around it, once, before the first window. It owns nothing else and
is no reader: what comes from outside is read by `companion.strings` and `companion.fields`.
"""

import logging
import math
import re
import sys
from collections.abc import Callable
from typing import Any, Final

from flet.messaging import protocol

from companion.strings import clean_text

log = logging.getLogger(__name__)

Encode = Callable[[object], object]
NUMBER_MOST: Final = (1 << 53) - 1
"""Beyond it a browser's numbers are not exact."""
DEPTH_MOST: Final = 200
"""Levels of lists and objects inside one value; ours have a handful."""
REPLACED: Final = "\ufffd"
_HARMFUL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ufff9-\uffff]")
_TO_LOOK_AT: Final = frozenset({int, float, list, tuple, dict})
"""Besides texts. Anything else is an object that Flet's encoder is asked for by itself."""
_NAME: Final = "configure_encode_object_for_msgpack"


def guard_client() -> Callable[[], None]:
    """Guard every window of this process; return what takes the guard away."""
    original = protocol.configure_encode_object_for_msgpack

    def configure(control_cls: type) -> Encode:
        return guarded_encoder(original(control_cls))  # type: ignore[no-untyped-call]  # Flet leaves it unannotated

    places = [module for module in tuple(sys.modules.values()) if getattr(module, _NAME, None) is original]
    for module in places:  # a transport that is imported later takes it from `protocol`
        setattr(module, _NAME, configure)

    def restore() -> None:
        for module in tuple(sys.modules.values()):
            if getattr(module, _NAME, None) is configure:
                setattr(module, _NAME, original)

    return restore


def guarded_encoder(encode: Encode) -> Encode:
    """Return Flet's encoder of one object with the guard around it."""

    def guarded(value: object) -> object:
        try:
            encoded = encode(value)
        except Exception as error:  # edge: the client; Flet's own words may quote the value
            _note(value, type(error).__name__)
            return None
        if encoded is value and not isinstance(value, int | float | str | bytes):
            _note(value, "no encoding")
            return None
        if not isinstance(encoded, dict):
            return harmless(encoded)
        for key, inner in encoded.items():  # made for us a moment ago; what lies inside it is not ours to change
            kind = type(inner)
            if kind is str:
                if not inner.isprintable():
                    encoded[key] = _harmless_text(inner)
            elif kind in _TO_LOOK_AT:
                encoded[key] = harmless(inner)
        return encoded

    return guarded


def harmless(value: Any, depth: int = 0) -> Any:
    """Return a value as the client can take it; the same one if it can."""
    if isinstance(value, str):
        return value if value.isprintable() else _harmless_text(value)
    if isinstance(value, int):
        return value if -NUMBER_MOST <= value <= NUMBER_MOST else _number(value)
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if not isinstance(value, list | tuple | dict):
        return value  # an object of Flet's, which its encoder is asked for by itself
    if depth > DEPTH_MOST:
        _note(value, "depth")
        return None
    if isinstance(value, dict):
        return {harmless(key, depth + 1): harmless(inner, depth + 1) for key, inner in value.items()}
    return [harmless(inner, depth + 1) for inner in value]


def _harmless_text(value: str) -> str:
    """Half characters, control characters and turners of direction become U+FFFD, each in its place."""
    shown = _HARMFUL.sub(REPLACED, clean_text(value))
    if shown != value:
        log.warning("characters that cannot be shown were replaced")
    return shown


def _number(value: int) -> int:
    log.warning("a number beyond what the client can hold was replaced")
    return NUMBER_MOST if value > 0 else -NUMBER_MOST


def _note(value: object, why: str) -> None:
    log.error("a value of type %s could not be sent to the client: %s", type(value).__name__, why)
