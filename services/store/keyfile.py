"""keys.json: the master key of a store, locked once for each way to open it.

    {"v": 2, "store_id": hex, "kdf": {"id": "argon2id", "t", "m" (KiB), "p", "salt": hex},
     "slots": [{"kind": "passphrase" | "recovery" | "keystore", "public": hex, "locked": hex}]}

A slot's public key follows from its secret (HPKE, RFC 9180), so another master key can be locked to all slots by
whoever knows none of the secrets. That of the recovery words is the same in every store that they open. The sealed root
holds the file's digest: what somebody put in or back is refused.

In v1 (release 0.1.0) there were "wraps": [{"kind", "nonce", "ct"}], the master key under the secret itself. Such a file
stays until a key is changed; every secret is needed then.

Owns this file only. While keys change there are two: `NEXT_NAME` takes the place of the other after the store's commit.
"""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from companion.crypto import primitives
from companion.crypto.keyslots import (
    SALT_BYTES,
    KdfParameters,
    as_meant,
    lock,
    passphrase_key,
    slot_public,
    to_the_letter,
    unlock,
    unwrap,
    words_secret,
    wrap,
)
from companion.errors import Tampered, TooNew, WrongKey
from services.store.files import open_plain, our_errors, sync_directory, write_atomically
from services.store.format import STORE_ID_BYTES
from services.store.sealing import subkey

FILE_NAME = "keys.json"
NEXT_NAME = f"{FILE_NAME}.next"
WRAPPING, LOCKING = 1, 2
"""The versions of the file: since 0.1.0, and since November 2026."""
FILE_BYTES_MAX = 65_536
PASSPHRASE, RECOVERY, KEYSTORE = "passphrase", "recovery", "keystore"
SECRET_BYTES = 32
PUBLIC_BYTES = 32
DERIVATION_S = 0.4
PASSES_AT_MOST = 12
"""The store may be opened on a slower device than the one that measured."""

Secrets = dict[str, str | bytes]
"""By kind of slot; a passphrase is text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFile:
    """The parsed file. `slots`: public key and what is locked to it, by kind; in v1 nonce and ciphertext.

    Kinds that we do not know are kept. `digest` is of the bytes that were read, or that `encoded` gives.
    """

    version: int
    store_id: bytes
    kdf: KdfParameters
    salt: bytes
    slots: dict[str, bytes]
    digest: bytes = field(default=b"", compare=False)

    def with_slot(self, kind: str, secret: str | bytes, master: bytes) -> "KeyFile":
        """Return the file with this slot made or replaced."""
        key = self._slot_keys(kind, secret)[0]
        if self.version == WRAPPING:
            return replace(self, slots={**self.slots, kind: wrap(key, master, self._info(kind))})
        return self.with_public(kind, slot_public(key), master)

    def with_public(self, kind: str, public: bytes, master: bytes) -> "KeyFile":
        """Return the file with this slot made or replaced. Raises: CryptoError for a public key that is none."""
        return replace(self, slots={**self.slots, kind: public + lock(public, master, self._info(kind))})

    def public(self, kind: str) -> bytes:
        """Return a slot's public key, empty where there is no such slot or it has none, as in v1."""
        return self.slots.get(kind, b"")[:PUBLIC_BYTES] if self.version == LOCKING else b""

    def locked_anew(self, master: bytes) -> "KeyFile":
        """Return the file with another master key in every slot. Raises: CryptoError for a public key that is none."""
        publics = {kind: slot[:PUBLIC_BYTES] for kind, slot in self.slots.items()}
        slots = {kind: public + lock(public, master, self._info(kind)) for kind, public in publics.items()}
        return replace(self, slots=slots)

    def master_key(
        self, *, passphrase: str | None = None, recovery: bytes | None = None, keystore: bytes | None = None
    ) -> bytes:
        """Return the master key, by the first key that is given.

        Raises: WrongKey if there is no such slot or the key does not open it, LowMemory.
        """
        for kind, secret in ((PASSPHRASE, passphrase), (KEYSTORE, keystore), (RECOVERY, recovery)):
            if secret is not None:
                if kind not in self.slots:
                    raise WrongKey(f"the store has no {kind} slot")
                return self._opened(kind, secret)
        raise WrongKey("no key was given")

    def _opened(self, kind: str, secret: str | bytes) -> bytes:
        """Open a slot; a passphrase that was set in 0.1.0 may hold marks that are taken for others today."""
        for key in self._slot_keys(kind, secret):
            with suppress(WrongKey):
                return self._opened_by(kind, key)
        if not isinstance(secret, str) or to_the_letter(secret) == as_meant(secret):
            raise WrongKey("the key does not open this slot")
        return self._opened_by(kind, passphrase_key(secret, self.salt, self.kdf, form=to_the_letter))

    def _opened_by(self, kind: str, key: bytes) -> bytes:
        slot = self.slots[kind]
        if self.version == WRAPPING:
            return unwrap(key, slot, self._info(kind))
        if slot_public(key) != slot[:PUBLIC_BYTES]:
            raise WrongKey("the key does not open this slot")
        return unlock(key, slot[PUBLIC_BYTES:], self._info(kind))

    def with_only(self, kinds: frozenset[str]) -> "KeyFile":
        """Return the file with no other slots than these."""
        return replace(self, slots={kind: slot for kind, slot in self.slots.items() if kind in kinds})

    def _slot_keys(self, kind: str, secret: str | bytes) -> tuple[bytes, ...]:
        """Return the keys that a slot may be under, the one for a new slot first."""
        if isinstance(secret, str):
            return (passphrase_key(secret, self.salt, self.kdf),)
        if len(secret) != SECRET_BYTES:
            raise WrongKey(f"a {kind} secret has {SECRET_BYTES} bytes")
        own = subkey(secret, self.store_id, kind.encode())
        if kind != RECOVERY or self.version == WRAPPING:
            return (own,)
        return words_secret(secret), own  # before 28 November 2026 the words had another key in each store

    def _info(self, kind: str) -> bytes:
        cost = f"{self.kdf.t},{self.kdf.m_kib},{self.kdf.p}" if kind == PASSPHRASE else ""
        return f"keys{self.version}|{self.store_id.hex()}|{kind}|{cost}".encode()

    def encoded(self) -> bytes:
        """Return the bytes of the file."""
        kdf = {"id": "argon2id", "t": self.kdf.t, "m": self.kdf.m_kib, "p": self.kdf.p, "salt": self.salt.hex()}
        name, (first, second), split = _LAYOUT[self.version]
        slots = [
            {"kind": kind, first: slot[:split].hex(), second: slot[split:].hex()} for kind, slot in self.slots.items()
        ]
        content = {"v": self.version, "store_id": self.store_id.hex(), "kdf": kdf, name: slots}
        return json.dumps(content, indent=1).encode()


_LAYOUT = {
    WRAPPING: ("wraps", ("nonce", "ct"), primitives.NONCE_BYTES),
    LOCKING: ("slots", ("public", "locked"), PUBLIC_BYTES),
}


def calibrated(measure: Callable[[], float] = time.perf_counter) -> KdfParameters:
    """Return the cost that makes one try at a passphrase take about `DERIVATION_S` here, and never less than the usual.

    A device that was busy while this measured gets the usual cost. Takes one derivation. Raises: LowMemory.
    """
    usual = KdfParameters()
    began = measure()
    passphrase_key("measure", bytes(SALT_BYTES), usual)
    took_s = max(measure() - began, 1e-6)
    return replace(usual, t=min(PASSES_AT_MOST, max(usual.t, round(usual.t * DERIVATION_S / took_s))))


def new_key_file(kdf: KdfParameters) -> KeyFile:
    """Return a file without slots for a new store."""
    store_id, salt = primitives.random_bytes(STORE_ID_BYTES), primitives.random_bytes(SALT_BYTES)
    return KeyFile(version=LOCKING, store_id=store_id, kdf=kdf, salt=salt, slots={})


def with_secrets(file: KeyFile, secrets: Secrets, master: bytes, kdf: KdfParameters) -> KeyFile:
    """Return the file with these slots made or replaced; a passphrase gets a fresh salt and this cost."""
    if PASSPHRASE in secrets:
        file = replace(file, kdf=kdf, salt=primitives.random_bytes(SALT_BYTES))
    for kind, secret in secrets.items():
        file = file.with_slot(kind, secret, master)
    return file


def write_key_file(directory: Path, file: KeyFile, name: str = FILE_NAME) -> KeyFile:
    """Replace keys.json in one step that survives a power cut; return it with its digest."""
    text = file.encoded()
    write_atomically(directory / name, text)
    return replace(file, digest=primitives.sha256(text))


def has_next(directory: Path) -> bool:
    """Return whether a change of keys was cut short. Raises: OSError."""
    return (directory / NEXT_NAME).exists()


def finish_change(directory: Path, wanted: bytes | None) -> None:
    """Complete a change of keys, or undo one that never happened: the store says which file belongs to it.

    Raises: OSError, StoreError.
    """
    following = directory / NEXT_NAME
    if read_key_file(directory, NEXT_NAME).digest == wanted:
        following.replace(directory / FILE_NAME)
    else:
        following.unlink()
    sync_directory(directory)


def read_key_file(directory: Path, name: str = FILE_NAME) -> KeyFile:
    """Return the parsed file.

    Raises: Tampered if it is missing or does not parse, TooNew if a newer version wrote it.
    """
    with our_errors(), open_plain(directory / name, "keys") as file:
        text = file.read(FILE_BYTES_MAX + 1)
    if len(text) > FILE_BYTES_MAX:
        raise Tampered(f"{name} is too long", "keys")
    try:
        return replace(_parse(json.loads(text)), digest=primitives.sha256(text))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Tampered(f"{name} does not parse", "keys") from None


def _parse(content: object) -> KeyFile:
    if not isinstance(content, dict) or type(content["v"]) is not int or content["v"] < WRAPPING:
        raise ValueError
    if content["v"] > LOCKING:
        raise TooNew(f"the key file has format {content['v']}; this version reads up to {LOCKING}")
    kdf = content["kdf"]
    if kdf["id"] != "argon2id":
        raise TooNew("the store uses another passphrase function")
    name, (first, second), split = _LAYOUT[content["v"]]
    slots = {str(slot["kind"]): bytes.fromhex(slot[first]) + bytes.fromhex(slot[second]) for slot in content[name]}
    file = KeyFile(
        version=content["v"],
        store_id=bytes.fromhex(content["store_id"]),
        kdf=KdfParameters(t=_whole(kdf["t"]), m_kib=_whole(kdf["m"]), p=_whole(kdf["p"])),
        salt=bytes.fromhex(kdf["salt"]),
        slots=slots,
    )
    if len(file.store_id) != STORE_ID_BYTES or len(file.salt) < SALT_BYTES:
        raise ValueError
    if any(len(bytes.fromhex(slot[first])) != split for slot in content[name]):
        raise ValueError
    return file


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError
    return value
