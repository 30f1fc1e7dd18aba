"""Format v2 of the store: how documents, row numbers and the root become bytes. No keys and no files here.

    store.db   meta(k, v)           k = "root": the sealed root; k = "table:<id>": what a table's key is made from;
                                    k = "keys": the SHA-256 of the key file, in the clear, see below
               row(k, ver, blob)    k = table << 40 | document, ver counts the writes of this row
    row text   the document as UTF-8 JSON, padded with spaces
    root text  SHA-256 of the key file 32 | u64 the commit that wrote that | u64 commit | u32 next table | u32 tables |
               (u32 id, u32 schema, u64 count, sum 16, u16 name length, name) for each table | u16 openings |
               (u64 first commit, name 8) for each opening, the last ones, padded with zero bytes
    table text secret 16 | u16 name length | name, padded with zero bytes

Integers are big-endian. The record "keys" proves nothing: it only tells, of two key files that a crash may leave, the
one that opens the root, and it gives a name to a file that was put back. The root has it again, sealed.

In v1 (release 0.1.0) the root text began with the commit, and there was no record "keys".
"""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import cast

from companion.errors import Tampered

FORMAT_VERSION = 2  # November 2026: the root knows the key file
FIRST_VERSION = 1  # since 0.1.0: sealed rows, sealed root
APPLICATION_ID = 0x436F6D70  # "Comp", so that a database browser shows whose file this is

DOCUMENT_BITS = 40
DOCUMENT_ID_MAX = 2**DOCUMENT_BITS - 1
TABLE_ID_MAX = 2**23 - 1  # a row number must stay within SQLite's signed 64 bits
SUM_MODULUS = 2**128
DEPTH_MAX = 64  # of lists and objects in each other; the core takes no more either
SECRET_BYTES = 16
STORE_ID_BYTES = 16
OPENING_BYTES = 8
OPENINGS_KEPT = 32
"""A device that did not get to remember its store for so many openings cannot tell any more, and asks."""

Document = dict[str, object]

_CONTAINERS = (dict, list)
_decode = json.JSONDecoder().raw_decode  # does not look at the padding again
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_ROOT = struct.Struct(">QII")
_KEYS = struct.Struct(">32sQ")
_HEAD = struct.Struct(">IIQ16sH")
_ROW = struct.Struct(">IQQ")
_OPENING = struct.Struct(">Q8s")


@dataclass(frozen=True, slots=True, kw_only=True)
class TableHead:
    """What the root says of one table. `schema`: the version that every document has reached, 0 if none is kept."""

    id: int
    name: str
    schema: int
    count: int
    sum: int
    encoded: bytes = field(init=False, repr=False, compare=False)  # a commit changes few of the tables in the root

    def __post_init__(self) -> None:
        name = self.name.encode("utf-8", "surrogatepass")
        head = _HEAD.pack(self.id, self.schema, self.count, self.sum.to_bytes(16, "big"), len(name))
        object.__setattr__(self, "encoded", head + name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A time that the store was open and written to: its first commit, and a random name.

    Whoever goes on from a copy opens it first. So two stores with the same name at the same commit were one until then.
    """

    first_commit: int
    name: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """The state of the whole store after one commit; `commit` only grows.

    `keys`: the digest of the key file, and the commit that wrote it down; empty if release 0.1.0 wrote this root.
    """

    commit: int
    next_table: int
    heads: Mapping[str, TableHead]
    keys: bytes = b""
    keys_commit: int = 0
    openings: tuple[Opening, ...] = ()

    def opening_at(self, commit: int) -> bytes:
        """Return the name of the opening in which a commit was made; nothing if that is not known any more."""
        names = (opening.name for opening in reversed(self.openings) if opening.first_commit <= commit)
        return next(names, b"")

    def openings_with(self, name: bytes) -> tuple[Opening, ...]:
        """Return the openings after one more commit in the opening of this name."""
        if self.openings and self.openings[-1].name == name:
            return self.openings
        return (*self.openings, Opening(first_commit=self.commit + 1, name=name))[-OPENINGS_KEPT:]


def row_number(table_id: int, document_id: int) -> int:
    """Return the one SQLite key of a document; the rows of a table lie next to each other."""
    return table_id << DOCUMENT_BITS | document_id


def row_identity(table_id: int, document_id: int, version: int) -> bytes:
    """Return the bytes that tie a sealed row to its place and version."""
    return _ROW.pack(table_id, document_id, version)


def padded_length(length: int) -> int:
    """Round a length in bytes up: to 64 below 1 KiB, above it by at most a sixteenth."""
    step = 64 if length <= 2048 else 1 << (length - 1).bit_length() - 5
    return -(-length // step) * step


def encode_document(document: Mapping[str, object]) -> bytes:
    """Return the document as compact UTF-8 JSON.

    Raises: ValueError or TypeError if it is not plain JSON, or nested so deep that a deeper stack could not read it
    again; the error does not quote it.
    """
    try:
        text = _encode(document)
    except TypeError:
        raise TypeError("a document may hold only what JSON knows") from None
    except (ValueError, RecursionError):
        raise ValueError("a document may hold only finite numbers, no loops, and be nested a little") from None
    if text.count("[") + text.count("{") > DEPTH_MAX and _is_deep(document):
        raise ValueError("a document is nested too deep")
    try:
        return text.encode()
    except UnicodeEncodeError:  # half a surrogate pair, as keyboards send in mid-character: escaped, it survives
        return json.dumps(document, allow_nan=False, separators=(",", ":")).encode()


def _is_deep(document: Mapping[str, object]) -> bool:
    level: list[object] = [document]
    for _ in range(DEPTH_MAX + 1):
        inner: list[object] = []
        for value in level:
            held = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
            inner += [one for one in held if isinstance(one, dict | list | tuple)]
        level = inner
    return bool(level)


def decode_document(text: bytes) -> Document:
    """Return the document of a row text; the padding is white space to JSON."""
    document: Document = _decode(text.decode())[0]
    return document


def pad_text(text: bytes) -> bytes:
    """Hide the exact length of a row text."""
    return text.ljust(padded_length(len(text)))


def copy_document(document: Mapping[str, object]) -> Document:
    """Return a deep copy that shares nothing changeable with the original."""
    return {key: _copy(value) if value.__class__ in _CONTAINERS else value for key, value in document.items()}


def _copy(value: object) -> object:
    if isinstance(value, dict):
        return copy_document(value)
    return [_copy(item) if item.__class__ in _CONTAINERS else item for item in cast("list[object]", value)]


def encode_root(root: Root) -> bytes:
    """Return the root text."""
    heads = [head.encoded for head in root.heads.values()]
    openings = [_OPENING.pack(opening.first_commit, opening.name) for opening in root.openings]
    numbers = _ROOT.pack(root.commit, root.next_table, len(heads))
    text = _KEYS.pack(root.keys, root.keys_commit) + numbers + b"".join(heads)
    text += len(openings).to_bytes(2, "big") + b"".join(openings)
    return text.ljust(padded_length(len(text)), b"\0")


def decode_root(text: bytes, version: int = FORMAT_VERSION) -> Root:
    """Return the root.

    Raises: Tampered if the text is not a root, which only a fault of the writer could cause.
    """
    try:
        keys, keys_commit = (b"", 0) if version == FIRST_VERSION else _KEYS.unpack_from(text)
        offset, heads = 0 if version == FIRST_VERSION else _KEYS.size, {}
        commit, next_table, tables = _ROOT.unpack_from(text, offset)
        offset += _ROOT.size
        for _ in range(tables):
            table_id, schema, count, total, length = _HEAD.unpack_from(text, offset)
            offset += _HEAD.size
            table = text[offset : offset + length].decode("utf-8", "surrogatepass")
            offset += length
            heads[table] = TableHead(
                id=table_id,
                name=table,
                schema=schema,
                count=count,
                sum=int.from_bytes(total, "big"),
            )
        openings = []
        count, offset = int.from_bytes(text[offset : offset + 2], "big"), offset + 2
        for _ in range(count):
            first_commit, name = _OPENING.unpack_from(text, offset)
            offset += _OPENING.size
            openings.append(Opening(first_commit=first_commit, name=name))
    except (struct.error, UnicodeDecodeError):
        raise Tampered("the root does not parse", "root") from None
    root = Root(commit=commit, next_table=next_table, heads=heads, openings=tuple(openings))
    return replace(root, keys=keys if any(keys) else b"", keys_commit=keys_commit)


def encode_table_record(secret: bytes, name: str) -> bytes:
    """Return the table text. It has a row of its own, so that documents can be salvaged without the root."""
    encoded = name.encode("utf-8", "surrogatepass")
    text = secret + len(encoded).to_bytes(2, "big") + encoded
    return text.ljust(padded_length(len(text)), b"\0")


def decode_table_record(text: bytes) -> tuple[bytes, str]:
    """Return the secret and the name of a table."""
    start = SECRET_BYTES + 2
    length = int.from_bytes(text[SECRET_BYTES:start], "big")
    return text[:SECRET_BYTES], text[start : start + length].decode("utf-8", "surrogatepass")
