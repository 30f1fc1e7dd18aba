-- The same in PostgreSQL.
create table if not exists meta(key text primary key, value text not null);

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


create table if not exists device(
    device bytea primary key, public_key bytea not null, account bytea, inbox bigint not null default 0,
    is_gone boolean not null default false);
create index if not exists device_account on device(account) where account is not null;
create table if not exists session(token bytea primary key, device bytea not null, expires_ms bigint not null);
create index if not exists session_device on session(device, expires_ms);
drop table if exists challenge;
create table if not exists spent(nonce bytea primary key, until_ms bigint not null);
create table if not exists inbox(
    device bytea not null, seq bigint not null, cid bytea not null, digest bytea not null, at_ms bigint not null,
    body bytea not null, sender bytea, is_known boolean not null default false, primary key(device, seq));
alter table inbox add column if not exists sender bytea;
alter table inbox add column if not exists is_known boolean not null default false;
create unique index if not exists inbox_cid on inbox(device, cid);
create table if not exists acquaintance(pair bytea primary key, at_ms bigint not null);
create table if not exists blocked(device bytea primary key);
create index if not exists inbox_age on inbox(at_ms);
create table if not exists key_package(
    device bytea not null, digest bytea not null, at_ms bigint not null, is_last_resort boolean not null,
    body bytea not null, primary key(device, digest));


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
create table if not exists former(
    gnum bigint not null, capability bytea not null, until bigint not null, primary key(gnum, capability));
create table if not exists author(anum bigserial primary key, gnum bigint not null, name bytea not null);
create unique index if not exists author_name on author(gnum, name);
create table if not exists orphan(gnum bigint primary key, at_ms bigint not null);
create table if not exists set_aside(
    gnum bigint not null, capability bytea not null, until bigint, primary key(gnum, capability));
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

create or replace function relay_append(
    p_gid bytea, p_capability bytea, p_cid bytea, p_body bytea, p_epoch bigint, p_at bigint, p_device bytea,
    p_group_bytes bigint, p_events bigint, p_day_bytes bigint, p_blobs bytea[], p_touched bigint,
    p_next bytea, p_author bytea, p_pot bigint,
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
    perform relay_room(p_device, length(p_body), p_pot, p_at);
end $$;


create table if not exists blob(
    id bytea primary key, size bigint not null, sha256 bytea not null, state text not null, device bytea not null,
    touched_ms bigint not null);
create index if not exists blob_device on blob(device);
create index if not exists blob_idle on blob(touched_ms) where state <> 'kept';
create table if not exists blob_reference(
    blob bytea not null, gnum bigint not null, seq bigint not null, primary key(blob, gnum, seq));
create index if not exists blob_reference_event on blob_reference(gnum, seq);

create or replace function relay_unrefer() returns trigger language plpgsql as $$
begin
    delete from blob_reference where gnum = old.gnum and seq = old.seq;
    return null;
end $$;
create or replace trigger event_emptied after update of body on event for each row
    when (length(new.body) = 0) execute function relay_unrefer();
create or replace trigger event_dropped after delete on event for each row execute function relay_unrefer();

create or replace function relay_unkeep() returns trigger language plpgsql as $$
begin
    update blob set state = 'whole' where id = old.blob and state = 'kept'
        and not exists (select 1 from blob_reference where blob = old.blob);
    return null;
end $$;
create or replace trigger blob_reference_dropped after delete on blob_reference for each row
    execute function relay_unkeep();

create or replace function relay_refer(p_gnum bigint, p_seq bigint, p_blobs bytea[], p_touched bigint) returns void
language plpgsql as $$
declare
    v_known bigint;
begin
    update blob set state = 'kept', touched_ms = p_touched
        where id = any(p_blobs) and state in ('whole', 'kept');
    get diagnostics v_known = row_count;
    if v_known <> cardinality(p_blobs) then
        raise exception using errcode = 'CMP07';
    end if;
    insert into blob_reference(blob, gnum, seq) select unnest(p_blobs), p_gnum, p_seq;
end $$;


create table if not exists push(
    device bytea primary key, kind text not null, endpoint text not null, p256dh bytea not null, auth bytea not null,
    wake bytea not null, due_ms bigint, awake_ms bigint not null, next_ms bigint not null, failures bigint not null);
create index if not exists push_due on push(next_ms) where due_ms is not null;
create table if not exists push_watch(
    device bytea not null, gid bytea not null, capability bytea not null, primary key(device, gid));
create index if not exists push_watch_gid on push_watch(gid);
insert into meta values('schema', '1'), ('incarnation', '00000000000000000000000000000000');
insert into device values('\x61616161616161616161616161616161', '\x6b657961616161616161616161616161616161', null, 0, false);
insert into device values('\x62626262626262626262626262626262', '\x6b657962626262626262626262626262626262', null, 0, false);
insert into grp values(1, '\x67676767676767676767676767676767', '\x3232323232323232323232323232323232323232323232323232323232323232', 3, 1, 14, 0, 0, null);
insert into event values(1, 1, '\x01010101010101010101010101010101', 1800000000000, null, 1, '\x6f6e65');
insert into event values(1, 2, '\x02020202020202020202020202020202', 1800000000000, 0, 1, '\x636f6d6d6974');
insert into event values(1, 3, '\x03030303030303030303030303030303', 1800000000000, null, 2, '\x7468726565');
insert into former values(1, '\x3131313131313131313131313131313131313131313131313131313131313131', 2);
insert into author values(1, 1, '\x62ddb650fd7d6ae7c42c2aca00660518');
insert into author values(2, 1, '\xa2b4e2e5567bcbed8f00e4344871af17');
select setval(pg_get_serial_sequence('grp', 'gnum'), 2);
select setval(pg_get_serial_sequence('author', 'anum'), 2);
