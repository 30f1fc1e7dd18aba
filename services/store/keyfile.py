"""keys.json: the master key of a store, wrapped once for each way to open it.

    {"v": 1, "store_id": hex, "kdf": {"id": "argon2id", "t", "m" (KiB), "p", "salt": hex},
     "wraps": [{"kind": "passphrase" | "recovery" | "keystore", "nonce": hex, "ct": hex}]}

Owns this file only. A changed slot never re-encrypts data. An old copy of the file still opens with the old passphrase.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from companion.crypto import primitives
from companion.crypto.keyslots import (
    SALT_BYTES,
    KdfParameters,
    passphrase_key,
    unwrap,
    wrap,
)
from companion.errors import Tampered, TooNew, WrongKey
from services.store.files import open_plain, our_errors, write_atomically
from services.store.format import FORMAT_VERSION, STORE_ID_BYTES
from services.store.sealing import subkey

FILE_NAME = "keys.json"
FILE_BYTES_MAX = 65_536
PASSPHRASE, RECOVERY, KEYSTORE = "passphrase", "recovery", "keystore"
SECRET_BYTES = 32
DERIVATION_S = 0.4
PASSES_AT_MOST = 12
"""The store may be opened on a slower device than the one that measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFile:
    """The parsed file. `wraps`: nonce and ciphertext by kind; kinds we do not know are kept."""

    store_id: bytes
    kdf: KdfParameters
    salt: bytes
    wraps: dict[str, bytes]

    def with_slot(self, kind: str, secret: str | bytes, master: bytes) -> "KeyFile":
        """Return the file with this slot made or replaced."""
        sealed = wrap(self._slot_key(kind, secret), master, self._aad(kind))
        return replace(self, wraps={**self.wraps, kind: sealed})

    def master_key(
        self, *, passphrase: str | None = None, recovery: bytes | None = None, keystore: bytes | None = None
    ) -> bytes:
        """Return the master key, by the first key that is given.

        Raises: WrongKey if there is no such slot or the key does not open it.
        """
        for kind, secret in ((PASSPHRASE, passphrase), (KEYSTORE, keystore), (RECOVERY, recovery)):
            if secret is not None:
                if kind not in self.wraps:
                    raise WrongKey(f"the store has no {kind} slot")
                return unwrap(self._slot_key(kind, secret), self.wraps[kind], self._aad(kind))
        raise WrongKey("no key was given")

    def without_slot(self, kind: str) -> "KeyFile":
        """Return the file without this slot."""
        return replace(self, wraps={known: sealed for known, sealed in self.wraps.items() if known != kind})

    def _slot_key(self, kind: str, secret: str | bytes) -> bytes:
        if isinstance(secret, str):
            return passphrase_key(secret, self.salt, self.kdf)
        if len(secret) != SECRET_BYTES:
            raise WrongKey(f"a {kind} secret has {SECRET_BYTES} bytes")
        return subkey(secret, self.store_id, kind.encode())

    def _aad(self, kind: str) -> bytes:
        cost = f"{self.kdf.t},{self.kdf.m_kib},{self.kdf.p}" if kind == PASSPHRASE else ""
        return f"keys{FORMAT_VERSION}|{self.store_id.hex()}|{kind}|{cost}".encode()


def calibrated(measure: Callable[[], float] = time.perf_counter) -> KdfParameters:
    """Return the cost that makes one try at a passphrase take about `DERIVATION_S` here, and never less than the usual.

    A device that was busy while this measured gets the usual cost. Takes one derivation.
    """
    usual = KdfParameters()
    began = measure()
    passphrase_key("measure", bytes(SALT_BYTES), usual)
    took_s = max(measure() - began, 1e-6)
    return replace(usual, t=min(PASSES_AT_MOST, max(usual.t, round(usual.t * DERIVATION_S / took_s))))


def new_key_file(kdf: KdfParameters) -> KeyFile:
    """Return a file without slots for a new store."""
    store_id, salt = primitives.random_bytes(STORE_ID_BYTES), primitives.random_bytes(SALT_BYTES)
    return KeyFile(store_id=store_id, kdf=kdf, salt=salt, wraps={})


def with_passphrase(file: KeyFile, passphrase: str, master: bytes, kdf: KdfParameters) -> KeyFile:
    """Return the file with another passphrase, under a fresh salt and this cost."""
    return replace(file, kdf=kdf, salt=primitives.random_bytes(SALT_BYTES)).with_slot(PASSPHRASE, passphrase, master)


def write_key_file(directory: Path, file: KeyFile) -> None:
    """Replace keys.json in one step that survives a power cut."""
    nonce = primitives.NONCE_BYTES
    content = {
        "v": FORMAT_VERSION,
        "store_id": file.store_id.hex(),
        "kdf": {
            "id": "argon2id",
            "t": file.kdf.t,
            "m": file.kdf.m_kib,
            "p": file.kdf.p,
            "salt": file.salt.hex(),
        },
        "wraps": [
            {"kind": kind, "nonce": sealed[:nonce].hex(), "ct": sealed[nonce:].hex()}
            for kind, sealed in file.wraps.items()
        ],
    }
    write_atomically(directory / FILE_NAME, json.dumps(content, indent=1).encode())


def read_key_file(directory: Path) -> KeyFile:
    """Return the parsed keys.json.

    Raises: Tampered if it is missing or does not parse, TooNew if a newer version wrote it.
    """
    with our_errors(), open_plain(directory / FILE_NAME, "keys") as file:
        text = file.read(FILE_BYTES_MAX + 1)
    if len(text) > FILE_BYTES_MAX:
        raise Tampered(f"{FILE_NAME} is too long", "keys")
    try:
        return _parse(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Tampered(f"{FILE_NAME} does not parse", "keys") from None


def _parse(content: object) -> KeyFile:
    if not isinstance(content, dict) or not isinstance(content["v"], int) or content["v"] < 1:
        raise ValueError
    if content["v"] > FORMAT_VERSION:
        raise TooNew(f"the store has format {content['v']}; this version reads up to {FORMAT_VERSION}")
    kdf = content["kdf"]
    if kdf["id"] != "argon2id":
        raise TooNew("the store uses another passphrase function")
    file = KeyFile(
        store_id=bytes.fromhex(content["store_id"]),
        kdf=KdfParameters(t=int(kdf["t"]), m_kib=int(kdf["m"]), p=int(kdf["p"])),
        salt=bytes.fromhex(kdf["salt"]),
        wraps={str(slot["kind"]): bytes.fromhex(slot["nonce"] + slot["ct"]) for slot in content["wraps"]},
    )
    if len(file.store_id) != STORE_ID_BYTES or len(file.salt) < SALT_BYTES:
        raise ValueError
    return file
