"""Blobs over HTTP: upload in one call or in parts, ranges to read, and addresses for those who may ask S3 themselves.

Whoever has an id and a session may read the blob: ids are random and travel only inside envelopes. The relay learns
sizes, times, and which group an id belongs to once an event names it.
"""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from services.relay.blobs.objects import ADDRESS_LIFE, ObjectStore, OtherBytes
from services.relay.blobs.store import GOING, BlobEntry, BlobStore, Upload, unknown_blob
from services.relay.refusal import Refusal, bad_request, busy
from services.relay.replies import answer
from services.relay.requests import Call, route
from services.sync.protocol import (
    BLOB_LIMIT_BYTES,
    OFFSET_HEADER,
    PART_BYTES,
    parse_number,
)

SEND_TIMEOUT_S = 25
PART_TIMEOUT_S = 120  # 9 kB/s will do
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class BlobApi:
    """`/v1/blobs`."""

    def __init__(
        self,
        store: BlobStore,
        objects: ObjectStore,
        device: Callable[[Call], Awaitable[bytes]],
        clock: Callable[[], int],
    ) -> None:
        self._store = store
        self._objects = objects
        self._device = device
        self._now_ms = clock

    def routes(self) -> list[Route]:
        return [
            route("PUT", "/v1/blobs/{blob}", self.put),
            route("GET", "/v1/blobs/{blob}", self.get),
            route("POST", "/v1/blobs/{blob}/upload", self.start),
            route("PATCH", "/v1/blobs/{blob}/upload", self.put_part),
            route("POST", "/v1/blobs/{blob}/complete", self.complete),
            route("GET", "/v1/blobs/{blob}/address", self.address),
            route("POST", "/v1/blobs/{blob}/upload/address", self.part_address),
        ]

    async def put(self, call: Call) -> ASGIApp:
        """Take a blob of one part."""
        device = await self._device(call)
        blob = call.id()
        body = await call.body(PART_BYTES, PART_TIMEOUT_S)
        if not body:
            raise bad_request("A blob has at least one byte.")
        digest = hashlib.sha256(body).digest()
        entry = await self._reserve(blob, len(body), digest, device)
        if entry.is_complete:
            return answer({})
        await self._objects.put(blob, body)
        await self._store.finish(blob, device)
        return answer({}, 201)

    async def start(self, call: Call) -> ASGIApp:
        """Begin an upload in parts, or say where to go on with it."""
        device = await self._device(call)
        blob = call.id()
        fields = await call.fields()
        size = fields.number("size", BLOB_LIMIT_BYTES)
        if size == 0:
            raise bad_request("A blob has at least one byte.")
        entry = await self._reserve(blob, size, fields.octets("sha256", 32), device)
        offset = size if entry.is_complete else await self._objects.missing(blob, size)
        return answer({"complete": entry.is_complete, "offset": offset, "part_bytes": PART_BYTES})

    async def put_part(self, call: Call) -> ASGIApp:
        device = await self._device(call)
        blob = call.id()
        offset = call.parsed(OFFSET_HEADER, parse_number)
        entry = await self._upload(blob, device)
        if entry.is_complete:
            await call.body(PART_BYTES)
            return answer({})
        length = _part_length(entry, offset)
        body = await call.body(length, PART_TIMEOUT_S)
        if len(body) != length:
            raise bad_request(f"The part at this offset has {length} bytes.")
        await self._objects.put_part(blob, offset // PART_BYTES, body)
        return answer({})

    async def complete(self, call: Call) -> ASGIApp:
        """Check the parts against what was announced and make them one."""
        device = await self._device(call)
        blob = call.id()
        await call.body(0)
        entry = await self._upload(blob, device)
        if entry.is_complete:
            return answer({})
        if await self._objects.missing(blob, entry.size) != entry.size:
            raise Refusal(409, "incomplete", "Parts of this blob are missing.")
        try:
            await self._objects.join(blob, entry.size, entry.sha256)
        except OtherBytes:
            await self._objects.drop_parts(blob)
            raise Refusal(409, "other-bytes", "The parts do not make up the blob that was announced.") from None
        except FileNotFoundError:  # another call has completed or dropped it meanwhile
            raise busy() from None
        await self._store.finish(blob, device)
        await self._objects.drop_parts(blob)
        return answer({}, 201)

    async def get(self, call: Call) -> ASGIApp:
        await self._device(call)
        blob = call.id()
        entry = await self._complete_one(blob)
        span = _wanted(call.header("range"), entry.size)
        start, end = span or (0, entry.size)
        headers = {
            "accept-ranges": "bytes",
            "cache-control": "no-store",
            "content-length": str(end - start),
            "content-type": "application/octet-stream",
        }
        if span is not None:
            headers["content-range"] = f"bytes {start}-{end - 1}/{entry.size}"
        status = 200 if span is None else 206
        if call.method == "HEAD":
            return Pieces(None, status, headers)
        try:
            pieces = await self._objects.read(blob, start, end)
        except FileNotFoundError:
            raise unknown_blob() from None
        return Pieces(pieces, status, headers)

    async def address(self, call: Call) -> ASGIApp:
        await self._device(call)
        blob = call.id()
        self._check_direct()
        await self._complete_one(blob)
        return self._addressed(await self._objects.address("GET", blob))

    async def part_address(self, call: Call) -> ASGIApp:
        device = await self._device(call)
        blob = call.id()
        offset = (await call.fields()).number("offset", BLOB_LIMIT_BYTES)
        self._check_direct()
        entry = await self._upload(blob, device)
        _part_length(entry, offset)
        return self._addressed(await self._objects.address("PUT", blob, offset // PART_BYTES))

    async def _reserve(self, blob: bytes, size: int, sha256: bytes, device: bytes) -> BlobEntry:
        upload = Upload(blob=blob, size=size, sha256=sha256, device=device, at_ms=self._now_ms())
        return await self._store.reserve(upload)

    async def _upload(self, blob: bytes, device: bytes) -> BlobEntry:
        entry = await self._store.entry(blob)
        if entry is None or entry.device != device or entry.state == GOING:
            raise unknown_blob()
        return entry

    async def _complete_one(self, blob: bytes) -> BlobEntry:
        entry = await self._store.entry(blob)
        if entry is None or not entry.is_complete:
            raise unknown_blob()
        return entry

    def _check_direct(self) -> None:
        if not self._objects.origin:
            raise Refusal(404, "no-direct", "Blobs go through this service only.")

    def _addressed(self, url: str) -> ASGIApp:
        expires_ms = self._now_ms() + int(ADDRESS_LIFE.total_seconds() * 1_000)
        return answer({"url": url, "expires_ms": expires_ms})


class Pieces:
    """An answer that is sent piece by piece. A caller that takes nothing for 25 s is dropped."""

    def __init__(self, pieces: AsyncIterator[bytes] | None, status: int, headers: dict[str, str]) -> None:
        self._pieces = pieces
        self._status = status
        self._headers = [(name.encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = {"type": "http.response.start", "status": self._status, "headers": self._headers}
        try:
            await send(start)
            if self._pieces is not None:
                async for piece in self._pieces:
                    async with asyncio.timeout(SEND_TIMEOUT_S):
                        await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except (TimeoutError, Refusal):
            pass  # the server closes the connection of an answer that did not end


def _part_length(entry: BlobEntry, offset: int) -> int:
    if offset % PART_BYTES or offset >= entry.size:
        raise bad_request(f"A part begins at a multiple of {PART_BYTES} inside the blob.")
    return min(PART_BYTES, entry.size - offset)


def _wanted(header: str | None, size: int) -> tuple[int, int] | None:
    """Return (start, end) of the one range asked for, or None for the whole.

    Other ranges count as none, which RFC 9110 section 14.2 allows. Raises 416 for a range outside the blob.
    """
    match = _RANGE.fullmatch(header) if header is not None else None
    if match is None or match[1] == match[2] == "":
        return None
    if match[1] == "":
        start, end = max(0, size - int(match[2])), size
    else:
        start, end = int(match[1]), min(size, int(match[2]) + 1) if match[2] else size
        if match[2] and int(match[2]) < start:
            return None
    if start >= size or start == end:
        raise Refusal(416, "bad-range", "The blob ends before this range.", details={"size": size})
    return start, end
