"""The keys of an opened store: which slots open it, and changing them.

Whoever changes or removes a key wants the old one to open nothing any more, also together with an old copy of the key
file. So every change draws another master key, locks it to all slots, and seals everything in the store again under it.
"""

import logging
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from companion.crypto import primitives
from companion.crypto.keyslots import KdfParameters
from companion.errors import OtherKeyNeeded, StoreError, WrongKey
from services.store import keyfile
from services.store.files import our_errors, sync_directory
from services.store.keyfile import (
    KEYSTORE,
    LOCKING,
    NEXT_NAME,
    PASSPHRASE,
    RECOVERY,
    WRAPPING,
    KeyFile,
    Secrets,
)
from services.store.sealing import StoreSealer
from services.store.storage import SealedStorage

log = logging.getLogger(__name__)


class KeyRing:
    """The key file of a store and what it may become."""

    def __init__(self, directory: Path, file: KeyFile, storage: SealedStorage) -> None:
        self._directory = directory
        self.file = file
        self._storage = storage

    @property
    def slots(self) -> frozenset[str]:
        """The kinds of keys that open the store."""
        return frozenset(self.file.slots)

    def opens_with(self, *, passphrase: str | None = None, recovery: bytes | None = None) -> bool:
        """Return whether this key opens the store. Takes a key derivation. Raises: LowMemory."""
        try:
            return self.file.master_key(passphrase=passphrase, recovery=recovery) == self._storage.sealer().master
        except WrongKey:
            return False

    def replace(
        self,
        passphrase: str | None,
        recovery: bytes | None,
        keystore: bytes | None,
        kdf: KdfParameters | None,
        proof: str | bytes | None,
    ) -> None:
        """Replace or add the keys that are given. See `SealedStore.rekey`."""
        given = {PASSPHRASE: passphrase, RECOVERY: recovery, KEYSTORE: keystore}
        new: Secrets = {kind: secret for kind, secret in given.items() if secret is not None}
        with self._storage.lock:
            self._storage.require_writable()
            if new.keys().isdisjoint(self.file.slots):  # nothing is taken away
                master = self._storage.sealer().master
                self._change(keyfile.with_secrets(self.file, new, master, kdf or self.file.kdf), master)
                return
            master = primitives.random_bytes(primitives.KEY_BYTES)
            if self.file.version == WRAPPING:
                new = self._known(proof) | new
                missing = self.file.slots.keys() - new.keys() - {KEYSTORE}
                if missing:
                    raise OtherKeyNeeded(f"a store of version {WRAPPING} needs its {', '.join(sorted(missing))}")
                file = replace(self.file, version=LOCKING, slots={})
            else:
                file = self.file.locked_anew(master)
            self._change(keyfile.with_secrets(file, new, master, kdf or self.file.kdf), master)

    @property
    def words_slot(self) -> bytes:
        """The public key of the recovery words' slot; see `SealedStore.words_slot`."""
        return self.file.public(RECOVERY)

    def lock_to_words(self, public: bytes) -> None:
        """Let the words behind this public key open the store. See `SealedStore.lock_to_words`."""
        with self._storage.lock:
            self._storage.require_writable()
            if self.file.version == WRAPPING:
                raise OtherKeyNeeded(f"a store of version {WRAPPING} needs its words")
            file, master = self.file, self._storage.sealer().master
            if RECOVERY in file.slots:
                master = primitives.random_bytes(primitives.KEY_BYTES)
                file = file.locked_anew(master)
            self._change(file.with_public(RECOVERY, public, master), master)

    def _known(self, proof: str | bytes | None) -> Secrets:
        """Return the proof by the kind of its slot. Raises: WrongKey if it opens nothing."""
        if proof is None:
            return {}
        if not (self.opens_with(passphrase=proof) if isinstance(proof, str) else self.opens_with(recovery=proof)):
            raise WrongKey("the proof opens nothing")
        return {PASSPHRASE if isinstance(proof, str) else RECOVERY: proof}

    def remove(self, kind: str) -> None:
        """Let this kind of key open the store no more. Raises: StoreError if no other would be left."""
        with self._storage.lock:
            self._storage.require_writable()
            keys = self.file.with_only(self.slots - {kind})
            if not keys.slots:
                raise StoreError("the last key cannot be removed")
            master = self._storage.sealer().master
            if self.file.version == LOCKING:
                master = primitives.random_bytes(primitives.KEY_BYTES)
                keys = keys.locked_anew(master)
            self._change(keys, master)

    def _change(self, keys: KeyFile, master: bytes) -> None:
        """Commit another key file. A crash leaves the old keys or the new ones, and the store says which."""
        sealer = StoreSealer(master, keys.store_id)
        written = keyfile.write_key_file(self._directory, keys, NEXT_NAME)
        try:
            self._storage.take_keys(sealer, written.digest)
        except BaseException:
            with suppress(OSError):
                (self._directory / NEXT_NAME).unlink()
            raise
        self.file = written
        try:
            with our_errors():
                (self._directory / NEXT_NAME).replace(self._directory / keyfile.FILE_NAME)
                sync_directory(self._directory)
        except StoreError as error:  # the new keys hold all the same: the next unlocking finishes this
            log.warning("the key file has yet to take its place: %s", error)
        self._storage.checkpoint()  # what was sealed under the old key leaves the log
