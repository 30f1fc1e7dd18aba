"""What is still sound in a store, and saving what is left of a damaged one."""

import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from companion.errors import StoreError, Tampered
from companion.ports import NOT_IN_COPIES
from services.store import keyfile
from services.store.database import FILE_NAME, Database
from services.store.files import ProcessLock
from services.store.format import Document, Root, TableHead
from services.store.keyfile import KeyFile
from services.store.loading import read_table
from services.store.migrations import Migrations
from services.store.overlay import Scratch
from services.store.sealing import StoreSealer
from services.store.storage import SealedStorage

BLOBS = "blobs"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableReport:
    """One table: how many documents could be read, how many the root promised (None if it is lost), what is wrong."""

    name: str
    readable: int
    promised: int | None
    problem: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The state of a store. `stray_rows`: rows that belong to no table; `problem`: of the file as a whole."""

    tables: tuple[TableReport, ...]
    stray_rows: int
    problem: str | None

    @property
    def is_sound(self) -> bool:
        """Whether nothing at all is wrong."""
        return self.problem is None and not self.stray_rows and all(table.problem is None for table in self.tables)


def verify(database: Database, sealer: StoreSealer, root: Root) -> Report:
    """Read every table from the disk and hold it against the root. Keeps nothing in memory."""
    tables = []
    for head in root.heads.values():
        documents, problem = _inspect(database, sealer, head.id, head)
        tables.append(TableReport(name=head.name, readable=len(documents), promised=head.count, problem=problem))
    known = frozenset(head.id for head in root.heads.values())
    problem, stray_rows = database.problem(), 0
    if problem is None:
        stray_rows = sum(count for table_id, count in database.row_counts().items() if table_id not in known)
    return Report(tables=tuple(tables), stray_rows=stray_rows, problem=problem)


def readable(database: Database, sealer: StoreSealer, head: TableHead) -> Mapping[int, Document]:
    """Return every document of a table that opens by itself. Some may be missing, and some may be of another time."""
    return _inspect(database, sealer, head.id, head)[0]


def _inspect(
    database: Database, sealer: StoreSealer, table_id: int, head: TableHead | None
) -> tuple[Mapping[int, Document], str | None]:
    """Return every document of a table that opens by itself, and what is wrong with the table."""
    try:
        secret, _ = sealer.open_table_record(table_id, database.sealed_table_record(table_id))
    except Tampered as error:
        return {}, str(error)
    table_sealer = sealer.table(table_id, secret)
    try:
        if head is None:
            raise Tampered("the root is lost", "root")
        return read_table(head, database.rows(table_id), table_sealer, Migrations({})).rows, None
    except Tampered as error:
        problem = str(error)
    documents = {}
    for document_id, version, blob in database.readable_rows(table_id):
        with suppress(Tampered):
            documents[document_id] = table_sealer.open_row(document_id, version, blob)
    return documents, problem


def salvage(
    directory: Path,
    destination: Path,
    *,
    passphrase: str | None = None,
    recovery: bytes | None = None,
    keystore: bytes | None = None,
) -> Report:
    """Copy every document that still opens, and all blobs, from a damaged store into a new one with the same keys.

    The damaged store stays exactly as it is. Documents may be missing, or be older versions put back by somebody; the
    report says of which tables. If the root is lost, the new store begins at commit 0.
    Raises: WrongKey, StoreBusy, StoreError if there is something at the destination, Tampered if nothing can be read.
    """
    process_lock = ProcessLock(directory)
    try:
        keys = keyfile.read_key_file(directory)
        sealer = StoreSealer(
            keys.master_key(passphrase=passphrase, recovery=recovery, keystore=keystore), keys.store_id
        )
        database = Database(directory / FILE_NAME)
        try:
            return copy_readable(database, sealer, keys, directory, destination)
        finally:
            database.abandon()
    finally:
        process_lock.release()


def copy_readable(database: Database, sealer: StoreSealer, keys: KeyFile, directory: Path, destination: Path) -> Report:
    """Do what `salvage` says with a file that is open already."""
    if destination.exists() and any(destination.iterdir()):
        raise StoreError("there is something at the destination already")
    destination.mkdir(parents=True, exist_ok=True)
    report = _salvage_tables(database, sealer, destination)
    if (directory / BLOBS).exists():
        shutil.copytree(directory / BLOBS, destination / BLOBS)
    else:
        (destination / BLOBS).mkdir()
    keyfile.write_key_file(destination, keys)
    return report


def _salvage_tables(database: Database, sealer: StoreSealer, destination: Path) -> Report:
    try:
        root, problem = sealer.open_root(database.sealed_root()), None
    except Tampered as error:
        root, problem = Root(commit=0, next_table=1, heads={}), str(error)
    heads = {head.id: head for head in root.heads.values()}
    names = _table_names(database, sealer) | {head.id: head.name for head in heads.values()}
    Database.create(destination / FILE_NAME, sealer.seal_root(Root(commit=root.commit, next_table=1, heads={})))
    Database.finish_creation(destination / FILE_NAME)
    storage = SealedStorage(Database.open(destination / FILE_NAME), sealer)
    tables = []
    try:
        for table_id, name in sorted((id, name) for id, name in names.items() if name not in NOT_IN_COPIES):
            head = heads.get(table_id)
            documents, table_problem = _inspect(database, sealer, table_id, head)
            storage.update(name, partial(_add, documents))
            promised = head.count if head else None
            tables.append(TableReport(name=name, readable=len(documents), promised=promised, problem=table_problem))
    finally:
        storage.close()
    return Report(tables=tuple(tables), stray_rows=0, problem=problem)


def _table_names(database: Database, sealer: StoreSealer) -> dict[int, str]:
    names = {}
    for table_id in database.readable_table_ids():
        with suppress(Tampered):
            names[table_id] = sealer.open_table_record(table_id, database.sealed_table_record(table_id))[1]
    return names


def _add(documents: Mapping[int, Document], table: Scratch) -> None:
    table.update(documents)
