"""How much of its quotas each device has used: the one table that every part of the relay counts in.

It knows kinds of costs as words only, and forgets a counter when its time is over.
"""

from collections.abc import Callable
from dataclasses import dataclass

import apsw

from services.relay.limits import DAY_MS
from services.relay.refusal import Refusal, slow_down

KEPT_MOST = 8_192

SQLITE = """
create table if not exists meter(
    device blob not null, kind text not null, window integer not null, used integer not null,
    primary key(device, kind)) without rowid;
"""

POSTGRES = """
create table if not exists meter(
    device bytea not null, kind text not null, start_ms bigint not null, used bigint not null,
    primary key(device, kind));

create or replace function relay_take(
    p_device bytea, p_kind text, p_amount bigint, p_limit bigint, p_window bigint, p_at bigint) returns void
language plpgsql as $$
declare
    v_start bigint := p_at - p_at % p_window;
    v_used bigint;
begin
    insert into meter as m(device, kind, start_ms, used) values(p_device, p_kind, v_start, p_amount)
    on conflict(device, kind) do update set start_ms = excluded.start_ms,
        used = excluded.used + case when m.start_ms = excluded.start_ms then m.used else 0 end
    returning used into v_used;
    if v_used > p_limit then
        raise exception using errcode = 'CMP29',
            message = p_kind || ' ' || (1 + (v_start + p_window - p_at) / 1000)::text;
    end if;
end $$;
"""

TAKE = "select relay_take($1, $2, $3, $4, $5, $6)"  # device, kind, amount, limit, window, at; raises CMP29
SWEEP = "delete from meter where start_ms < $1"
OTHERS = {
    "posted": "So many letters came for that device lately that it gets no more for now.",
    "admits": "This invite has let in as many devices as it may in one day.",
    "claimed": "So many asked for key packages of that device lately that none is handed out for now.",
    "newcomers": "Whoever came to this service within the last day has used up what is kept for newcomers today.",
}
"""What to say where it is not the caller who is over a limit, by the kind of what is counted."""


@dataclass(frozen=True, slots=True)
class Cost:
    """So much of a quota that counts per `window_ms`."""

    device: bytes
    kind: str
    amount: int
    limit: int
    window_ms: int


class Meters:
    """The counters in SQLite: read once, kept in memory, and written once a transaction."""

    def __init__(self) -> None:
        self._used: dict[tuple[bytes, str], tuple[int, int]] = {}
        self._changed: set[tuple[bytes, str]] = set()

    def take(self, connection: apsw.Connection, at_ms: int, *costs: Cost) -> None:
        """Count all the costs, or none and raise 429."""
        after: dict[tuple[bytes, str], tuple[int, int]] = {}
        for cost in costs:
            key = (cost.device, cost.kind)
            start = at_ms - at_ms % cost.window_ms
            known = self._used.get(key) or _read(connection, key)
            used = known[1] if known is not None and known[0] == start else 0
            if used + cost.amount > cost.limit:
                raise over(cost.kind, 1 + (start + cost.window_ms - at_ms) // 1_000)
            after[key] = (start, used + cost.amount)
        self._used.update(after)
        self._changed.update(after)

    def sweep(self, connection: apsw.Connection, at_ms: int) -> None:
        connection.execute("delete from meter where window < ?", (at_ms - DAY_MS,))

    def flush(self, connection: apsw.Connection) -> None:
        if self._changed:
            connection.executemany(
                "insert or replace into meter(device, kind, window, used) values(?, ?, ?, ?)",
                [(*key, *self._used[key]) for key in self._changed],
            )
            self._changed.clear()
        if len(self._used) > KEPT_MOST:
            self._used.clear()

    def forget(self) -> None:
        self._used.clear()
        self._changed.clear()


def over(kind: str, retry_after_s: int) -> Refusal:
    """Return the refusal of what is over its limit, in a sentence that says whose limit it is."""
    return slow_down(retry_after_s, OTHERS.get(kind, "This device is over its limit for now."))


def _over(text: str) -> Refusal:
    kind, seconds = text.split()
    return over(kind, int(seconds))


REFUSALS: dict[str, Callable[[str], Exception]] = {"CMP29": _over}


def _read(connection: apsw.Connection, key: tuple[bytes, str]) -> tuple[int, int] | None:
    for start, used in list(connection.execute("select window, used from meter where device = ? and kind = ?", key)):
        return start, used
    return None
