"""The tables of pushes in both databases. `store` says what the columns mean."""

SQLITE = """
create table if not exists push(
    device blob primary key, kind text not null, endpoint text not null, p256dh blob not null, auth blob not null,
    wake blob not null, due_ms integer, awake_ms integer not null, next_ms integer not null,
    failures integer not null) without rowid;
create index if not exists push_due on push(next_ms) where due_ms is not null;
create table if not exists push_watch(
    device blob not null, gid blob not null, capability blob not null, primary key(device, gid)) without rowid;
create index if not exists push_watch_gid on push_watch(gid);
"""

POSTGRES = """
create table if not exists push(
    device bytea primary key, kind text not null, endpoint text not null, p256dh bytea not null, auth bytea not null,
    wake bytea not null, due_ms bigint, awake_ms bigint not null, next_ms bigint not null, failures bigint not null);
create index if not exists push_due on push(next_ms) where due_ms is not null;
create table if not exists push_watch(
    device bytea not null, gid bytea not null, capability bytea not null, primary key(device, gid));
create index if not exists push_watch_gid on push_watch(gid);
"""
