"""`PushStore` in SQLite."""

from collections.abc import Sequence

import apsw

from services.relay import newcomers
from services.relay.limits import DAY_MS
from services.relay.meters import Cost
from services.relay.push.store import FAR_MS, PINGS_MOST, Ping, Registration
from services.relay.writer import Batch, Read, Write

_KEY = "select value from meta where key = 'push_key'"


class SqlitePush:
    """`write` runs a job of a batch, `read` one on a reading connection."""

    def __init__(self, write: Write, read: Read) -> None:
        self._write = write
        self._read = read

    async def key(self, wanted: str) -> str:
        def job(batch: Batch) -> str:
            batch.execute("insert or ignore into meta(key, value) values('push_key', ?)", wanted)
            return str(batch.execute(_KEY)[0][0])

        known = await self._read(lambda connection: list(connection.execute(_KEY)))
        return str(known[0][0]) if known else await self._write(job)

    async def put(self, registration: Registration, limit: int, at_ms: int) -> bool:
        new = registration

        def job(batch: Batch) -> bool:
            known = batch.execute("select kind, endpoint, p256dh, auth from push where device = ?", new.device)
            if known == [(new.kind, new.endpoint, new.p256dh, new.auth)]:
                return False
            batch.take(at_ms, Cost(new.device, "push", 1, limit, DAY_MS))
            newcomers.settle(batch, new.device)
            batch.execute(
                "insert or replace into push(device, kind, endpoint, p256dh, auth, wake, awake_ms, next_ms, failures)"
                " values(?, ?, ?, ?, ?, ?, 0, 0, 0)",
                *(new.device, new.kind, new.endpoint, new.p256dh, new.auth, new.wake),
            )
            return not known

        return await self._write(job)

    async def get(self, device: bytes) -> Registration | None:
        def work(connection: apsw.Connection) -> Registration | None:
            sql = "select kind, endpoint, p256dh, auth, wake from push where device = ?"
            for row in connection.execute(sql, (device,)):
                return _registration(device, *row)
            return None

        return await self._read(work)

    async def drop(self, device: bytes, wake: bytes | None = None) -> bool:
        def job(batch: Batch) -> bool:
            sql = "delete from push where device = ?1 and (?2 is null or wake = ?2) returning 1"
            was_there = bool(batch.execute(sql, device, wake))
            if was_there:
                batch.execute("delete from push_watch where device = ?", device)
            return was_there

        return await self._write(job)

    async def watch(self, device: bytes, groups: Sequence[tuple[bytes, bytes]]) -> None:
        def job(batch: Batch) -> None:
            batch.execute("delete from push_watch where device = ?", device)
            for gid, capability in groups:
                batch.execute(
                    "insert into push_watch(device, gid, capability)"
                    " select ?1, ?2, ?3 where exists (select 1 from push where device = ?1)",
                    *(device, gid, capability),
                )

        if await self.get(device) is not None:  # most devices have none: a read is cheap, a commit is not
            await self._write(job)

    async def awake(self, devices: Sequence[bytes], awake_ms: int, heard_ms: int) -> None:
        if not await self._is_used():
            return

        def job(batch: Batch) -> None:
            for device in devices:
                batch.execute(
                    "update push set awake_ms = ?, due_ms = case when due_ms between ? and ? then due_ms end"
                    " where device = ?",
                    *(awake_ms, heard_ms + 1, heard_ms + FAR_MS, device),
                )

        await self._write(job)

    async def news(self, groups: Sequence[bytes], devices: Sequence[bytes], at_ms: int) -> None:
        if not await self._is_used():
            return

        def job(batch: Batch) -> None:
            for device in devices:
                batch.execute("update push set due_ms = ? where device = ?", at_ms, device)
            for gid in groups:
                batch.execute(
                    "update push set due_ms = ? where device in (select device from push_watch where gid = ?)",
                    *(at_ms, gid),
                )
                batch.execute(
                    "delete from push_watch where gid = ?1 and not exists"
                    " (select 1 from grp g where g.gid = ?1 and g.capability = push_watch.capability)",
                    gid,
                )

        await self._write(job)

    async def take_due(self, at_ms: int, next_ms: int) -> tuple[Ping, ...]:
        where = "due_ms is not null and next_ms not between ?1 + 1 and ?2 and awake_ms not between ?1 + 1 and ?2"

        def look(connection: apsw.Connection) -> bool:
            sql = f"select 1 from push where {where} limit 1"  # noqa: S608  (words of our own)
            return bool(list(connection.execute(sql, (at_ms, at_ms + FAR_MS))))

        def job(batch: Batch) -> tuple[Ping, ...]:
            rows = batch.execute(
                "update push set next_ms = ?3 where device in"  # noqa: S608  (words of our own)
                f" (select device from push where {where} order by next_ms limit {PINGS_MOST})"
                " returning device, kind, endpoint, p256dh, auth, wake, failures",
                *(at_ms, at_ms + FAR_MS, next_ms),
            )
            return tuple(Ping(registration=_registration(*r[:6]), failures=r[6], taken_ms=at_ms) for r in rows)

        if not await self._read(look):
            return ()
        return await self._write(job)

    async def done(self, ping: Ping) -> None:
        known = ping.registration
        await self._write(
            lambda batch: batch.execute(
                "update push set failures = 0, due_ms = case when due_ms between ? and ? then due_ms end"
                " where device = ? and wake = ?",
                *(ping.taken_ms + 1, ping.taken_ms + FAR_MS, known.device, known.wake),
            )
        )

    async def failed(self, ping: Ping, next_ms: int) -> None:
        known = ping.registration
        await self._write(
            lambda batch: batch.execute(
                "update push set failures = failures + 1, next_ms = ? where device = ? and wake = ?",
                *(next_ms, known.device, known.wake),
            )
        )

    async def _is_used(self) -> bool:
        return bool(await self._read(lambda connection: list(connection.execute("select 1 from push limit 1"))))


def forget_device(batch: Batch, device: bytes, at_ms: int) -> None:
    """Drop the registration of a device that is deleted."""
    batch.execute("delete from push where device = ?", device)
    batch.execute("delete from push_watch where device = ?", device)


def _registration(device: bytes, kind: str, endpoint: str, p256dh: bytes, auth: bytes, wake: bytes) -> Registration:
    return Registration(device=device, kind=kind, endpoint=endpoint, p256dh=p256dh, auth=auth, wake=wake)
