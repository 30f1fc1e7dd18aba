"""Devices that registered within the last day, and what they may take up together.

A device's id is free: whoever wants a thousand makes a thousand, so a quota for each of them limits nobody. What is
scarce is room. So those who came within the last day share one pot of it, and whoever was here before notices nothing
when strangers have emptied that. A newcomer who has left nothing after an hour, or stands behind a hundred thousand
newer ones, is forgotten; it registers again with its next session, and nobody is ever turned away for a counter.
"""

from services.relay.limits import DAY_MS, HOUR_MS, Quotas
from services.relay.meters import Cost
from services.relay.writer import Batch

IDLE_MS = HOUR_MS
IDLE_MOST = 100_000
POT = "newcomers"

SQLITE = """
create table if not exists newcomer(
    device blob primary key, since_ms integer not null, is_settled integer not null default 0) without rowid;
create index if not exists newcomer_idle on newcomer(since_ms) where not is_settled;
"""

POSTGRES = """
create table if not exists newcomer(
    device bytea primary key, since_ms bigint not null, is_settled boolean not null default false);
create index if not exists newcomer_idle on newcomer(since_ms) where not is_settled;

create or replace function relay_room(p_device bytea, p_size bigint, p_limit bigint, p_at bigint) returns void
language plpgsql as $$
declare
    v_settled boolean;
begin
    select is_settled into v_settled from newcomer where device = p_device;
    if not found then
        return;
    end if;
    if not v_settled then
        update newcomer set is_settled = true where device = p_device;
    end if;
    perform relay_take('', 'newcomers', p_size, p_limit, 86400000, p_at);
end $$;
"""

ROOM = "select relay_room($1, $2, $3, $4)"  # device, bytes, quota, at; raises CMP29
ENTER = "insert into newcomer(device, since_ms) values($1, $2) on conflict do nothing"
IDLE = """
select n.device from newcomer n join device d on d.device = n.device
where not n.is_settled and d.inbox = 0 and (n.since_ms <= $1
    or n.since_ms < (select since_ms from newcomer where not is_settled order by since_ms desc limit 1 offset $2))
"""
SETTLE = "update newcomer set is_settled = true where device = $1 and not is_settled"
FORGET = "delete from newcomer where device = any($1::bytea[]) and not is_settled returning device"
OLD = "delete from newcomer where since_ms <= $1"

_IDLE = IDLE.replace("$", "?")


def take(batch: Batch, at_ms: int, device: bytes, size: int, quotas: Quotas, *costs: Cost) -> None:
    """Count these costs of a device that is about to leave `size` bytes here, or none and raise 429."""
    known = batch.row("select is_settled from newcomer where device = ?", device)
    if known is None:
        batch.take(at_ms, *costs)
        return
    batch.take(at_ms, *costs, Cost(b"", POT, size, quotas.newcomer_bytes_per_day, DAY_MS))
    if not known[0]:
        settle(batch, device)


def is_one(batch: Batch, device: bytes) -> bool:
    """Whether this device came within the last day."""
    return batch.row("select 1 from newcomer where device = ?", device) is not None


def settle(batch: Batch, device: bytes) -> None:
    """A newcomer has left something that it will want to find again."""
    batch.execute("update newcomer set is_settled = 1 where device = ?", device)


def enter(batch: Batch, device: bytes, at_ms: int) -> None:
    """A device has registered."""
    batch.execute("insert or ignore into newcomer(device, since_ms) values(?, ?)", device, at_ms)


def sweep(batch: Batch, at_ms: int) -> list[bytes]:
    """Forget who is no newcomer any more, and return the devices that are to be forgotten altogether."""
    idle = [row[0] for row in batch.execute(_IDLE, at_ms - IDLE_MS, IDLE_MOST)]
    for device in idle:
        batch.execute("delete from newcomer where device = ?", device)
    batch.execute("delete from newcomer where since_ms <= ?", at_ms - DAY_MS)
    return idle
