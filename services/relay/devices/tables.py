"""The tables about devices, for both databases: who there is, their inboxes and key packages, and what ended when.

`former` holds the capabilities that a group had before, each with the last number that it reads. `author` gives each
sender a number inside one group, so that its events can be found when the device goes; `orphan` notes since when nobody
is left who ever sent something. `lineage` and `restored` hold
what each restore from a backup did: which incarnation it ended, and where each group ended then.
"""

SQLITE = """
create table if not exists device(
    device blob primary key, public_key blob not null, account blob, inbox integer not null default 0,
    is_gone integer not null default 0) without rowid;
create index if not exists device_account on device(account) where account is not null;
create table if not exists former(
    gnum integer not null, capability blob not null, until integer not null,
    primary key(gnum, capability)) without rowid;
create table if not exists author(anum integer primary key, gnum integer not null, name blob not null);
create unique index if not exists author_name on author(gnum, name);
create table if not exists inbox(
    device blob not null, seq integer not null, cid blob not null, digest blob not null, at_ms integer not null,
    body blob not null, primary key(device, seq));
create unique index if not exists inbox_cid on inbox(device, cid);
create index if not exists inbox_age on inbox(at_ms);
create table if not exists key_package(
    device blob not null, digest blob not null, at_ms integer not null, is_last_resort integer not null,
    body blob not null, primary key(device, digest));
create table if not exists orphan(gnum integer primary key, at_ms integer not null);
create table if not exists lineage(number integer primary key, incarnation text not null);
create table if not exists restored(
    gnum integer not null, number integer not null, head integer not null, primary key(gnum, number)) without rowid;
"""

POSTGRES = """
create table if not exists device(
    device bytea primary key, public_key bytea not null, account bytea, inbox bigint not null default 0,
    is_gone boolean not null default false);
create index if not exists device_account on device(account) where account is not null;
create table if not exists former(
    gnum bigint not null, capability bytea not null, until bigint not null, primary key(gnum, capability));
create table if not exists author(anum bigserial primary key, gnum bigint not null, name bytea not null);
create unique index if not exists author_name on author(gnum, name);
create table if not exists inbox(
    device bytea not null, seq bigint not null, cid bytea not null, digest bytea not null, at_ms bigint not null,
    body bytea not null, primary key(device, seq));
create unique index if not exists inbox_cid on inbox(device, cid);
create index if not exists inbox_age on inbox(at_ms);
create table if not exists key_package(
    device bytea not null, digest bytea not null, at_ms bigint not null, is_last_resort boolean not null,
    body bytea not null, primary key(device, digest));
create table if not exists orphan(gnum bigint primary key, at_ms bigint not null);
create table if not exists lineage(number bigint primary key, incarnation text not null);
create table if not exists restored(
    gnum bigint not null, number bigint not null, head bigint not null, primary key(gnum, number));
"""
