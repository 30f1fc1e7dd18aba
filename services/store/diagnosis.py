"""What exactly was done to a table that does not add up, so that the person can be told in plain words.

Works on the rows as they lie on the disk and opens them under the places where they may have come from. Only called
after a check has failed, so it may take its time.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from companion.errors import Tampered
from services.store.database import Database
from services.store.format import TableHead
from services.store.sealing import StoreSealer, TableSealer

STRANGERS_MAX = 8
"""Rows that do not open and are looked into; one is enough to name an attack, the rest is for mixtures."""
PLACES_MAX = 100_000

Versions = dict[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """A table's rows: the versions of those that open, and the first of those that do not."""

    good: Versions
    strange: Mapping[int, tuple[int, bytes]]

    @property
    def versions(self) -> Versions:
        return self.good | {number: version for number, (version, _) in self.strange.items()}


def damage_kind(
    database: Database, sealer: StoreSealer, heads: Mapping[str, TableHead], head: TableHead, found: Tampered
) -> str:
    """Return which of `errors.DAMAGES` this table shows. `found`: what the failed check said."""
    if found.kind in ("file", "hidden"):
        return found.kind
    with suppress(Tampered):
        rows = _read(database, _table(database, sealer, head), head)
        if head.count and not rows.versions:
            return "hidden"
        kinds = [_origin(database, sealer, heads, head, rows, number, *row) for number, row in rows.strange.items()]
        return next((kind for kind in kinds if kind != "changed"), "changed") if kinds else found.kind
    return found.kind


def _table(database: Database, sealer: StoreSealer, head: TableHead) -> TableSealer:
    return sealer.table(head.id, sealer.open_table_record(head.id, database.sealed_table_record(head.id))[0])


def _read(database: Database, table: TableSealer, head: TableHead) -> _Rows:
    good: Versions = {}
    strange: dict[int, tuple[int, bytes]] = {}
    for number, version, blob in database.readable_rows(head.id):
        if _opens(table, number, version, blob):
            good[number] = version
        elif len(strange) < STRANGERS_MAX:
            strange[number] = (version, blob)
    return _Rows(good=good, strange=strange)


def _opens(table: TableSealer, number: int, version: int, blob: bytes) -> bool:
    try:
        table.open_row(number, version, blob)
    except Tampered:
        return False
    return True


def _origin(
    database: Database,
    sealer: StoreSealer,
    heads: Mapping[str, TableHead],
    head: TableHead,
    rows: _Rows,
    number: int,
    version: int,
    blob: bytes,
) -> str:
    """Return how a row that does not open here came here."""
    table = _table(database, sealer, head)
    for place, sealed_version in _places(rows.versions, version):
        if place != number and _opens(table, place, sealed_version, blob):
            if place in rows.good:
                return "copied"
            return "swapped" if place in rows.strange else "moved"
    for other in heads.values():
        if other.id != head.id:
            with suppress(Tampered):
                stranger = _table(database, sealer, other)
                versions = {known: known_version for known, known_version, _ in database.readable_rows(other.id)}
                if any(_opens(stranger, place, sealed, blob) for place, sealed in _places(versions, version)):
                    return "copied"
    return "changed"


def _places(versions: Versions, version: int) -> Iterator[tuple[int, int]]:
    """Yield (document id, version) of every place in a table that a row may have been sealed for."""
    for place in range(min(PLACES_MAX, max(versions, default=0) + 1)):
        yield place, version
        own = versions.get(place, version)
        if own != version:
            yield place, own
