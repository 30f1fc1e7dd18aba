"""`BlobStore` in PostgreSQL: the same rules as `SqliteBlobs`, held by row locks."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from services.relay import newcomers
from services.relay.blobs.store import (
    GOING,
    IDLE_MS,
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
from services.relay.meters import TAKE
from services.relay.refusal import busy

if TYPE_CHECKING:
    import asyncpg

ENTRY = "select size, sha256, state, device from blob where id = $1"
RELEASE = """
update blob set state = 'going' where id in (
    select id from blob b where state <> 'kept' and (state = 'going' or (touched_ms <= $1
        and (state = 'uploading' or not exists (select 1 from blob_reference where blob = b.id))))
    limit $2 for update skip locked)
returning id
"""
STRAYS = """
insert into blob(id, size, sha256, state, device, touched_ms)
select unnest($1::bytea[]), 0, '', 'going', '', 0 on conflict do nothing returning id
"""
RECOUNT = """
update blob set state = 'whole' where state = 'kept' and not exists (select 1 from blob_reference where blob = id)
"""
REFUSALS: dict[str, Callable[[str], Exception]] = {"CMP07": lambda text: no_blob()}

Connect = Callable[[], "AbstractAsyncContextManager[asyncpg.Connection]"]


class PostgresBlobs:
    """`connect` lends a connection and turns what the database says into Refusal."""

    def __init__(self, connect: Connect, quotas: Quotas) -> None:
        self._connect = connect
        self._quotas = quotas

    async def reserve(self, upload: Upload) -> BlobEntry:
        async with self._connect() as connection, connection.transaction():
            is_new = await connection.fetchval(
                "insert into blob(id, size, sha256, state, device, touched_ms) values($1, $2, $3, $4, $5, $6)"
                " on conflict do nothing returning true",
                *(upload.blob, upload.size, upload.sha256, UPLOADING, upload.device, touched(upload.at_ms)),
            )
            known = _entry(await connection.fetchrow(f"{ENTRY} for update", upload.blob))
            if known is None:  # swept between the two statements
                raise busy()
            if is_new:
                await self._take(connection, upload)
                return known
            check_same(upload, known)
            await connection.execute(
                "update blob set touched_ms = $2 where id = $1", upload.blob, touched(upload.at_ms)
            )
            return known

    async def _take(self, connection: "asyncpg.Connection", upload: Upload) -> None:
        """Count the upload; whatever is over its limit raises and undoes the entry. The counter's lock comes first."""
        day_bytes = self._quotas.blob_bytes_per_day
        await connection.execute(TAKE, upload.device, "blobs", upload.size, day_bytes, DAY_MS, upload.at_ms)
        pot = self._quotas.newcomer_bytes_per_day
        await connection.execute(newcomers.ROOM, upload.device, upload.size, pot, upload.at_ms)
        used = await connection.fetchval("select sum(size)::bigint from blob where device = $1", upload.device)
        if used > self._quotas.blob_bytes_kept:
            raise over_space()

    async def finish(self, blob: bytes, device: bytes) -> None:
        async with self._connect() as connection, connection.transaction():
            known = _entry(await connection.fetchrow(f"{ENTRY} for update", blob))
            if known is None or known.state == GOING or known.device != device:
                raise unknown_blob()
            if known.state == UPLOADING:
                await connection.execute("update blob set state = $2 where id = $1", blob, WHOLE)

    async def entry(self, blob: bytes) -> BlobEntry | None:
        async with self._connect() as connection:
            return _entry(await connection.fetchrow(ENTRY, blob))

    async def release(self, at_ms: int, most: int) -> tuple[bytes, ...]:
        async with self._connect() as connection:
            rows = await connection.fetch(RELEASE, at_ms - IDLE_MS, most)
        return tuple(row["id"] for row in rows)

    async def strays(self, blobs: Sequence[bytes]) -> tuple[bytes, ...]:
        async with self._connect() as connection:
            rows = await connection.fetch(STRAYS, list(blobs))
        return tuple(row["id"] for row in rows)

    async def forget(self, blobs: Sequence[bytes]) -> None:
        async with self._connect() as connection:
            await connection.execute("delete from blob where id = any($1::bytea[]) and state = $2", list(blobs), GOING)

    async def recount(self) -> None:
        async with self._connect() as connection:
            await connection.execute(RECOUNT)


async def forget_device(connection: "asyncpg.Connection", device: bytes, at_ms: int) -> tuple[bytes, ...]:
    """The blobs of a device that is deleted lose their owner; those that no event names go with the next sweep."""
    await connection.execute("update blob set device = '', touched_ms = 0 where device = $1", device)
    return ()


def _entry(row: "asyncpg.Record | None") -> BlobEntry | None:
    return BlobEntry(**row) if row is not None else None
