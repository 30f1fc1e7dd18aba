"""Reading what callers sent: bounded, typed, and refused with one sentence if it does not fit."""

import asyncio
import json
from collections.abc import Callable
from typing import TypeVar

from starlette.requests import Request

from services.relay.refusal import Refusal, bad_request
from services.sync.protocol import CAPABILITY_HEADER, capability_hash, decode_octets, parse_capability, parse_id

FIELDS_LIMIT_BYTES = 4_096
BODY_TIMEOUT_S = 20

T = TypeVar("T")


async def read_body(request: Request, limit: int, timeout_s: float = BODY_TIMEOUT_S) -> bytes:
    """Return the body. Raises 413 over `limit` bytes and 408 if it does not arrive in time."""
    too_large = Refusal(413, "too-large", f"The body has more than {limit} bytes.")
    try:
        if int(request.headers.get("content-length", "0")) > limit:
            raise too_large
    except ValueError:
        raise bad_request("The length of the body is not a number.") from None
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(timeout_s):
            async for chunk in request.stream():
                size += len(chunk)
                if size > limit:
                    raise too_large
                chunks.append(chunk)
    except TimeoutError:
        raise Refusal(408, "bad-request", "The body did not arrive in time.") from None
    return b"".join(chunks)


def read_header(request: Request, name: str, parse: Callable[[object], T]) -> T:
    """Return a header through its parser. Raises 400 without it or if it does not parse."""
    try:
        return parse(request.headers.get(name))
    except ValueError:
        raise bad_request(f"The header {name} is missing or malformed.") from None


def read_capability(request: Request) -> bytes:
    """Return the hash of the capability that the caller shows: the capability itself goes no further than this."""
    return capability_hash(read_header(request, CAPABILITY_HEADER, parse_capability))


def path_id(request: Request, name: str) -> bytes:
    try:
        return parse_id(request.path_params[name])
    except ValueError:
        raise bad_request("An id is 32 lower-case hex characters.") from None


def read_query(request: Request, name: str, least: int, most: int, default: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdecimal() or len(text) > 19 or not least <= int(text) <= most:
        raise bad_request(f"The parameter {name} must be a number from {least} to {most}.")
    return int(text)


class Fields:
    """The fields of a JSON object; each accessor raises 400 if the field is missing or not of its kind."""

    def __init__(self, values: dict[str, object]) -> None:
        self._values = values

    def id(self, name: str) -> bytes:
        return self._parsed(name, parse_id)

    def capability(self, name: str) -> bytes:
        return self._parsed(name, parse_capability)

    def octets(self, name: str, length: int) -> bytes:
        value = self._parsed(name, decode_octets)
        if len(value) != length:
            raise bad_request(f"The field {name} must have {length} bytes.")
        return value

    def number(self, name: str, most: int, default: int | None = None) -> int:
        value = self._values.get(name)
        if default is not None and name not in self._values:
            return default
        if type(value) is not int or not 0 <= value <= most:
            raise bad_request(f"The field {name} must be a whole number.")
        return value

    def text(self, name: str, most: int, default: str | None = None) -> str:
        value = self._values.get(name, default)
        if not isinstance(value, str) or not 0 < len(value) <= most:
            raise bad_request(f"The field {name} must be a text of at most {most} characters.")
        return value

    def items(self, name: str, most: int) -> list["Fields"]:
        value = self._values.get(name)
        if not isinstance(value, list) or len(value) > most:
            raise bad_request(f"The field {name} must be a list of at most {most}.")
        if not all(isinstance(item, dict) for item in value):
            raise bad_request(f"The field {name} must be a list of objects.")
        return [Fields(item) for item in value]

    def many_octets(self, name: str, most: int, longest: int) -> tuple[bytes, ...]:
        """Return a list of at most `most` values of 1 to `longest` bytes."""
        values = self._values.get(name)
        if not isinstance(values, list) or len(values) > most:
            raise bad_request(f"The field {name} must be a list of at most {most}.")
        return tuple(_bounded(name, value, longest) for value in values)

    def optional_octets(self, name: str, longest: int) -> bytes | None:
        value = self._values.get(name)
        return None if value is None else _bounded(name, value, longest)

    def _parsed(self, name: str, parse: Callable[[object], T]) -> T:
        try:
            return parse(self._values.get(name))
        except ValueError:
            raise bad_request(f"The field {name} is missing or malformed.") from None


def _bounded(name: str, value: object, longest: int) -> bytes:
    try:
        octets = decode_octets(value)
    except ValueError:
        octets = b""
    if not 0 < len(octets) <= longest:
        raise bad_request(f"Each value of the field {name} must have 1 to {longest} bytes in base64url.")
    return octets


async def read_fields(request: Request, limit: int = FIELDS_LIMIT_BYTES) -> Fields:
    """Return the body as the fields of a JSON object."""
    return parse_fields(await read_body(request, limit))


def parse_fields(body: bytes) -> Fields:
    """Raises 400 for anything but a JSON object."""
    try:
        values = json.loads(body)
    except (ValueError, RecursionError):
        raise bad_request("The body is not JSON.") from None
    if not isinstance(values, dict):
        raise bad_request("The body is not a JSON object.")
    return Fields(values)
