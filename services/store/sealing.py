"""The keys under the master key, and what they seal: rows, the root, and the sum over a table's rows."""

import hashlib

from companion.crypto import primitives
from companion.crypto.primitives import NONCE_BYTES, TAG_BYTES
from companion.errors import CryptoError, Tampered
from services.store.format import (
    Document,
    Root,
    TableHead,
    decode_document,
    decode_root,
    encode_root,
    pad_text,
    row_identity,
)

_LABEL = b"companion store v1|"
_ROW_AAD = b"row1"
_ROOT_AAD = b"root1"


def subkey(master: bytes, store_id: bytes, purpose: bytes, salt: bytes = b"") -> bytes:
    """Return the 32-byte key for one purpose in one store."""
    return primitives.hkdf(master, _LABEL + purpose + b"|" + store_id, salt=salt)


class TableSealer:
    """Seals the rows of one table under the table's own key."""

    __slots__ = ("_aad", "_key", "_sum_key", "_table_id")

    def __init__(self, key: bytes, sum_key: bytes, store_id: bytes, table_id: int) -> None:
        self._key = key
        self._sum_key = sum_key
        self._aad = _ROW_AAD + store_id
        self._table_id = table_id

    def seal(self, document_id: int, version: int, text: bytes) -> bytes:
        """Seal a row text for exactly this place and version, under a fresh nonce."""
        identity = row_identity(self._table_id, document_id, version)
        return primitives.aead_seal(self._key, pad_text(text), self._aad + identity)

    def open_row(self, document_id: int, version: int, blob: bytes) -> Document:
        """Return the document of a row.

        Raises: Tampered if it was not sealed for this place and version.
        """
        identity = row_identity(self._table_id, document_id, version)
        try:
            return decode_document(primitives.aead_open(self._key, blob, self._aad + identity))
        except CryptoError:
            raise Tampered(f"document {document_id} of table {self._table_id} was changed") from None

    def term(self, document_id: int, version: int, blob: bytes) -> int:
        """Return what one row adds to its table's sum; of the sealed bytes only nonce and tag are needed.

        A keyed 128-bit hash. The sum stays inside the sealed root: whoever could watch it could learn single terms
        and look for a mix of old rows with the same sum.
        """
        data = row_identity(self._table_id, document_id, version) + blob[:NONCE_BYTES] + blob[-TAG_BYTES:]
        return int.from_bytes(hashlib.blake2b(data, key=self._sum_key, digest_size=16).digest(), "big")


class StoreSealer:
    """Seals the root and makes the tables' sealers."""

    def __init__(self, master: bytes, store_id: bytes) -> None:
        self._master = master
        self._store_id = store_id
        self._root_key = subkey(master, store_id, b"root")
        self._sum_key = subkey(master, store_id, b"sum")

    def seal_root(self, root: Root) -> bytes:
        """Seal the root under a fresh nonce."""
        return primitives.aead_seal(self._root_key, encode_root(root), _ROOT_AAD + self._store_id)

    def open_root(self, blob: bytes) -> Root:
        """Return the root.

        Raises: Tampered if it is not this store's.
        """
        try:
            return decode_root(primitives.aead_open(self._root_key, blob, _ROOT_AAD + self._store_id))
        except CryptoError:
            raise Tampered("the root was changed or belongs to another store") from None

    def table(self, head: TableHead) -> TableSealer:
        """Return the sealer of one table."""
        key = subkey(self._master, self._store_id, b"table %d" % head.id, head.secret)
        return TableSealer(key, self._sum_key, self._store_id, head.id)
