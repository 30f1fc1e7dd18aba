"""`KeepStore` in SQLite. Its jobs change the log's rows that are kept in memory, on the writer's one thread."""

import json
from collections.abc import Sequence

from services.relay import newcomers
from services.relay.keep.store import Erasure, Shown
from services.relay.limits import DAY_MS, Quotas
from services.relay.log.rows import Group, Rows
from services.relay.log.store import Event, Limits, ahead, unknown_group
from services.relay.log.tables import OF_GROUP
from services.relay.meters import Cost
from services.relay.refusal import other_bytes
from services.relay.writer import Batch, Write

_NUMBERED = "seq in (select value from json_each(?)) and seq not in (select n.seq from erased n where n.gnum = ?1)"
_NAMING = "erase = ?"


class SqliteKeep:
    """`write` runs a job of a batch; `rows` are the log's."""

    def __init__(self, write: Write, rows: Rows, quotas: Quotas) -> None:
        self._write = write
        self._rows = rows
        self._quotas = quotas

    async def keep_for(self, shown: Shown, days: int) -> None:
        def job(batch: Batch) -> None:
            group = self._group(batch, shown.group)
            shown.check(group.capability, group.keeper)
            batch.execute("update grp set keep_days = ? where gnum = ?", days, group.gnum)

        await self._write(job)

    async def set_limits(self, shown: Shown, limits: Limits) -> None:
        def job(batch: Batch) -> None:
            group = self._kept(batch, shown)
            group.most_events, group.most_bytes, group.most_first = limits.events, limits.bytes, limits.first
            batch.execute(
                "update grp set most_events = ?, most_bytes = ?, most_first = ? where gnum = ?",
                *(limits.events, limits.bytes, limits.first, group.gnum),
            )

        await self._write(job)

    async def empty(self, shown: Shown, seqs: Sequence[int]) -> None:
        def job(batch: Batch) -> None:
            group = self._kept(batch, shown)
            if max(seqs) > group.head:
                raise ahead(group.head)
            self._empty(batch, group, _NUMBERED, json.dumps(list(seqs)))
            batch.tell(shown.group)  # what a node still holds in memory goes too

        await self._write(job, frees=True)

    async def drop(self, shown: Shown) -> None:
        def job(batch: Batch) -> None:
            group = self._kept(batch, shown)
            for table in OF_GROUP:
                batch.execute(f"delete from {table} where gnum = ?", group.gnum)  # noqa: S608  (names of our own)
            self._rows.drop(shown.group)
            batch.tell(shown.group)

        await self._write(job, frees=True)

    async def erase(self, erasure: Erasure) -> None:
        def job(batch: Batch) -> None:
            group = self._group(batch, erasure.group)
            if batch.row("select 1 from erased where gnum = ? and hash = ?", group.gnum, erasure.hash) is not None:
                return
            known = batch.row("select seq, body from event where gnum = ? and cid = ?", group.gnum, erasure.cid)
            if known is not None and known[1] != erasure.notice:
                raise other_bytes()
            if batch.row("select 1 from event where gnum = ? and erase = ?", group.gnum, erasure.hash) is None:
                self._count(batch, group, erasure)
            self._empty(batch, group, _NAMING, erasure.hash)
            seq = self._notify(batch, group, erasure) if known is None else known[0]
            batch.execute("insert into erased(gnum, hash, seq) values(?, ?, ?)", group.gnum, erasure.hash, seq)
            batch.tell(erasure.group)

        await self._write(job, frees=True)

    def _count(self, batch: Batch, group: Group, erasure: Erasure) -> None:
        """Nothing names this: a member may have it remembered all the same, so many a day."""
        if erasure.capability_hash != group.capability:
            raise unknown_group()
        cost = Cost(erasure.device, "erased", 1, self._quotas.erased_per_day, DAY_MS)
        newcomers.take(batch, erasure.at_ms, erasure.device, len(erasure.notice), self._quotas, cost)

    def _notify(self, batch: Batch, group: Group, erasure: Erasure) -> int:
        """Put the notice into the log, and return its number."""
        group.head += 1
        group.bytes += len(erasure.notice)
        self._rows.change(group)
        batch.execute(
            "insert into event(gnum, seq, cid, at_ms, body) values(?, ?, ?, ?, ?)",
            *(group.gnum, group.head, erasure.cid, erasure.at_ms, erasure.notice),
        )
        event = Event(seq=group.head, cid=erasure.cid, at_ms=erasure.at_ms, body=erasure.notice)
        batch.publish(erasure.group, event)
        return group.head

    def _empty(self, batch: Batch, group: Group, which: str, value: bytes | str) -> None:
        """Empty events of a group as expiry does: number and cid stay, and of the time the day."""
        where = f"gnum = ?1 and {which} and length(body) > 0"
        sql = f"select coalesce(sum(length(body)), 0) from event where {where}"  # noqa: S608  (text of our own)
        ((size,),) = batch.execute(sql, group.gnum, value)
        batch.execute(
            f"update event set body = x'', author = null, at_ms = at_ms - at_ms % {DAY_MS} where {where}",  # noqa: S608
            *(group.gnum, value),
        )
        group.bytes -= size
        self._rows.change(group)

    def _group(self, batch: Batch, gid: bytes) -> Group:
        group = self._rows.group(batch, gid)
        if group is None:
            raise unknown_group()
        return group

    def _kept(self, batch: Batch, shown: Shown) -> Group:
        group = self._group(batch, shown.group)
        shown.check_kept(group.capability, group.keeper)
        return group
