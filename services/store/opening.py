"""The files of a store: making them, which key file belongs to the database, and whether the root says so too."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from companion.crypto import primitives
from companion.crypto.keyslots import KdfParameters
from companion.errors import StoreError, Tampered
from services.store import keyfile
from services.store.database import FILE_NAME, Database
from services.store.files import sync_directory
from services.store.format import Root
from services.store.keyfile import KeyFile
from services.store.sealing import StoreSealer


def make_files(directory: Path, passphrase: str, recovery: bytes | None, kdf: KdfParameters) -> tuple[KeyFile, bytes]:
    """Make an empty store's files; return the key file and the master key. Raises: OSError, StoreError."""
    master = primitives.random_bytes(primitives.KEY_BYTES)
    secrets: keyfile.Secrets = {keyfile.PASSPHRASE: passphrase}
    if recovery is not None:
        secrets[keyfile.RECOVERY] = recovery
    keys = keyfile.with_secrets(keyfile.new_key_file(kdf), secrets, master, kdf)
    digest = primitives.sha256(keys.encoded())
    root = Root(commit=0, next_table=1, heads={}, keys=digest)
    Database.create(directory / FILE_NAME, StoreSealer(master, keys.store_id).seal_root(root), digest)
    sync_directory(directory)
    return keyfile.write_key_file(directory, keys), master  # from here on there is a store


def key_file(directory: Path, is_read_only: bool) -> keyfile.KeyFile:
    """Return the key file of the store's last state, after a change of keys that a crash cut short too."""
    if not keyfile.has_next(directory):
        return keyfile.read_key_file(directory)
    database = Database.open(directory / FILE_NAME, is_read_only=is_read_only)
    try:
        wanted = database.key_digest()
    finally:
        database.abandon()
    if not is_read_only:
        keyfile.finish_change(directory, wanted)
        return keyfile.read_key_file(directory)
    following = keyfile.read_key_file(directory, keyfile.NEXT_NAME)
    return following if following.digest == wanted else keyfile.read_key_file(directory)


def require_own(directory: Path, keys: KeyFile, is_read_only: bool) -> None:
    """Raise Tampered if the database says that this key file is not its own: then the key may be right all the same."""
    known = None
    with suppress(StoreError):  # what is wrong with the database is said to whoever has a key
        database = Database.open(directory / FILE_NAME, is_read_only=is_read_only)
        try:
            known = database.key_digest()
        finally:
            database.abandon()
    if known not in (None, keys.digest):
        raise Tampered("the key file is not the one of this store's last state", "oldkeys")


def open_root(database: Database, sealer: StoreSealer, keys: bytes) -> Root:
    """Return the root, which has to know the key file. Raises: Tampered."""
    try:
        root = sealer.open_root(database.sealed_root())
    except Tampered as error:
        if error.kind == "root" and keys and database.key_digest() not in (None, keys):
            raise Tampered("the key file is not the one of this store's last state", "oldkeys") from None
        raise
    if keys and root.keys not in (b"", keys):
        raise Tampered("the key file is not the one of this store's last state", "oldkeys")
    return replace(root, keys=keys, keys_commit=root.commit) if keys and not root.keys else root
