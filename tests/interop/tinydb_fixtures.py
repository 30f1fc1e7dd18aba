"""The conftest.py under which TinyDB's own tests run: each database that they use is a sealed store.

`test_tinydb_suite.py` copies it beside them. What differs on purpose is named here with its reason, and has to fail: a
test that passes against its reason, or a name that is no test any more, fails the run.
"""

import itertools
from pathlib import Path

import pytest
import tinydb
from tinydb.middlewares import CachingMiddleware
from tinydb.storages import MemoryStorage

from companion.crypto.keyslots import KdfParameters
from services.store.store import SealedStore

CACHE = "the query cache is off, because it would hold live documents"
OWN_STORAGE = "the storage is the sealed one, whatever storage was asked for"
DEVIATIONS = {
    "test_tables.py::test_query_cache": CACHE,
    "test_tables.py::test_query_cache_size": CACHE,
    "test_tables.py::test_lru_cache": CACHE,
    "test_tables.py::test_table_repr": "a table's repr names its class and its storage, which are ours",
    "test_tinydb.py::test_search": CACHE,
    "test_tinydb.py::test_search_path": CACHE,
    "test_tinydb.py::test_repr": "the store's repr tells its commit; names of tables are nobody's business in a log",
    "test_tinydb.py::test_access_storage": OWN_STORAGE,
    "test_tinydb.py::test_storage_access": OWN_STORAGE,
}
PASSPHRASE = "correct horse battery"


def pytest_collection_modifyitems(items):
    names = {f"{item.path.name}::{item.name}": item for item in items}
    if unknown := DEVIATIONS.keys() - names.keys():
        raise pytest.UsageError(f"these tests are gone: {sorted(unknown)}")
    for name, reason in DEVIATIONS.items():
        names[name].add_marker(pytest.mark.xfail(reason=reason, raises=AssertionError, strict=True))


class Stores:
    """Makes and opens sealed stores as if each were a `TinyDB`, and locks them at the end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count()
        self._opened: list[SealedStore] = []

    def __call__(self, path=None, storage=None, **options):
        if storage not in (None, MemoryStorage):
            return tinydb.TinyDB(*([] if path is None else [path]), storage=storage, **options)
        directory = self._folder / (f"memory-{next(self._numbers)}" if path is None else f"{Path(path).name}.sealed")
        if SealedStore.exists(directory):
            store = SealedStore.unlock(directory, passphrase=PASSPHRASE)
        else:
            kdf = KdfParameters(t=1, m_kib=8)
            store = SealedStore.create(directory, passphrase=PASSPHRASE, recovery=bytes(32), kdf=kdf)
        self._opened.append(store)
        return store

    def lock(self) -> None:
        for store in self._opened:
            store.lock()


@pytest.fixture(autouse=True)
def stores(request, tmp_path, monkeypatch):
    made = Stores(tmp_path)
    if request.path.name == "test_tinydb.py":
        monkeypatch.setattr(request.module, "TinyDB", made)
    yield made
    made.lock()


@pytest.fixture
def db(stores):
    """Three documents, as TinyDB's fixture of this name has them."""
    store = stores()
    store.insert_multiple({"int": 1, "char": letter} for letter in "abc")
    return store


@pytest.fixture
def storage():
    """For the tests of TinyDB's middlewares, which are TinyDB's own."""
    return CachingMiddleware(MemoryStorage)()
