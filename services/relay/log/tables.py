"""The relay's tables in PostgreSQL, and the one call that appends.

An append is one statement and so one transaction and one round trip: the group's row is locked first, which makes
sequence order commit order, and the counters last. A refusal raises, and with that undoes everything.
"""

from services.relay.blobs import postgres as blobs_postgres
from services.relay.devices import tables as devices_tables
from services.relay.push import tables as push_tables

SCHEMA_VERSION = 1  # 2026-11-23: the first

SLOW_DOWN = "CMP29"
UNKNOWN = "CMP04"
OTHER_BYTES = "CMP08"
LOST_EPOCH = "CMP09"
GROUP_FULL = "CMP13"
NO_BLOB = "CMP07"
ROTATED = "CMP03"
GONE = "CMP01"

LOG_TABLES = """
create table if not exists meta(key text primary key, value text not null);
create table if not exists grp(
    gnum bigserial primary key, gid bytea not null unique, capability bytea not null, head bigint not null,
    epoch bigint not null, bytes bigint not null, rounded bigint not null, expired bigint not null default 0,
    keep_days bigint);
create table if not exists event(
    gnum bigint not null, seq bigint not null, cid bytea not null, at_ms bigint not null, epoch bigint,
    author bigint, body bytea not null, primary key(gnum, seq));
alter table event alter column body set storage external;
create unique index if not exists event_cid on event(gnum, cid);
create index if not exists event_epoch on event(gnum, epoch) where epoch is not null;
create table if not exists session(token bytea primary key, device bytea not null, expires_ms bigint not null);
create index if not exists session_device on session(device, expires_ms);
create table if not exists invite(
    invite bytea primary key, body bytea not null, expires_ms bigint not null, used_by bytea);
create table if not exists meter(
    device bytea not null, kind text not null, start_ms bigint not null, used bigint not null,
    primary key(device, kind));
create unlogged table if not exists challenge(
    nonce bytea primary key, device bytea not null, expires_ms bigint not null);

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
        raise exception using errcode = 'CMP29', message = (1 + (v_start + p_window - p_at) / 1000)::text;
    end if;
end $$;

create or replace function relay_author(p_gnum bigint, p_name bytea, p_device bytea) returns bigint
language plpgsql as $$
declare
    v_author bigint;
    v_gone boolean;
begin
    select anum into v_author from author where gnum = p_gnum and name = p_name;
    if not found then
        select is_gone into v_gone from device where device = p_device for share;
        if v_gone then
            raise exception using errcode = 'CMP01';
        end if;
        insert into author(gnum, name) values(p_gnum, p_name) returning anum into v_author;
    end if;
    return v_author;
end $$;

create or replace function relay_append(
    p_gid bytea, p_capability bytea, p_cid bytea, p_body bytea, p_epoch bigint, p_at bigint, p_device bytea,
    p_group_bytes bigint, p_events bigint, p_day_bytes bigint, p_blobs bytea[], p_touched bigint,
    p_next bytea, p_author bytea,
    out o_seq bigint, out o_at bigint, out o_new boolean)
language plpgsql as $$
declare
    v_group grp%rowtype;
    v_body bytea;
    v_author bigint;
    v_until bigint;
begin
    select * into v_group from grp where gid = p_gid for update;
    if not found then
        raise exception using errcode = 'CMP04';
    end if;
    if v_group.capability <> p_capability then
        select until into v_until from former where gnum = v_group.gnum and capability = p_capability;
        if not found then
            raise exception using errcode = 'CMP04';
        end if;
    end if;
    select seq, at_ms, body into o_seq, o_at, v_body from event
        where gnum = v_group.gnum and cid = p_cid and (v_until is null or seq <= v_until);
    if found then
        if v_body not in (p_body, '') then
            raise exception using errcode = 'CMP08';
        end if;
        o_new := false;
        return;
    end if;
    if p_epoch is not null and p_epoch <> v_group.epoch then
        raise exception using errcode = 'CMP09';
    end if;
    if v_until is not null then
        raise exception using errcode = 'CMP03', message = v_until::text;
    end if;
    if v_group.bytes + length(p_body) > p_group_bytes then
        raise exception using errcode = 'CMP13';
    end if;
    o_seq := v_group.head + 1;
    o_at := p_at;
    o_new := true;
    v_author := relay_author(v_group.gnum, p_author, p_device);
    insert into event(gnum, seq, cid, at_ms, epoch, author, body)
        values(v_group.gnum, o_seq, p_cid, p_at, p_epoch, v_author, p_body);
    if p_next <> v_group.capability then
        insert into former as f values(v_group.gnum, v_group.capability, o_seq)
            on conflict (gnum, capability) do update set until = excluded.until;
        delete from former where gnum = v_group.gnum and capability = p_next;
    end if;
    update grp set head = o_seq, bytes = bytes + length(p_body), capability = coalesce(p_next, capability),
        epoch = v_group.epoch + case when p_epoch is null then 0 else 1 end where gnum = v_group.gnum;
    if cardinality(p_blobs) > 0 then
        perform relay_refer(v_group.gnum, o_seq, p_blobs, p_touched);
    end if;
    perform relay_take(p_device, 'bytes', length(p_body), p_day_bytes, 86400000, p_at);
    perform relay_take(p_device, 'events', 1, p_events, 60000, p_at);
end $$;
"""

SCHEMA = "\n".join((devices_tables.POSTGRES, LOG_TABLES, push_tables.POSTGRES, blobs_postgres.SCHEMA))

APPEND = "select * from relay_append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
TAKE = "select relay_take($1, $2, 1, $3, $4, $5)"

AUTHOR = "select relay_author(gnum, $2, $3) from grp where gid = $1"

_OPENING = """
    select g.head as head, false as is_former where g.capability = {0}
    union all select f.until, true from former f where f.gnum = g.gnum and f.capability = {0} and g.capability <> {0}
"""

OPENINGS = f"""
select o.head, o.is_former from unnest($1::bytea[], $2::bytea[]) with ordinality as w(gid, capability, place)
left join grp g on g.gid = w.gid left join lateral ({_OPENING.format("w.capability")}) o on true order by w.place
"""  # noqa: S608  (text of our own)

PAGE = f"""
select o.head, o.is_former, e.seq, e.cid, e.at_ms, e.body from grp g
cross join lateral ({_OPENING.format("$5")}) o left join lateral (
    select * from (
        select seq, cid, at_ms, body, sum(octet_length(body)) over (order by seq) as total
        from event where gnum = g.gnum and seq > $2 and seq <= o.head order by seq limit $3) t
    where total <= $4 or seq = $2 + 1) e on true
where g.gid = $1 order by e.seq
"""  # noqa: S608  (text of our own)

WINNER = f"""
select g.epoch, o.head, e.seq, e.cid, e.at_ms, e.body
from grp g cross join lateral ({_OPENING.format("$3")}) o
left join event e on e.gnum = g.gnum and e.epoch = $2 and e.seq <= o.head where g.gid = $1
"""  # noqa: S608  (text of our own)

ROUND_ARRIVALS = """
with stale as (
    select gnum, rounded, (select max(seq) from event e where e.gnum = g.gnum and e.at_ms <= $1) as upto
    from grp g where head > rounded for update skip locked),
rounded as (
    update event e set at_ms = at_ms - at_ms % 60000 from stale s
    where e.gnum = s.gnum and e.seq > s.rounded and e.seq <= s.upto)
update grp g set rounded = s.upto from stale s where g.gnum = s.gnum and s.upto is not null
"""
