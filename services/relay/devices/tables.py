"""The tables of devices in both databases: their keys and sessions, used nonces, inboxes and key packages.

`sender` of an inbox item and `pair` of an acquaintance are keyed hashes; the key is not in the database.

SQLite has no table of used nonces: they are remembered for minutes, and one process serves the file.
"""

SQLITE = """
create table if not exists device(
    device blob primary key, public_key blob not null, account blob, inbox integer not null default 0,
    is_gone integer not null default 0) without rowid;
create index if not exists device_account on device(account) where account is not null;
create table if not exists session(
    token blob primary key, device blob not null, expires_ms integer not null) without rowid;
create index if not exists session_device on session(device, expires_ms);
create table if not exists inbox(
    device blob not null, seq integer not null, cid blob not null, digest blob not null, at_ms integer not null,
    body blob not null, sender blob, is_known integer not null default 0, primary key(device, seq));
create unique index if not exists inbox_cid on inbox(device, cid);
create table if not exists acquaintance(pair blob primary key, at_ms integer not null) without rowid;
create table if not exists blocked(device blob primary key) without rowid;
create index if not exists inbox_age on inbox(at_ms);
create table if not exists key_package(
    device blob not null, digest blob not null, at_ms integer not null, is_last_resort integer not null,
    body blob not null, primary key(device, digest));
"""

LATER = {"inbox": ("sender blob", "is_known integer not null default 0")}
"""Columns that SQLite's tables of release 0.1.0 have not."""

POSTGRES = """
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
"""
