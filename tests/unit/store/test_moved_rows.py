"""SQLite believes its pages: pages that somebody moved make it give rows that nobody asked for."""

import pytest

from companion.errors import Tampered
from services.store.format import DOCUMENT_ID_MAX, row_number
from services.store.guarding import disk_errors

FIRST = row_number(3, 0)


class Moved:
    """A connection whose pages are in disorder."""

    def __init__(self, *rows: tuple[object, ...]) -> None:
        self.rows = list(rows)

    def execute(self, *_: object) -> "Moved":
        return self

    def __iter__(self):
        return iter(self.rows)

    def fetchall(self) -> list[tuple[object, ...]]:
        return self.rows

    def fetchone(self) -> tuple[object, ...]:
        return self.rows[0]


@pytest.fixture
def database(store):
    database, real = store.storage._database, store.storage._database._connection
    yield database
    database._connection = real


@pytest.mark.parametrize(
    "row",
    [
        (FIRST - (2 << 40) - 1, 1, b"x"),
        (FIRST + 1, 0, b"x"),
        (FIRST + 1, -1, b"x"),
        (FIRST + 1, "1", b"x"),
        (FIRST + 1, 1, "x"),
        (FIRST + 1, 1, None),
    ],
)
def test_a_row_of_another_place_or_shape_is_damage(database, row):
    database._connection = Moved(row)
    with pytest.raises(Tampered):
        list(database.rows(3))
    with pytest.raises(Tampered):
        database.newest_rows(3, DOCUMENT_ID_MAX, 10)
    assert list(database.readable_rows(3)) == []


@pytest.mark.parametrize("found", [("1", b"n", b"t"), (None, None, None), (1, "n", b"t"), (1, b"n", None)])
def test_a_seal_of_another_shape_is_damage(database, found):
    database._connection = Moved(found)
    with pytest.raises(Tampered):
        database.seal_of(3, 1)


@pytest.mark.parametrize("key", [b"table:1", 7, "table:", "table:x", "table:" + "9" * 5_000, "table:\u0663"])
def test_a_record_with_an_odd_name_is_no_table(database, key):
    database._connection = Moved((key,), ("table:12",))
    assert database.readable_table_ids() == [12]


def test_a_message_of_sqlite_that_quotes_garbage_is_damage():
    """Python cannot read it as text, and raises an error of its own."""
    with pytest.raises(Tampered), disk_errors():
        raise UnicodeDecodeError("utf-8", b"malformed \xac", 10, 11, "invalid start byte")


def test_rows_that_come_again_do_not_keep_a_change_of_keys_busy_for_ever(store, monkeypatch):
    store.table("journal").insert_multiple([{"n": n} for n in range(3)])
    database, real = store.storage._database, store.storage._database.newest_rows
    monkeypatch.setattr(
        type(database), "newest_rows", lambda self, table, below, limit: real(table, DOCUMENT_ID_MAX, 2)
    )
    with pytest.raises(Tampered, match="out of order"):
        store.rekey(passphrase="another passphrase")
