"""Which tables stay in memory, and documents that a newer app reads."""

import pytest

from companion.errors import TooNew
from services.store.database import Database
from services.store.migrations import Migrations
from services.store.store import SealedStore

PASSPHRASE = "correct horse battery"


def split_name(document):
    first, _, last = document["name"].partition(" ")
    return {**{key: value for key, value in document.items() if key != "name"}, "first": first, "last": last}


def add_mood(document):
    return {**document, "mood": None}


MIGRATIONS = Migrations({"people": (split_name, add_mood), "journal": ()})


@pytest.fixture
def migrating(store, directory):
    """Open the store as a newer app does."""
    opened = [store]

    def open_again() -> SealedStore:
        opened.pop().lock()
        opened.append(SealedStore.unlock(directory, passphrase=PASSPHRASE, migrations=MIGRATIONS))
        return opened[0]

    yield open_again
    opened.pop().lock()


def test_least_recently_used_tables_are_forgotten_and_read_again(store):
    storage = store.storage
    for name in "abcd":
        store.table(name).insert_multiple([{"n": n} for n in range(10)])
    store.unload()
    storage._stored._loaded._documents_max = 25
    for name in ("a", "b", "a", "c"):
        assert len(store.table(name)) == 10
    assert {name for name, head in storage.heads().items() if head.id in storage._stored._loaded} == {"a", "c"}
    with store.batch():
        for name in "abcd":
            store.table(name).insert({"n": 10})
    assert [len(store.table(name)) for name in "abcd"] == [11] * 4


def test_one_table_larger_than_the_limit_stays(store):
    store.storage._stored._loaded._documents_max = 5
    store.table("a").insert_multiple([{"n": n} for n in range(10)])
    assert len(store.table("a")) == 10
    assert len(store.storage._stored._loaded) == 1


def test_a_loaded_table_is_not_read_from_the_disk_again(store, monkeypatch):
    store.table("a").insert({"n": 1})
    monkeypatch.setattr(Database, "rows", lambda *arguments: 1 / 0)
    assert store.table("a").all() == [{"n": 1}]
    store.unload("a")
    store.unload("unknown")
    with pytest.raises(ZeroDivisionError):
        store.table("a").all()


def test_old_documents_are_new_when_they_are_read(store, migrating):
    store.table("people:x").insert_multiple([{"_v": 1, "name": "Ada Byron", "extra": 1}, {"name": "Max Born"}])
    store.table("unlisted").insert({"_v": 99, "name": "Ada Byron"})
    store = migrating()
    expected = [
        {"_v": 3, "first": "Ada", "last": "Byron", "extra": 1, "mood": None},
        {"_v": 3, "first": "Max", "last": "Born", "mood": None},
    ]
    assert store.table("people:x").all() == expected
    assert store.window("people:x")[0] == expected[1]
    assert store.table("unlisted").all() == [{"_v": 99, "name": "Ada Byron"}]


def test_reading_writes_nothing_and_saving_writes_one(store, migrating, directory):
    store.table("people").insert_multiple([{"name": "Ada Byron"}, {"name": "Max Born"}])
    store = migrating()
    commit = store.commit
    assert len(store.table("people")) == 2
    assert store.commit == commit
    store.table("people").update({"mood": 3}, doc_ids=[1])
    store.lock()
    plain = SealedStore.unlock(directory, passphrase=PASSPHRASE)
    assert plain.table("people").get(doc_id=1) == {"_v": 3, "first": "Ada", "last": "Byron", "mood": 3}
    assert plain.table("people").get(doc_id=2) == {"name": "Max Born"}
    plain.lock()


def test_idle_writes_the_rest_in_small_commits(store, migrating, directory):
    store.table("people").insert_multiple([{"name": f"Ada {n}"} for n in range(450)])
    store = migrating()
    commit = store.commit
    rounds = 0
    while store.idle():
        rounds += 1
    assert rounds == 3
    assert store.commit == commit + 3
    assert store.storage.heads()["people"].schema == 3
    store.lock()
    plain = SealedStore.unlock(directory, passphrase=PASSPHRASE)
    assert {document["_v"] for document in plain.table("people")} == {3}
    plain.lock()


def test_documents_of_a_newer_app_are_refused_and_kept(store, migrating, directory):
    store.table("journal").insert({"_v": 2, "text": "later"})
    store.table("people").insert({"_v": 1, "name": "Ada Byron"})
    store = migrating()
    with pytest.raises(TooNew):
        store.table("journal").all()
    with pytest.raises(TooNew):
        store.table("journal").insert({"_v": 1})
    while store.idle():
        pass
    assert len(store.table("people")) == 1
    store.lock()
    plain = SealedStore.unlock(directory, passphrase=PASSPHRASE)
    assert plain.table("journal").all() == [{"_v": 2, "text": "later"}]
    plain.lock()
