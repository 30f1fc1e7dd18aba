"""Calls as they come in: bounded, typed, and refused with one sentence if something does not fit.

An address has at most one name in it: `/v1/groups/{group}/events`. It knows no call's meaning.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TypeVar
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from services.relay.refusal import Refusal, bad_request
from services.sync.protocol import (
    CAPABILITY_HEADER,
    KEEPER_HEADER,
    capability_hash,
    decode_octets,
    parse_capability,
    parse_id,
)

FIELDS_LIMIT_BYTES = 4_096
BODY_TIMEOUT_S = 20

T = TypeVar("T")


class Call:
    """One call. Each accessor raises 400 if what it is asked for is missing or malformed."""

    __slots__ = ("_headers", "_receive", "_scope")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._scope = scope
        self._receive = receive
        self._headers: dict[bytes, bytes] = dict(reversed(scope["headers"]))  # of two with one name the first counts

    @property
    def method(self) -> str:
        return str(self._scope["method"])

    @property
    def path(self) -> str:
        return str(self._scope["path"])

    @property
    def caller(self) -> str:
        """The address that the connection comes from, or nothing."""
        client = self._scope.get("client")
        return str(client[0]) if client else ""

    def header(self, name: str) -> str | None:
        value = self._headers.get(name.encode())
        return value.decode("latin-1") if value is not None else None

    def id(self) -> bytes:
        """Return the id in the address."""
        try:
            return parse_id(next(iter(self._scope["path_params"].values()), ""))
        except ValueError:
            raise bad_request("An id is 32 lower-case hex characters.") from None

    def parsed(self, name: str, parse: Callable[[object], T]) -> T:
        """Return a header through its parser."""
        try:
            return parse(self.header(name))
        except ValueError:
            raise bad_request(f"The header {name} is missing or malformed.") from None

    def optional(self, name: str, parse: Callable[[object], T]) -> T | None:
        return self.parsed(name, parse) if name.encode() in self._headers else None

    def capability(self) -> bytes:
        """Return the hash of the capability that the caller shows: the capability itself goes no further than this."""
        return capability_hash(self.parsed(CAPABILITY_HEADER, parse_capability))

    def keeper(self) -> bytes | None:
        """Return the hash of the keeper that the caller shows, if it shows one."""
        keeper = self.optional(KEEPER_HEADER, parse_capability)
        return None if keeper is None else capability_hash(keeper)

    def parameter(self, name: str) -> str | None:
        """Return a parameter of the query."""
        query = self._scope["query_string"]
        return dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True)).get(name) if query else None

    def number(self, name: str, least: int, most: int, default: int) -> int:
        """Return a parameter of the query that is a number."""
        text = self.parameter(name)
        if text is None:
            return default
        if not text.isascii() or not text.isdecimal() or len(text) > 19 or not least <= int(text) <= most:
            raise bad_request(f"The parameter {name} must be a number from {least} to {most}.")
        return int(text)

    async def body(self, limit: int, timeout_s: float = BODY_TIMEOUT_S) -> bytes:
        """Return the body. Raises 413 over `limit` bytes and 408 if it does not arrive in time."""
        try:
            if int(self.header("content-length") or "0") > limit:
                raise _too_large(limit)
        except ValueError:
            raise bad_request("The length of the body is not a number.") from None
        try:
            async with asyncio.timeout(timeout_s):
                return await self._whole_body(limit)
        except TimeoutError:
            raise Refusal(408, "bad-request", "The body did not arrive in time.") from None

    async def _whole_body(self, limit: int) -> bytes:
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > limit:
                raise _too_large(limit)
            chunks.append(chunk)
            if not message.get("more_body", False):
                return b"".join(chunks)

    async def fields(self, limit: int = FIELDS_LIMIT_BYTES) -> "Fields":
        """Return the body as the fields of a JSON object."""
        return parse_fields(await self.body(limit))


Ask = Callable[[Call], Awaitable[ASGIApp]]
"""An endpoint: what a call leads to, and what answers it."""


class Endpoint:
    """The end of a route: Starlette hands it the call as it came."""

    def __init__(self, ask: Ask) -> None:
        self.name = ask.__name__
        self._ask = ask

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self._ask(Call(scope, receive))
        await answer(scope, receive, send)


def route(method: str, path: str, ask: Ask) -> Route:
    """Return the route of one method at one address. A name in the address stands in braces."""
    return Route(path, Endpoint(ask), methods=[method])


class Fields:
    """The fields of a JSON object; each accessor raises 400 if the field is missing or not of its kind."""

    def __init__(self, values: dict[str, object]) -> None:
        self._values = values

    def has(self, name: str) -> bool:
        return name in self._values

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

    def numbers(self, name: str, most: int, highest: int) -> tuple[int, ...]:
        """Return a list of 1 to `most` numbers, each from 1 to `highest`."""
        values = self._values.get(name)
        if not isinstance(values, list) or not 0 < len(values) <= most:
            raise bad_request(f"The field {name} must be a list of 1 to {most} numbers.")
        if not all(type(value) is int and 0 < value <= highest for value in values):
            raise bad_request(f"The field {name} must be a list of numbers from 1.")
        return tuple(values)

    def inner(self, name: str) -> "Fields":
        value = self._values.get(name)
        if not isinstance(value, dict):
            raise bad_request(f"The field {name} must be an object.")
        return Fields(value)

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


def parse_fields(body: bytes) -> Fields:
    """Raises 400 for anything but a JSON object."""
    try:
        values = json.loads(body)
    except (ValueError, RecursionError):
        raise bad_request("The body is not JSON.") from None
    if not isinstance(values, dict):
        raise bad_request("The body is not a JSON object.")
    return Fields(values)


def _too_large(limit: int) -> Refusal:
    return Refusal(413, "too-large", f"The body has more than {limit} bytes.")
