"""Knocking at an address that a stranger named, so that it can only ever be a server on the public internet.

The name is looked up once and the connection goes to exactly the address that was checked, so an answer that changes
between the check and the call (DNS rebinding) changes nothing. https on port 443 only; no redirects; five seconds for
all of it; the body of the answer is never read.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import h11

ENDPOINT_LIMIT = 1_000  # characters
KNOCK_S = 5.0
HEAD_LIMIT_BYTES = 16_384
NAT64 = ipaddress.ip_network("64:ff9b::/96")
CLOSED = tuple(  # of special use, whatever this version of Python knows of them
    ipaddress.ip_network(text)
    for text in ("192.0.0.0/24", "192.88.99.0/24", "64:ff9b:1::/48", "3fff::/20", "5f00::/16")
)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class NotAllowed(Exception):
    """The address is not one that the relay may knock at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An https address in parts. `origin` is what a signature for it names."""

    host: str
    port: int
    target: str

    @property
    def origin(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"https://{host}" if self.port == 443 else f"https://{host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Which addresses are allowed, and who vouches for their certificates."""

    is_allowed: Callable[[Address], bool]
    trust: ssl.SSLContext
    any_port: bool = False


def public_rules() -> Rules:
    """Only servers on the public internet, with certificates that this system trusts."""
    return Rules(is_allowed=is_public, trust=ssl.create_default_context())


def loopback_rules(authority: Path) -> Rules:
    """For tests: only this machine, with certificates of this authority. Raises OSError."""
    context = ssl.create_default_context(cafile=str(authority))
    return Rules(is_allowed=lambda address: address.is_loopback, trust=context, any_port=True)


def parse_endpoint(text: str, rules: Rules) -> Endpoint:
    """Read an endpoint. Raises NotAllowed for all but plain https addresses, and for literal addresses not allowed."""
    if len(text) > ENDPOINT_LIMIT or not text.isascii() or not text.isprintable() or " " in text:
        raise NotAllowed
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise NotAllowed from None
    host = (parts.hostname or "").rstrip(".")
    if parts.scheme != "https" or not host or parts.username is not None or parts.password is not None:
        raise NotAllowed
    if parts.fragment or "%" in host or "\\" in text or not (rules.any_port or port in (None, 443)):
        raise NotAllowed
    address = _literal(host)
    if address is not None and not rules.is_allowed(address):
        raise NotAllowed
    if address is None and not _is_name(host):
        raise NotAllowed
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Endpoint(host=host, port=port or 443, target=target)


def is_public(address: Address) -> bool:
    """Return whether an address is on the public internet, whatever it is wrapped in."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        if address in NAT64 or address.packed[:12] == bytes(12):
            inner.append(ipaddress.IPv4Address(address.packed[12:]))
        if address.is_site_local or any(found is not None and not is_public(found) for found in inner):
            return False
        if address.ipv4_mapped is not None:
            return True  # judged by what is inside; the wrapper itself counts as reserved
    if any(address in network for network in CLOSED):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


async def knock(endpoint: Endpoint, rules: Rules, headers: Mapping[str, str], body: bytes) -> tuple[int, str | None]:
    """POST and return (status, Retry-After). Raises NotAllowed, and OSError or TimeoutError if nobody answers."""
    async with asyncio.timeout(KNOCK_S):
        address = await _resolve(endpoint, rules)
        reader, writer = await asyncio.open_connection(
            str(address), endpoint.port, ssl=rules.trust, server_hostname=endpoint.host, limit=HEAD_LIMIT_BYTES
        )
        try:
            return await _exchange(reader, writer, endpoint, headers, body)
        finally:
            writer.transport.abort()  # a server that does not answer a goodbye costs nothing


async def _resolve(endpoint: Endpoint, rules: Rules) -> Address:
    """Return an address of the host. One that is not allowed among several is enough to refuse them all."""
    literal = _literal(endpoint.host)
    if literal is not None:
        found = [literal]
    else:
        infos = await asyncio.get_running_loop().getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
        found = [ipaddress.ip_address(info[4][0]) for info in infos]
    if not found or not all(rules.is_allowed(address) for address in found):
        raise NotAllowed
    return found[0]


async def _exchange(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    endpoint: Endpoint,
    headers: Mapping[str, str],
    body: bytes,
) -> tuple[int, str | None]:
    http = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_LIMIT_BYTES)
    host = endpoint.origin.removeprefix("https://")
    fields = [("host", host), ("content-length", str(len(body))), ("connection", "close"), *headers.items()]
    request = http.send(h11.Request(method="POST", target=endpoint.target, headers=fields)) or b""
    writer.write(request + (http.send(h11.Data(data=body)) or b"") + (http.send(h11.EndOfMessage()) or b""))
    await writer.drain()
    try:
        while True:
            event = http.next_event()
            if event is h11.NEED_DATA:
                http.receive_data(await reader.read(4_096))
            elif isinstance(event, h11.Response):
                again = next((value for name, value in event.headers if name == b"retry-after"), None)
                return event.status_code, again.decode("latin-1") if again is not None else None
            elif not isinstance(event, h11.InformationalResponse):
                raise ConnectionError("no answer")
    except h11.RemoteProtocolError:
        raise ConnectionError("not HTTP") from None


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_name(host: str) -> bool:
    """Names only as DNS has them: what looks like a number is read as an address by some resolvers."""
    labels = host.split(".")
    allowed = set("abcdefghijklmnopqrstuvwxyz0123456789-_")
    return (
        all(label and len(label) <= 63 and set(label) <= allowed for label in labels)
        and not labels[-1].isdecimal()
        and not labels[-1].startswith("0x")
    )
