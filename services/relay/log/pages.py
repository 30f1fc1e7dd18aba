"""What SQLite's log reads on a connection for reading: what a capability opens, and a page of events."""

import apsw

from services.relay.log.store import Event, Opening, Page
from services.sync.protocol import PAGE_LIMIT_BYTES


def open_group(connection: apsw.Connection, group: bytes, capability_hash: bytes, place: int = 0) -> Opening | None:
    sql = "select gnum, head, capability, keeper is not null from grp where gid = ?"
    for gnum, head, capability, has_keeper in list(connection.execute(sql, (group,))):
        is_former = capability != capability_hash
        if is_former:
            sql = "select until from former where gnum = ? and capability = ?"
            row = next(iter(list(connection.execute(sql, (gnum, capability_hash)))), None)
            if row is None:
                return None
            head = row[0]
        sql = "select cid, at_ms from event where gnum = ? and seq = ?"
        stands = list(connection.execute(sql, (gnum, place))) if 0 < place <= head else []
        cid, at_ms = stands[0] if stands else (None, 0)
        return Opening(head=head, is_former=is_former, cid=cid, at_ms=at_ms, has_keeper=bool(has_keeper))
    return None


def read_page(connection: apsw.Connection, group: bytes, capability_hash: bytes, since: int, limit: int) -> Page:
    page = Page(events=(), head=0)
    with connection:  # everything of the same moment
        opening = open_group(connection, group, capability_hash)
        if opening is not None:
            events = _read_events(connection, group, since, opening.head, limit)
            page = Page(events=events, head=opening.head, is_former=opening.is_former)
    return page


def _read_events(connection: apsw.Connection, group: bytes, since: int, until: int, limit: int) -> tuple[Event, ...]:
    events: list[Event] = []
    size = 0
    rows = connection.execute(
        "select seq, cid, at_ms, body from event"
        " where gnum = (select gnum from grp where gid = ?) and seq > ? and seq <= ? order by seq limit ?",
        (group, since, until, limit),
    )
    for seq, cid, at_ms, body in rows:
        size += len(body)
        if events and size > PAGE_LIMIT_BYTES:
            break
        events.append(Event(seq=seq, cid=cid, at_ms=at_ms, body=body))
    rows.close()
    return tuple(events)
