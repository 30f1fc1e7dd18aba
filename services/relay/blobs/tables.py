"""The tables of blobs in both databases: the ledger, and which events refer to what.

The triggers keep references true whoever empties or drops an event: expiry, or a device that deletes itself.
"""

SQLITE = """
create table if not exists blob(
    id blob primary key, size integer not null, sha256 blob not null, state text not null, device blob not null,
    touched_ms integer not null) without rowid;
create index if not exists blob_device on blob(device);
create index if not exists blob_idle on blob(touched_ms) where state <> 'kept';
create table if not exists blob_reference(
    blob blob not null, gnum integer not null, seq integer not null, primary key(blob, gnum, seq)) without rowid;
create index if not exists blob_reference_event on blob_reference(gnum, seq);
create trigger if not exists event_emptied after update of body on event when length(new.body) = 0 begin
    delete from blob_reference where gnum = new.gnum and seq = new.seq;
end;
create trigger if not exists event_dropped after delete on event begin
    delete from blob_reference where gnum = old.gnum and seq = old.seq;
end;
create trigger if not exists blob_reference_dropped after delete on blob_reference begin
    update blob set state = 'whole' where id = old.blob and state = 'kept'
        and not exists (select 1 from blob_reference where blob = old.blob);
end;
"""

POSTGRES = """
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
"""
