"""What is still sound in a store, and saving what is left of a damaged one."""

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from companion.crypto import primitives
from companion.errors import StoreError, Tampered
from companion.ports import NOT_IN_COPIES
from services.store import keyfile
from services.store.blobs import BlobReader, references
from services.store.database import FILE_NAME, Database
from services.store.files import ProcessLock, make_file, open_plain, our_errors, private_folder
from services.store.format import Document, Root, TableHead
from services.store.keyfile import KeyFile
from services.store.loading import read_table
from services.store.migrations import Migrations, kind_of
from services.store.opening import key_file
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
    """The state of a store.

    `blobs`: how many the documents name; `blob_problems`: what is wrong with those that are not as they were written.
    `stray_rows`: rows and records that belong to no table; `problem`: of the file as a whole.
    """

    tables: tuple[TableReport, ...]
    blobs: int
    blob_problems: tuple[str, ...]
    stray_rows: int
    problem: str | None

    @property
    def is_sound(self) -> bool:
        """Whether nothing at all is wrong."""
        are_tables_sound = all(table.problem is None for table in self.tables)
        return self.problem is None and are_tables_sound and not self.stray_rows and not self.blob_problems


def verify(database: Database, sealer: StoreSealer, root: Root, blobs: Path) -> Report:
    """Read every table and every blob from the disk, and hold them against the root and what the documents say of them.

    Keeps nothing in memory.
    """
    tables, named = [], _NamedBlobs(blobs)
    for head in root.heads.values():
        documents, problem = _inspect(database, sealer, head.id, head)
        named.look_at(documents)
        tables.append(TableReport(name=head.name, readable=len(documents), promised=head.count, problem=problem))
    known = frozenset(head.id for head in root.heads.values())
    problem, stray_rows = database.problem(), 0
    if problem is None and not database.is_older and database.key_digest() != root.keys:
        problem = "the record of the key file was changed"
    if problem is None:
        stray_rows = sum(count for table_id, count in database.row_counts().items() if table_id not in known)
        stray_rows += len(database.stray_records(known))
    return Report(
        tables=tuple(tables),
        blobs=len(named.seen),
        blob_problems=tuple(named.problems),
        stray_rows=stray_rows,
        problem=problem,
    )


class _NamedBlobs:
    """The blobs that documents name, each read to its end once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.seen: set[str] = set()
        self.problems: list[str] = []

    def look_at(self, documents: Mapping[int, Document]) -> None:
        for ref in references(list(documents.values())):
            if ref.id in self.seen:
                continue
            self.seen.add(ref.id)
            try:
                with BlobReader(self._folder, ref) as blob:
                    if blob.digest() != ref.sha256 and ref.sha256 is not None:
                        raise Tampered(f"blob {ref.id} is not what was written", "blob")
            except StoreError as error:
                self.problems.append(str(error))


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


@our_errors()
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
    report says of which tables. If the root is lost, the new store begins at commit 0. If the root does not know the
    key file, only the key given here comes along: nobody can say whose the others are.
    Raises: WrongKey, StoreBusy, StoreError if there is something at the destination, Tampered if nothing can be read.
    """
    process_lock = ProcessLock(directory)
    given = {keyfile.PASSPHRASE: passphrase, keyfile.RECOVERY: recovery, keyfile.KEYSTORE: keystore}
    try:
        keys = _key_file(directory)
        sealer = StoreSealer(
            keys.master_key(passphrase=passphrase, recovery=recovery, keystore=keystore), keys.store_id
        )
        database = Database(directory / FILE_NAME)
        try:
            database.check_schema(for_reading=True)
            if not _is_known(database, sealer, keys):
                keys = keys.with_only(frozenset(kind for kind, secret in given.items() if secret is not None))
            return copy_readable(database, sealer, keys, directory, destination)
        finally:
            database.abandon()
    finally:
        process_lock.release()


def _key_file(directory: Path) -> KeyFile:
    """Return the key file, of two that a crash left the one that the database says is its own, if it can say so."""
    with suppress(StoreError):
        return key_file(directory, is_read_only=True)
    return keyfile.read_key_file(directory)


def _is_known(database: Database, sealer: StoreSealer, keys: KeyFile) -> bool:
    """Return whether the root vouches for the key file. What release 0.1.0 wrapped vouches for itself."""
    with suppress(Tampered):
        known = sealer.open_root(database.sealed_root()).keys
        return known == keys.digest if known else keys.version == keyfile.WRAPPING
    return False


@our_errors()
def copy_readable(database: Database, sealer: StoreSealer, keys: KeyFile, directory: Path, destination: Path) -> Report:
    """Do what `salvage` says with a file that is open already."""
    private_folder(destination)
    if any(destination.iterdir()):
        raise StoreError("there is something at the destination already")
    digest = primitives.sha256(keys.encoded())
    report = _salvage_tables(database, sealer, directory / BLOBS, destination, digest)
    private_folder(destination / BLOBS)
    _copy_blobs(directory / BLOBS, destination / BLOBS)
    keyfile.write_key_file(destination, keys)
    return report


def _copy_blobs(blobs: Path, destination: Path) -> None:
    """Copy every plain file. Links and whatever else stands there stay behind. Raises: StoreError."""
    if blobs.is_symlink() or not blobs.is_dir():
        return
    for path in sorted(blobs.iterdir()):
        with (
            suppress(Tampered),
            our_errors(),
            open_plain(path, "blob") as source,
            make_file(destination / path.name) as to,
        ):
            shutil.copyfileobj(source, to)
            to.flush()
            os.fsync(to.fileno())


def _salvage_tables(database: Database, sealer: StoreSealer, blobs: Path, destination: Path, keys: bytes) -> Report:
    try:
        root, problem = sealer.open_root(database.sealed_root()), None
    except Tampered as error:
        root, problem = Root(commit=0, next_table=1, heads={}), str(error)
    heads = {head.id: head for head in root.heads.values()}
    names = _table_names(database, sealer) | {head.id: head.name for head in heads.values()}
    fresh = replace(root, next_table=1, heads={}, keys=keys, keys_commit=root.commit)
    Database.create(destination / FILE_NAME, sealer.seal_root(fresh), keys)
    Database.finish_creation(destination / FILE_NAME)
    copy = Database.open(destination / FILE_NAME)
    try:
        storage = SealedStorage(copy, sealer)
    except BaseException:
        copy.abandon()
        raise
    tables, named = [], _NamedBlobs(blobs)
    try:
        for table_id, name in sorted((id, name) for id, name in names.items() if kind_of(name) not in NOT_IN_COPIES):
            head = heads.get(table_id)
            documents, table_problem = _inspect(database, sealer, table_id, head)
            named.look_at(documents)
            storage.update(name, partial(_add, documents))
            promised = head.count if head else None
            tables.append(TableReport(name=name, readable=len(documents), promised=promised, problem=table_problem))
    finally:
        storage.close()
    return Report(
        tables=tuple(tables),
        blobs=len(named.seen),
        blob_problems=tuple(named.problems),
        stray_rows=0,
        problem=problem,
    )


def _table_names(database: Database, sealer: StoreSealer) -> dict[int, str]:
    names = {}
    for table_id in database.readable_table_ids():
        with suppress(Tampered):
            names[table_id] = sealer.open_table_record(table_id, database.sealed_table_record(table_id))[1]
    return names


def _add(documents: Mapping[int, Document], table: Scratch) -> None:
    table.update(documents)
