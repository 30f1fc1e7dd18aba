"""`BlobStore` in SQLite, and what an append asks of it within its own transaction."""

from collections.abc import Sequence
from typing import Any

from services.relay import newcomers
from services.relay.blobs.store import (
    GOING,
    IDLE_MS,
    KEPT,
    UPLOADING,
    WHOLE,
    BlobEntry,
    Upload,
    check_same,
    no_blob,
    over_space,
    touched,
    unknown_blob,
)
from services.relay.limits import DAY_MS, Quotas
from services.relay.meters import Cost
from services.relay.writer import Batch, Read, Write

_ENTRY = "select size, sha256, state, device from blob where id = ?"
_IDLE = """
select id from blob where state <> 'kept' and (state = 'going' or touched_ms <= ?1) limit ?2
"""


class SqliteBlobs:
    """`write` runs a job of a batch, `read` one on a reading connection."""

    def __init__(self, write: Write, read: Read, quotas: Quotas) -> None:
        self._write = write
        self._read = read
        self._quotas = quotas

    async def reserve(self, upload: Upload) -> BlobEntry:
        quotas = self._quotas

        def job(batch: Batch) -> BlobEntry:
            known = _entry(batch.execute(_ENTRY, upload.blob))
            if known is not None:
                check_same(upload, known)
                batch.execute("update blob set touched_ms = ? where id = ?", touched(upload.at_ms), upload.blob)
                return known
            ((used,),) = batch.execute("select coalesce(sum(size), 0) from blob where device = ?", upload.device)
            if used + upload.size > quotas.blob_bytes_kept:
                raise over_space()
            cost = Cost(upload.device, "blobs", upload.size, quotas.blob_bytes_per_day, DAY_MS)
            newcomers.take(batch, upload.at_ms, upload.device, upload.size, quotas, cost)
            batch.execute(
                "insert into blob(id, size, sha256, state, device, touched_ms) values(?, ?, ?, ?, ?, ?)",
                *(upload.blob, upload.size, upload.sha256, UPLOADING, upload.device, touched(upload.at_ms)),
            )
            return BlobEntry(size=upload.size, sha256=upload.sha256, state=UPLOADING, device=upload.device)

        return await self._write(job)

    async def finish(self, blob: bytes, device: bytes) -> None:
        def job(batch: Batch) -> None:
            known = _entry(batch.execute(_ENTRY, blob))
            if known is None or known.state == GOING or known.device != device:
                raise unknown_blob()
            batch.execute("update blob set state = ? where id = ? and state = ?", WHOLE, blob, UPLOADING)

        await self._write(job)

    async def entry(self, blob: bytes) -> BlobEntry | None:
        return await self._read(lambda connection: _entry(list(connection.execute(_ENTRY, (blob,)))))

    async def release(self, at_ms: int, most: int) -> tuple[bytes, ...]:
        def job(batch: Batch) -> tuple[bytes, ...]:
            blobs = tuple(row[0] for row in batch.execute(_IDLE, at_ms - IDLE_MS, most))
            for blob in blobs:
                batch.execute("update blob set state = ? where id = ?", GOING, blob)
            return blobs

        return await self._write(job, frees=True)

    async def strays(self, blobs: Sequence[bytes]) -> tuple[bytes, ...]:
        sql = (
            "insert or ignore into blob(id, size, sha256, state, device, touched_ms)"
            " values(?, 0, x'', 'going', x'', 0) returning id"
        )

        def job(batch: Batch) -> tuple[bytes, ...]:
            return tuple(blob for blob in blobs if batch.execute(sql, blob))

        return await self._write(job, frees=True)

    async def forget(self, blobs: Sequence[bytes]) -> None:
        def job(batch: Batch) -> None:
            for blob in blobs:
                batch.execute("delete from blob where id = ? and state = ?", blob, GOING)

        await self._write(job, frees=True)

    async def recount(self) -> None:
        sql = (
            "update blob set state = 'whole' where state = 'kept'"
            " and not exists (select 1 from blob_reference where blob = id)"
        )
        await self._write(lambda batch: batch.execute(sql), frees=True)


def forget_device(batch: Batch, device: bytes, at_ms: int) -> None:
    """The blobs of a device that is deleted lose their owner; those that no event names go with the next sweep."""
    batch.execute("update blob set device = x'', touched_ms = 0 where device = ?", device)


def refer(batch: Batch, gnum: int, seq: int, blobs: Sequence[bytes], at_ms: int) -> None:
    """Note that an event refers to these blobs; call `check_blobs` first."""
    for blob in blobs:
        batch.execute("insert or ignore into blob_reference(blob, gnum, seq) values(?, ?, ?)", blob, gnum, seq)
        batch.execute("update blob set state = ?, touched_ms = ? where id = ?", KEPT, touched(at_ms), blob)


def check_blobs(batch: Batch, blobs: Sequence[bytes]) -> None:
    """Raises 409 unless all these blobs are complete."""
    for blob in blobs:
        known = _entry(batch.execute(_ENTRY, blob))
        if known is None or not known.is_complete:
            raise no_blob()


def _entry(rows: Sequence[tuple[Any, ...]]) -> BlobEntry | None:
    for size, sha256, state, device in rows:
        return BlobEntry(size=size, sha256=sha256, state=state, device=device)
    return None
