-- A service's database as version 1 made it in SQLite: two devices, one group, a change of its capability.
PRAGMA page_size=4096;
BEGIN TRANSACTION;
CREATE TABLE acquaintance(pair blob primary key, at_ms integer not null) without rowid;
CREATE TABLE author(anum integer primary key, gnum integer not null, name blob not null);
INSERT INTO author VALUES(1,1,X'62DDB650FD7D6AE7C42C2ACA00660518');
INSERT INTO author VALUES(2,1,X'A2B4E2E5567BCBED8F00E4344871AF17');
CREATE UNIQUE INDEX author_name on author(gnum, name);
CREATE TABLE blob(
    id blob primary key, size integer not null, sha256 blob not null, state text not null, device blob not null,
    touched_ms integer not null) without rowid;
CREATE INDEX blob_device on blob(device);
CREATE INDEX blob_idle on blob(touched_ms) where state <> 'kept';
CREATE TABLE blob_reference(
    blob blob not null, gnum integer not null, seq integer not null, primary key(blob, gnum, seq)) without rowid;
CREATE TRIGGER blob_reference_dropped after delete on blob_reference begin
    update blob set state = 'whole' where id = old.blob and state = 'kept'
        and not exists (select 1 from blob_reference where blob = old.blob);
end;
CREATE INDEX blob_reference_event on blob_reference(gnum, seq);
CREATE TABLE blocked(device blob primary key) without rowid;
CREATE TABLE device(
    device blob primary key, public_key blob not null, account blob, inbox integer not null default 0,
    is_gone integer not null default 0) without rowid;
INSERT INTO device VALUES(X'61616161616161616161616161616161',X'6B657961616161616161616161616161616161',NULL,0,0);
INSERT INTO device VALUES(X'62626262626262626262626262626262',X'6B657962626262626262626262626262626262',NULL,0,0);
CREATE INDEX device_account on device(account) where account is not null;
CREATE TABLE event(
    gnum integer not null, seq integer not null, cid blob not null, at_ms integer not null, epoch integer,
    author integer, body blob not null, primary key(gnum, seq));
INSERT INTO event VALUES(1,1,X'01010101010101010101010101010101',1800000000000,NULL,1,X'6F6E65');
INSERT INTO event VALUES(1,2,X'02020202020202020202020202020202',1800000000000,0,1,X'636F6D6D6974');
INSERT INTO event VALUES(1,3,X'03030303030303030303030303030303',1800000000000,NULL,2,X'7468726565');
CREATE UNIQUE INDEX event_cid on event(gnum, cid);
CREATE TRIGGER event_dropped after delete on event begin
    delete from blob_reference where gnum = old.gnum and seq = old.seq;
end;
CREATE TRIGGER event_emptied after update of body on event when length(new.body) = 0 begin
    delete from blob_reference where gnum = new.gnum and seq = new.seq;
end;
CREATE INDEX event_epoch on event(gnum, epoch) where epoch is not null;
CREATE TABLE former(
    gnum integer not null, capability blob not null, until integer not null,
    primary key(gnum, capability)) without rowid;
INSERT INTO former VALUES(1,X'3131313131313131313131313131313131313131313131313131313131313131',2);
CREATE TABLE grp(
    gnum integer primary key, gid blob not null unique, capability blob not null, head integer not null,
    epoch integer not null, bytes integer not null, rounded integer not null, expired integer not null default 0,
    keep_days integer);
INSERT INTO grp VALUES(1,X'67676767676767676767676767676767',X'3232323232323232323232323232323232323232323232323232323232323232',3,1,14,0,0,NULL);
CREATE TABLE inbox(
    device blob not null, seq integer not null, cid blob not null, digest blob not null, at_ms integer not null,
    body blob not null, sender blob, is_known integer not null default 0, primary key(device, seq));
CREATE INDEX inbox_age on inbox(at_ms);
CREATE UNIQUE INDEX inbox_cid on inbox(device, cid);
CREATE TABLE invite(
    invite blob primary key, body blob not null, expires_ms integer not null, used_by blob);
CREATE TABLE key_package(
    device blob not null, digest blob not null, at_ms integer not null, is_last_resort integer not null,
    body blob not null, primary key(device, digest));
CREATE TABLE lineage(number integer primary key, incarnation text not null);
CREATE TABLE meta(key text primary key, value text not null) without rowid;
INSERT INTO meta VALUES('incarnation','361782e2f4e9d47c9652abf261023c6d');
CREATE TABLE meter(
    device blob not null, kind text not null, window integer not null, used integer not null,
    primary key(device, kind)) without rowid;
INSERT INTO meter VALUES(X'','newcomers',1799971200000,270);
INSERT INTO meter VALUES(X'61616161616161616161616161616161','bytes',1799971200000,9);
INSERT INTO meter VALUES(X'61616161616161616161616161616161','events',1800000000000,2);
INSERT INTO meter VALUES(X'61616161616161616161616161616161','groups',1799971200000,1);
INSERT INTO meter VALUES(X'62626262626262626262626262626262','bytes',1799971200000,5);
INSERT INTO meter VALUES(X'62626262626262626262626262626262','events',1800000000000,1);
CREATE TABLE newcomer(
    device blob primary key, since_ms integer not null, is_settled integer not null default 0) without rowid;
INSERT INTO newcomer VALUES(X'61616161616161616161616161616161',1800000000000,1);
INSERT INTO newcomer VALUES(X'62626262626262626262626262626262',1800000000000,1);
CREATE INDEX newcomer_idle on newcomer(since_ms) where not is_settled;
CREATE TABLE orphan(gnum integer primary key, at_ms integer not null);
CREATE TABLE push(
    device blob primary key, kind text not null, endpoint text not null, p256dh blob not null, auth blob not null,
    wake blob not null, due_ms integer, awake_ms integer not null, next_ms integer not null,
    failures integer not null) without rowid;
CREATE INDEX push_due on push(next_ms) where due_ms is not null;
CREATE TABLE push_watch(
    device blob not null, gid blob not null, capability blob not null, primary key(device, gid)) without rowid;
CREATE INDEX push_watch_gid on push_watch(gid);
CREATE TABLE restored(
    gnum integer not null, number integer not null, head integer not null, primary key(gnum, number)) without rowid;
CREATE TABLE session(
    token blob primary key, device blob not null, expires_ms integer not null) without rowid;
INSERT INTO session VALUES(X'6161616161616161616161616161616161616161616161616161616161616161',X'61616161616161616161616161616161',1800000001000);
INSERT INTO session VALUES(X'6262626262626262626262626262626262626262626262626262626262626262',X'62626262626262626262626262626262',1800000001000);
CREATE INDEX session_device on session(device, expires_ms);
CREATE TABLE set_aside(
    gnum integer not null, capability blob not null, until integer, primary key(gnum, capability)) without rowid;
pragma user_version=1;
pragma application_id=1129140302;
COMMIT TRANSACTION;
