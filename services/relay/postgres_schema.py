"""The relay's tables in PostgreSQL, and the one call that appends.

An append is one statement and so one transaction and one round trip: the group's row is locked first, which makes
sequence order commit order, and the counters last. A refusal raises, and with that undoes everything.
"""

SCHEMA_VERSION = 1  # 2026-11-23: the first

SLOW_DOWN = "CMP29"
UNKNOWN = "CMP04"
OTHER_BYTES = "CMP08"
LOST_EPOCH = "CMP09"
GROUP_FULL = "CMP13"

SCHEMA = """
create table if not exists meta(key text primary key, value text not null);
create table if not exists grp(
    gnum bigserial primary key, gid bytea not null unique, capability bytea not null, head bigint not null,
    epoch bigint not null, bytes bigint not null, rounded bigint not null);
create table if not exists event(
    gnum bigint not null, seq bigint not null, cid bytea not null, at_ms bigint not null, epoch bigint,
    body bytea not null, primary key(gnum, seq));
alter table event alter column body set storage external;
create unique index if not exists event_cid on event(gnum, cid);
create index if not exists event_epoch on event(gnum, epoch) where epoch is not null;
create table if not exists device(device bytea primary key, public_key bytea not null);
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

create or replace function relay_append(
    p_gid bytea, p_capability bytea, p_cid bytea, p_body bytea, p_epoch bigint, p_at bigint, p_device bytea,
    p_group_bytes bigint, p_events bigint, p_day_bytes bigint,
    out o_seq bigint, out o_at bigint, out o_new boolean)
language plpgsql as $$
declare
    v_group grp%rowtype;
    v_body bytea;
begin
    select * into v_group from grp where gid = p_gid for update;
    if not found or v_group.capability <> p_capability then
        raise exception using errcode = 'CMP04';
    end if;
    select seq, at_ms, body into o_seq, o_at, v_body from event where gnum = v_group.gnum and cid = p_cid;
    if found then
        if v_body <> p_body then
            raise exception using errcode = 'CMP08';
        end if;
        o_new := false;
        return;
    end if;
    if p_epoch is not null and p_epoch <> v_group.epoch then
        raise exception using errcode = 'CMP09';
    end if;
    if v_group.bytes + length(p_body) > p_group_bytes then
        raise exception using errcode = 'CMP13';
    end if;
    o_seq := v_group.head + 1;
    o_at := p_at;
    o_new := true;
    insert into event(gnum, seq, cid, at_ms, epoch, body) values(v_group.gnum, o_seq, p_cid, p_at, p_epoch, p_body);
    update grp set head = o_seq, bytes = bytes + length(p_body),
        epoch = v_group.epoch + case when p_epoch is null then 0 else 1 end where gnum = v_group.gnum;
    perform relay_take(p_device, 'bytes', length(p_body), p_day_bytes, 86400000, p_at);
    perform relay_take(p_device, 'events', 1, p_events, 60000, p_at);
end $$;
"""

APPEND = "select * from relay_append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
TAKE = "select relay_take($1, $2, 1, $3, $4, $5)"

PAGE = """
select g.head, e.seq, e.cid, e.at_ms, e.body from grp g left join lateral (
    select * from (
        select seq, cid, at_ms, body, sum(octet_length(body)) over (order by seq) as total
        from event where gnum = g.gnum and seq > $2 order by seq limit $3) t
    where total <= $4 or seq = $2 + 1) e on true
where g.gid = $1 order by e.seq
"""

WINNER = """
select g.epoch, g.head, e.seq, e.cid, e.at_ms, e.body
from grp g left join event e on e.gnum = g.gnum and e.epoch = $2 where g.gid = $1
"""

ROUND_ARRIVALS = """
with stale as (
    select gnum, rounded, (select max(seq) from event e where e.gnum = g.gnum and e.at_ms <= $1) as upto
    from grp g where head > rounded for update skip locked),
rounded as (
    update event e set at_ms = at_ms - at_ms % 60000 from stale s
    where e.gnum = s.gnum and e.seq > s.rounded and e.seq <= s.upto)
update grp g set rounded = s.upto from stale s where g.gnum = s.gnum and s.upto is not null
"""
