"""The tables of the log in both databases, and in PostgreSQL the one call that appends.

`former` holds the capabilities that a group had before, each with the last number that it reads. `author` gives each
sender a number inside one group, so that its events can be found when the device goes; `orphan` notes since when nobody
is left who ever sent something. `set_aside` holds the capabilities of a group that the operator has blocked, and its
keeper. `lineage` and `restored` hold what each restore from a backup did: which incarnation it ended, and where each
group ended then.

A group with a `keeper` (a hash, like `capability`) is a log with a keeper: none of its events has an author. What it
takes from one device in a day stands in `most_events`, `most_bytes` and `most_first`. `erase` is the hash of the secret
that erases an event; it stays when the body goes.

An append in PostgreSQL is one statement and so one transaction and one round trip: the group's row is locked first,
which makes sequence order commit order, and the counters last. A refusal raises, and with that undoes everything.
"""

# Tables with long rows keep their rowid: without it SQLite gives each row above 1 kB a page of its own.
SQLITE = """
create table if not exists grp(
    gnum integer primary key, gid blob not null unique, capability blob not null, head integer not null,
    epoch integer not null, bytes integer not null, rounded integer not null, expired integer not null default 0,
    keep_days integer, keeper blob, most_events integer, most_bytes integer, most_first integer);
create table if not exists event(
    gnum integer not null, seq integer not null, cid blob not null, at_ms integer not null, epoch integer,
    author integer, body blob not null, erase blob, primary key(gnum, seq));
create unique index if not exists event_cid on event(gnum, cid);
create index if not exists event_epoch on event(gnum, epoch) where epoch is not null;
create index if not exists event_erase on event(gnum, erase) where erase is not null;
create table if not exists former(
    gnum integer not null, capability blob not null, until integer not null,
    primary key(gnum, capability)) without rowid;
create table if not exists author(anum integer primary key, gnum integer not null, name blob not null);
create unique index if not exists author_name on author(gnum, name);
create table if not exists orphan(gnum integer primary key, at_ms integer not null);
create table if not exists set_aside(
    gnum integer not null, capability blob not null, until integer, keeper blob,
    primary key(gnum, capability)) without rowid;
create table if not exists lineage(number integer primary key, incarnation text not null);
create table if not exists restored(
    gnum integer not null, number integer not null, head integer not null, primary key(gnum, number)) without rowid;
create table if not exists invite(
    invite blob primary key, body blob not null, expires_ms integer not null, used_by blob);
"""

LATER = {
    "grp": ("keeper blob", "most_events integer", "most_bytes integer", "most_first integer"),
    "event": ("erase blob",),
    "set_aside": ("keeper blob",),
}
"""Columns that SQLite's tables of database version 1 have not."""

OF_GROUP = ("event", "former", "restored", "orphan", "author", "set_aside", "erased", "grp")
"""The tables that hold what belongs to one group, by its `gnum`; the group itself is the last."""

POSTGRES = """
create table if not exists grp(
    gnum bigserial primary key, gid bytea not null unique, capability bytea not null, head bigint not null,
    epoch bigint not null, bytes bigint not null, rounded bigint not null, expired bigint not null default 0,
    keep_days bigint, keeper bytea, most_events bigint, most_bytes bigint, most_first bigint);
alter table grp add column if not exists keeper bytea, add column if not exists most_events bigint,
    add column if not exists most_bytes bigint, add column if not exists most_first bigint;
create table if not exists event(
    gnum bigint not null, seq bigint not null, cid bytea not null, at_ms bigint not null, epoch bigint,
    author bigint, body bytea not null, erase bytea, primary key(gnum, seq));
alter table event alter column body set storage external;
alter table event add column if not exists erase bytea;
create unique index if not exists event_cid on event(gnum, cid);
create index if not exists event_epoch on event(gnum, epoch) where epoch is not null;
create index if not exists event_erase on event(gnum, erase) where erase is not null;
create table if not exists former(
    gnum bigint not null, capability bytea not null, until bigint not null, primary key(gnum, capability));
create table if not exists author(anum bigserial primary key, gnum bigint not null, name bytea not null);
create unique index if not exists author_name on author(gnum, name);
create table if not exists orphan(gnum bigint primary key, at_ms bigint not null);
create table if not exists set_aside(
    gnum bigint not null, capability bytea not null, until bigint, keeper bytea, primary key(gnum, capability));
alter table set_aside add column if not exists keeper bytea;
create table if not exists lineage(number bigint primary key, incarnation text not null);
create table if not exists restored(
    gnum bigint not null, number bigint not null, head bigint not null, primary key(gnum, number));
create table if not exists invite(
    invite bytea primary key, body bytea not null, expires_ms bigint not null, used_by bytea);

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

drop function if exists relay_append(bytea, bytea, bytea, bytea, bigint, bigint, bytea, bigint, bigint, bigint,
    bytea[], bigint, bytea, bytea, bigint);
create or replace function relay_append(
    p_gid bytea, p_capability bytea, p_cid bytea, p_body bytea, p_epoch bigint, p_at bigint, p_device bytea,
    p_group_bytes bigint, p_events bigint, p_day_bytes bigint, p_blobs bytea[], p_touched bigint,
    p_next bytea, p_author bytea, p_pot bigint,
    p_keeper bytea default null, p_next_keeper bytea default null, p_erase bytea default null,
    out o_seq bigint, out o_at bigint, out o_new boolean)
language plpgsql as $$
declare
    v_group grp%rowtype;
    v_body bytea;
    v_author bigint;
    v_until bigint;
    v_erase bytea;
    v_new boolean;
    v_most bigint;
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
    select seq, at_ms, body, erase into o_seq, o_at, v_body, v_erase from event
        where gnum = v_group.gnum and cid = p_cid and (v_until is null or seq <= v_until);
    if found then
        if v_body not in (p_body, '') then
            raise exception using errcode = 'CMP08';
        end if;
        if v_body = '' and exists (select 1 from erased where gnum = v_group.gnum and hash = v_erase) then
            raise exception using errcode = 'CMP10';
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
    if v_group.keeper is null and (p_keeper is not null or p_next_keeper is not null) then
        raise exception using errcode = 'CMP40';
    end if;
    if v_group.keeper is not null then
        if (p_epoch is not null or p_keeper is not null) and p_keeper is distinct from v_group.keeper then
            raise exception using errcode = 'CMP33';
        end if;
        if p_epoch is not null and (p_next is null or p_next_keeper is null) then
            raise exception using errcode = 'CMP41';
        end if;
    end if;
    if p_erase is not null and exists (select 1 from erased where gnum = v_group.gnum and hash = p_erase) then
        raise exception using errcode = 'CMP10';
    end if;
    if v_group.bytes + length(p_body) > p_group_bytes then
        raise exception using errcode = 'CMP13';
    end if;
    o_seq := v_group.head + 1;
    o_at := p_at;
    o_new := true;
    if v_group.keeper is null then
        v_author := relay_author(v_group.gnum, p_author, p_device);
    elsif exists (select 1 from device where device = p_device and is_gone) then
        raise exception using errcode = 'CMP01';
    end if;
    insert into event(gnum, seq, cid, at_ms, epoch, author, body, erase)
        values(v_group.gnum, o_seq, p_cid, p_at, p_epoch, v_author, p_body, p_erase);
    if p_next <> v_group.capability then
        insert into former as f values(v_group.gnum, v_group.capability, o_seq)
            on conflict (gnum, capability) do update set until = excluded.until;
        delete from former where gnum = v_group.gnum and capability = p_next;
    end if;
    update grp set head = o_seq, bytes = bytes + length(p_body), capability = coalesce(p_next, capability),
        keeper = coalesce(p_next_keeper, keeper),
        epoch = v_group.epoch + case when p_epoch is null then 0 else 1 end where gnum = v_group.gnum;
    if cardinality(p_blobs) > 0 then
        perform relay_refer(v_group.gnum, o_seq, p_blobs, p_touched);
    end if;
    perform relay_take(p_device, 'bytes', length(p_body), p_day_bytes, 86400000, p_at);
    perform relay_take(p_device, 'events', 1, p_events, 60000, p_at);
    if v_group.keeper is not null then
        v_new := exists (select 1 from newcomer where device = p_device);
        v_most := least(nullif(v_group.most_events, 0), case when v_new then nullif(v_group.most_first, 0) end);
        if v_most is not null then
            perform relay_take(p_device, 'kept', 1, v_most, 86400000, p_at);
        end if;
        if v_group.most_bytes > 0 then
            perform relay_take(p_device, 'kept_bytes', length(p_body), v_group.most_bytes, 86400000, p_at);
        end if;
    end if;
    perform relay_room(p_device, length(p_body), p_pot, p_at);
end $$;
"""
