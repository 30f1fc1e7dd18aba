"""The table of what was erased, in both databases.

`hash` is of the secret that events named and that no event may name any more; `seq` is the number of the notice that
tells the log's readers. What events name stands with them, and a log's keeper with the log.
"""

SQLITE = """
create table if not exists erased(
    gnum integer not null, hash blob not null, seq integer not null, primary key(gnum, hash)) without rowid;
"""

POSTGRES = """
create table if not exists erased(
    gnum bigint not null, hash bytea not null, seq bigint not null, primary key(gnum, hash));
"""
