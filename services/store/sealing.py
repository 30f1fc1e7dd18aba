"""The keys under the master key, and what they seal: rows, the root, and the sum over a table's rows."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import suppress

from companion.crypto import primitives
from companion.crypto.primitives import NONCE_BYTES, TAG_BYTES, SealingKey
from companion.errors import CryptoError, Tampered
from services.store.format import (
    FIRST_VERSION,
    FORMAT_VERSION,
    OPENING_BYTES,
    Document,
    Root,
    decode_document,
    decode_root,
    decode_table_record,
    encode_root,
    encode_table_record,
    pad_text,
    row_identity,
)

TERM_BYTES = 16

_LABEL = b"companion store v1|"
_ROW_AAD = b"row1"
_ROOT_AAD = {FIRST_VERSION: b"root1", FORMAT_VERSION: b"root2"}
_TABLE_AAD = b"table1"


def subkey(master: bytes, store_id: bytes, purpose: bytes, salt: bytes = b"") -> bytes:
    """Return the 32-byte key for one purpose in one store."""
    return primitives.hkdf(master, _LABEL + purpose + b"|" + store_id, salt=salt)


class TableSealer:
    """Seals the rows of one table under the table's own key."""

    __slots__ = ("_aad", "_key", "_sum_key", "_table_id")

    def __init__(self, key: bytes, sum_key: bytes, store_id: bytes, table_id: int) -> None:
        self._key = SealingKey(key)
        self._sum_key = sum_key
        self._aad = _ROW_AAD + store_id
        self._table_id = table_id

    def seal(self, document_id: int, version: int, text: bytes) -> bytes:
        """Seal a row text for exactly this place and version, under a fresh nonce."""
        identity = row_identity(self._table_id, document_id, version)
        return self._key.seal(pad_text(text), self._aad + identity)

    def open_row(self, document_id: int, version: int, blob: bytes) -> Document:
        """Return the document of a row.

        Raises: Tampered if it was not sealed for this place and version.
        """
        identity = row_identity(self._table_id, document_id, version)
        try:
            return decode_document(self._key.open(blob, self._aad + identity))
        except CryptoError:
            raise Tampered(f"document {document_id} of table {self._table_id} was changed") from None

    def open_rows(self, stored: Iterable[tuple[int, int, bytes]]) -> Iterator[tuple[int, Document, int]]:
        """Yield id, document and term of many rows. It says again what `open_row` and `term` say, twice as fast.

        Raises: Tampered at the first row that was not sealed for its place and version.
        """
        sum_key, aad, table_id = self._sum_key, self._aad, self._table_id
        open_sealed, blake2b, from_bytes = self._key.open, hashlib.blake2b, int.from_bytes
        for document_id, version, blob in stored:
            identity = row_identity(table_id, document_id, version)
            try:
                text = open_sealed(blob, aad + identity)
            except CryptoError:
                raise Tampered(f"document {document_id} of table {table_id} was changed") from None
            seal = identity + blob[:NONCE_BYTES] + blob[-TAG_BYTES:]
            term = from_bytes(blake2b(seal, key=sum_key, digest_size=TERM_BYTES).digest(), "big")
            yield document_id, decode_document(text), term

    def resealed(self, under: "TableSealer", document_id: int, version: int, blob: bytes) -> bytes:
        """Return a row sealed under the table's next key, for the same place and version. Raises: as `open_row`."""
        identity = row_identity(self._table_id, document_id, version)
        try:
            return under._key.seal(self._key.open(blob, self._aad + identity), under._aad + identity)
        except CryptoError:
            raise Tampered(f"document {document_id} of table {self._table_id} was changed") from None

    def term(self, document_id: int, version: int, blob: bytes) -> int:
        """Return what one row adds to its table's sum; of the sealed bytes only nonce and tag are needed.

        A keyed 128-bit hash. The sum stays inside the sealed root: whoever could watch it could learn single terms
        and look for a mix of old rows with the same sum.
        """
        data = row_identity(self._table_id, document_id, version) + blob[:NONCE_BYTES] + blob[-TAG_BYTES:]
        return int.from_bytes(hashlib.blake2b(data, key=self._sum_key, digest_size=TERM_BYTES).digest(), "big")


class StoreSealer:
    """Seals the root and the tables' records, and makes the tables' sealers.

    `opening`: a random name for this time of being open, which the root keeps.
    """

    def __init__(self, master: bytes, store_id: bytes) -> None:
        self.master = master
        self.opening = primitives.random_bytes(OPENING_BYTES)
        self._store_id = store_id
        self._root_key = SealingKey(subkey(master, store_id, b"root"))
        self._sum_key = subkey(master, store_id, b"sum")
        self._table_key = subkey(master, store_id, b"tables")

    def seal_root(self, root: Root) -> bytes:
        """Seal the root under a fresh nonce."""
        return self._root_key.seal(encode_root(root), _ROOT_AAD[FORMAT_VERSION] + self._store_id)

    def open_root(self, blob: bytes) -> Root:
        """Return the root.

        Raises: Tampered if it is not this store's.
        """
        for version, aad in reversed(_ROOT_AAD.items()):
            with suppress(CryptoError):
                return decode_root(self._root_key.open(blob, aad + self._store_id), version)
        raise Tampered("the root was changed or belongs to another store", "root")

    def seal_table_record(self, table_id: int, secret: bytes, name: str) -> bytes:
        """Seal what a table's key is made from, for exactly this table."""
        return primitives.aead_seal(self._table_key, encode_table_record(secret, name), self._table_aad(table_id))

    def open_table_record(self, table_id: int, blob: bytes) -> tuple[bytes, str]:
        """Return the secret and the name of a table.

        Raises: Tampered if the record is not this table's.
        """
        try:
            return decode_table_record(primitives.aead_open(self._table_key, blob, self._table_aad(table_id)))
        except CryptoError:
            raise Tampered(f"the record of table {table_id} was changed", "hidden") from None

    def _table_aad(self, table_id: int) -> bytes:
        return _TABLE_AAD + self._store_id + table_id.to_bytes(4, "big")

    def table(self, table_id: int, secret: bytes) -> TableSealer:
        """Return the sealer of one table."""
        key = subkey(self.master, self._store_id, b"table %d" % table_id, secret)
        return TableSealer(key, self._sum_key, self._store_id, table_id)
