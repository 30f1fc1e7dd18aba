"""The keys of an opened store: which slots open it, and changing them."""

from pathlib import Path

from companion.crypto.keyslots import KdfParameters
from companion.errors import StoreError, WrongKey
from services.store import keyfile
from services.store.keyfile import KeyFile
from services.store.storage import SealedStorage


class KeyRing:
    """The key file of a store and what it may become."""

    def __init__(self, directory: Path, file: KeyFile, storage: SealedStorage) -> None:
        self._directory = directory
        self.file = file
        self._storage = storage

    @property
    def slots(self) -> frozenset[str]:
        """The kinds of keys that open the store."""
        return frozenset(self.file.wraps)

    def opens_with(self, *, passphrase: str | None, recovery: bytes | None) -> bool:
        """Return whether this key opens the store. Takes a key derivation."""
        try:
            return self.file.master_key(passphrase=passphrase, recovery=recovery) == self._storage.sealer().master
        except WrongKey:
            return False

    def replace(
        self,
        *,
        passphrase: str | None = None,
        recovery: bytes | None = None,
        keystore: bytes | None = None,
        kdf: KdfParameters | None = None,
    ) -> None:
        """Replace or add the keys that are given. See `SealedStore.rekey`."""
        with self._storage.lock:
            self._storage.require_writable()
            keys, master = self.file, self._storage.sealer().master
            if passphrase is not None:
                keys = keyfile.with_passphrase(keys, passphrase, master, kdf or keys.kdf)
            if recovery is not None:
                keys = keys.with_slot(keyfile.RECOVERY, recovery, master)
            if keystore is not None:
                keys = keys.with_slot(keyfile.KEYSTORE, keystore, master)
            keyfile.write_key_file(self._directory, keys)
            self.file = keys

    def remove(self, kind: str) -> None:
        """Let this kind of key open the store no more. Raises: StoreError if no other would be left."""
        with self._storage.lock:
            self._storage.require_writable()
            keys = self.file.without_slot(kind)
            if not keys.wraps:
                raise StoreError("the last key cannot be removed")
            keyfile.write_key_file(self._directory, keys)
            self.file = keys
