"""The bytes of blobs: in a folder, or in an object store that speaks S3. Which of them count, the ledger knows.

A blob that comes in parts lies in `parts/<id>/<number>` until it is complete; complete ones are `whole/<id>`. Objects
appear under their name whole or not at all.
"""

import asyncio
import hashlib
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from services.relay.refusal import Refusal, busy
from services.sync.protocol import PART_BYTES, parse_id

if TYPE_CHECKING:
    from obstore.store import S3Config

FOLDER_NAME = "blobs"
PROBE_NAME = "probe"
STREAM_BYTES = 262_144
JOIN_BYTES = 5 * 1_048_576  # the least that S3 takes as one part of many
JOINS_AT_ONCE = 2
ADDRESS_LIFE = timedelta(minutes=5)
CALL_S, CONNECT_S = 20, 5


class UnusableObjects(Exception):
    """The place for blobs cannot be used; the text says why."""


class OtherBytes(Exception):
    """The parts do not make up the blob that was announced."""


class ObjectStore:
    """Objects by id. What the object store cannot do raises 503; what is not there, FileNotFoundError."""

    def __init__(self, store: LocalStore | S3Store, *, folder: Path | None = None, origin: str = "") -> None:
        self._store = store
        self._folder = folder
        self.origin = origin
        """Where clients may fetch and put bytes themselves; empty if everything goes through the relay."""

    async def put(self, blob: bytes, data: bytes) -> None:
        with _lacking():
            await obstore.put_async(self._store, _whole(blob), data, use_multipart=False)
            await self._reach_disk(blob)

    async def put_part(self, blob: bytes, number: int, data: bytes) -> None:
        with _lacking():
            await obstore.put_async(self._store, _part(blob, number), data, use_multipart=False)

    async def missing(self, blob: bytes, size: int) -> int:
        """Return the offset of the first part that is not there in full, or `size`."""
        sizes: dict[str, int] = {}
        with _lacking():
            async for objects in obstore.list(self._store, prefix=f"parts/{blob.hex()}"):
                sizes.update((item["path"], item["size"]) for item in objects)
        for offset in range(0, size, PART_BYTES):
            if sizes.get(_part(blob, offset // PART_BYTES)) != min(PART_BYTES, size - offset):
                return offset
        return size

    async def join(self, blob: bytes, size: int, sha256: bytes) -> None:
        """Make the parts one object, checked on the way. Raises OtherBytes, FileNotFoundError, 503."""
        await self._take(blob, self._parts(blob, size), sha256)

    async def copy_from(self, other: "ObjectStore", blob: bytes, sha256: bytes) -> None:
        """Copy a complete object from another place, checked on the way. Raises like `join`."""
        with _lacking():
            found = await obstore.get_async(other._store, _whole(blob))
        await self._take(blob, _pieces(found.stream(STREAM_BYTES)), sha256)

    async def _take(self, blob: bytes, pieces: AsyncIterator[bytes], sha256: bytes) -> None:
        with _lacking():
            await obstore.put_async(
                self._store,
                _whole(blob),
                _checked(pieces, sha256),
                chunk_size=JOIN_BYTES,
                max_concurrency=JOINS_AT_ONCE,
            )
            await self._reach_disk(blob)

    async def drop_parts(self, blob: bytes) -> None:
        with _lacking():
            paths: list[str] = []
            async for objects in obstore.list(self._store, prefix=f"parts/{blob.hex()}"):
                paths.extend(item["path"] for item in objects)
            if paths:
                with suppress(FileNotFoundError):
                    await obstore.delete_async(self._store, paths)

    async def drop(self, blob: bytes) -> None:
        """Delete everything of this id; what is not there is no error."""
        await self.drop_parts(blob)
        with _lacking(), suppress(FileNotFoundError):
            await obstore.delete_async(self._store, _whole(blob))

    async def read(self, blob: bytes, start: int, end: int) -> AsyncIterator[bytes]:
        """Return the pieces from `start` up to `end`. Raises FileNotFoundError before the first piece."""
        with _lacking():
            found = await obstore.get_async(self._store, _whole(blob), options={"range": (start, end)})
        return _pieces(found.stream(STREAM_BYTES))

    async def size(self, blob: bytes) -> int | None:
        """Return the bytes of a complete object, or None."""
        with _lacking(), suppress(FileNotFoundError):
            return (await obstore.head_async(self._store, _whole(blob)))["size"]
        return None

    async def untouched(self, age: timedelta) -> AsyncIterator[tuple[bytes, ...]]:
        """Yield the ids of objects and parts that are older than this, in bunches."""
        until = datetime.now(UTC) - age
        for prefix in ("whole", "parts"):
            with _lacking():
                async for objects in obstore.list(self._store, prefix=prefix):
                    paths = {item["path"].split("/")[1] for item in objects if item["last_modified"] < until}
                    yield tuple(bytes.fromhex(name) for name in sorted(paths) if _is_id(name))

    def drop_unfinished_files(self, age: timedelta) -> None:
        """Delete what writes that a crash cut off left in the folder."""
        if self._folder is None:
            return
        until = (datetime.now(UTC) - age).timestamp()
        for path in self._folder.rglob("*#*"):  # the name of a file that is still being written
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < until:
                    path.unlink()

    async def probe(self) -> None:
        """Put one small object down and take it away. Raises whatever keeps the store from that."""
        await obstore.put_async(self._store, PROBE_NAME, b"probe", use_multipart=False)
        with suppress(FileNotFoundError):  # another node was quicker
            await obstore.delete_async(self._store, PROBE_NAME)

    async def address(self, method: str, blob: bytes, part: int | None = None) -> str:
        """Return an address that does this one thing for five minutes without further proof."""
        assert isinstance(self._store, S3Store)  # noqa: S101  (only stores with an origin are asked)
        path = _whole(blob) if part is None else _part(blob, part)
        with _lacking():
            if method == "PUT":
                return await obstore.sign_async(self._store, "PUT", path, ADDRESS_LIFE)
            return await obstore.sign_async(self._store, "GET", path, ADDRESS_LIFE)

    async def _parts(self, blob: bytes, size: int) -> AsyncIterator[bytes]:
        for number in range(-(-size // PART_BYTES)):
            yield bytes(await (await obstore.get_async(self._store, _part(blob, number))).bytes_async())

    async def _reach_disk(self, blob: bytes) -> None:
        if self._folder is not None:
            await asyncio.to_thread(_sync, self._folder / _whole(blob))


def open_objects(place: str | None, data: Path, *, is_direct: bool = False) -> ObjectStore:
    """Open `s3://bucket/prefix?endpoint=...&region=...`, a folder, or without a place the one in the data folder.

    The keys to S3 come from the environment, as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Raises UnusableObjects.
    """
    try:
        if place is not None and "://" in place:
            return _open_s3(place, is_direct)
        if is_direct:
            raise UnusableObjects("only S3 can be reached by clients directly")
        folder = (data / FOLDER_NAME if place is None else Path(place)).absolute()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return ObjectStore(LocalStore(folder, automatic_cleanup=True), folder=folder)
    except (BaseError, OSError, ValueError) as error:
        raise UnusableObjects(type(error).__name__) from None


def _open_s3(place: str, is_direct: bool) -> ObjectStore:
    parts = urlsplit(place)
    options = {name: values[0] for name, values in parse_qs(parts.query).items()}
    endpoint, region = options.pop("endpoint", None), options.pop("region", "us-east-1")
    if parts.scheme != "s3" or not parts.hostname or options:
        raise UnusableObjects("an address is s3://bucket/prefix?endpoint=URL&region=NAME")
    if is_direct and endpoint is None:
        raise UnusableObjects("clients can reach S3 directly only where its endpoint is named")
    config: S3Config = {"region": region}
    if endpoint is not None:
        config["endpoint"] = endpoint
    store = S3Store(
        parts.hostname,
        prefix=parts.path.strip("/") or None,
        config=config,
        client_options={
            "allow_http": endpoint is not None and endpoint.startswith("http://"),
            "timeout": timedelta(hours=1),  # of a whole transfer, which a slow caller may draw out
            "read_timeout": timedelta(seconds=CALL_S),
            "connect_timeout": timedelta(seconds=CONNECT_S),
        },
        retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=CALL_S)},
    )
    home = urlsplit(endpoint or "")
    return ObjectStore(store, origin=f"{home.scheme}://{home.netloc}" if is_direct else "")


async def _pieces(stream: "obstore.BytesStream") -> AsyncIterator[bytes]:
    with _lacking():
        async for piece in stream:
            yield bytes(piece)


async def _checked(pieces: AsyncIterator[bytes], sha256: bytes) -> AsyncIterator[bytes]:
    digest = hashlib.sha256()
    async for piece in pieces:
        digest.update(piece)
        yield piece
    if digest.digest() != sha256:
        raise OtherBytes


@contextmanager
def _lacking() -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, Refusal):
        raise
    except (BaseError, OSError):
        raise busy() from None


def _whole(blob: bytes) -> str:
    return f"whole/{blob.hex()}"


def _part(blob: bytes, number: int) -> str:
    return f"parts/{blob.hex()}/{number:06d}"


def _is_id(name: str) -> bool:
    try:
        parse_id(name)
    except ValueError:
        return False
    return True


def _sync(path: Path) -> None:
    """Bring a file to the disk, and its name where the system lets a folder be opened."""
    places = [(path, os.O_RDWR)]
    if sys.platform != "win32":
        places.append((path.parent, os.O_RDONLY))
    for place, flags in places:
        handle = os.open(place, flags)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
