"""Blobs by way of the relay, or straight from the object store that the relay announced. It never retries.

Source: docs/protocol.md section 2. At most two parts of 1 MiB are in memory at a time.
"""

import contextlib
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import httpx

from companion.errors import Offline, RelayRefused
from services.sync.protocol import BLOB_LIMIT_BYTES, OFFSET_HEADER, PART_BYTES, encode_octets
from services.sync.transport import ANSWER_S, PIECE_LIMIT_BYTES, Answer, Call

PART_S = 120.0  # to send 1 MiB over a slow line
COMPLETE_S = 60.0  # the relay reads all parts once more and checks the whole
NO_DIRECT = "no-direct"
Read = Callable[[int, int], Awaitable[bytes]]


class Direct(Protocol):
    """One call to an address that carries its own permission; raises Offline and RelayRefused, follows nothing."""

    async def __call__(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        answer_s: float = ANSWER_S,
    ) -> Answer: ...


class BlobCalls:
    """The calls of one device about blobs.

    `direct_origin` gives the origin of the object store that the service announced, empty if it announced none.
    """

    def __init__(self, call: Call, direct: Direct, direct_origin: Callable[[], str]) -> None:
        self._call = call
        self._direct = direct
        self._direct_origin = direct_origin

    async def put(self, id: str, size: int, read: Read) -> None:
        """Upload a blob, or what is missing of it. Raises Offline, RelayRefused, and ValueError for an unusable size.

        `read(offset, length)` must give the same bytes each time; it is called about twice for each part.
        """
        if not 0 < size <= BLOB_LIMIT_BYTES:
            raise ValueError(f"a blob has 1 to {BLOB_LIMIT_BYTES} bytes")
        if size <= PART_BYTES:
            await self._call("PUT", f"/v1/blobs/{id}", content=await _exactly(read, 0, size), answer_s=PART_S)
            return
        start = {"size": size, "sha256": encode_octets(await _digest(size, read))}
        fields = (await self._call("POST", f"/v1/blobs/{id}/upload", content=json.dumps(start).encode())).fields()
        offset = fields.get("offset")
        if type(offset) is not int or not 0 <= offset <= size or (offset % PART_BYTES and offset != size):
            raise Offline("an upload without a proper offset")
        if fields.get("complete") is True:
            return
        for position in range(offset, size, PART_BYTES):
            await self._put_part(id, position, await _exactly(read, position, min(PART_BYTES, size - position)))
        await self._call("POST", f"/v1/blobs/{id}/complete", answer_s=COMPLETE_S)

    async def get(self, id: str, offset: int, length: int) -> bytes:
        """Return up to `length` bytes from `offset`; fewer only where the blob ends."""
        url = await self._address("GET", f"/v1/blobs/{id}/address")
        pieces: list[bytes] = []
        position, end = offset, offset + length
        while position < end:
            wanted = min(PART_BYTES, end - position)
            piece = await self._get_piece(id, url, position, wanted)
            pieces.append(piece)
            position += len(piece)
            if len(piece) < wanted:
                break
        return b"".join(pieces)

    async def _put_part(self, id: str, position: int, part: bytes) -> None:
        path = f"/v1/blobs/{id}/upload"
        url = await self._address("POST", f"{path}/address", {"offset": position})
        if url:
            with contextlib.suppress(Offline, RelayRefused):  # what fails beside the relay goes through it
                await self._direct("PUT", url, content=part, answer_s=PART_S)
                return
        headers = {OFFSET_HEADER: str(position)}
        await self._call("PATCH", path, headers=headers, content=part, answer_s=PART_S)

    async def _get_piece(self, id: str, url: str, position: int, wanted: int) -> bytes:
        headers = {"range": f"bytes={position}-{position + wanted - 1}"}
        if url:
            with contextlib.suppress(Offline, RelayRefused):
                return _piece(await self._direct("GET", url, headers=headers), wanted)
        try:
            return _piece(
                await self._call("GET", f"/v1/blobs/{id}", headers=headers, most_bytes=PIECE_LIMIT_BYTES), wanted
            )
        except RelayRefused as refusal:
            if refusal.status == 416:
                return b""
            raise

    async def _address(self, method: str, path: str, fields: Mapping[str, int] | None = None) -> str:
        """Return where the object store takes or gives the bytes; empty if they go through the relay."""
        origin = self._direct_origin()
        if not origin:
            return ""
        content = json.dumps(fields).encode() if fields is not None else b""
        try:
            address = (await self._call(method, path, content=content)).fields().get("url")
        except RelayRefused as refusal:
            if refusal.reason != NO_DIRECT:
                raise
            return ""  # it announced one when the session began
        if not isinstance(address, str) or len(address) > 4_096 or not is_of(origin, address):
            raise Offline("an address that was not announced")
        return address


def _piece(answer: Answer, wanted: int) -> bytes:
    if answer.status != 206 or len(answer.body) > wanted:
        raise Offline("an answer that is not the range asked for")
    return answer.body


def is_of(origin: str, address: str) -> bool:
    """Whether the address lies on this origin, whatever tricks its text plays."""
    try:
        url, home = httpx.URL(address), httpx.URL(origin)
    except (httpx.InvalidURL, ValueError):
        return False
    return (url.scheme, url.host, url.port) == (home.scheme, home.host, home.port) and not url.userinfo


async def _digest(size: int, read: Read) -> bytes:
    digest = hashlib.sha256()
    for position in range(0, size, PART_BYTES):
        digest.update(await _exactly(read, position, min(PART_BYTES, size - position)))
    return digest.digest()


async def _exactly(read: Read, offset: int, length: int) -> bytes:
    piece = await read(offset, length)
    if len(piece) != length:
        raise ValueError(f"{len(piece)} bytes were read where {length} belong")
    return piece
