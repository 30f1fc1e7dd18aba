"""TinyDB's API over sealed rows. That all operations agree with TinyDB: tests/property/test_store_equivalence.py."""

import contextlib
import threading

import pytest
from tinydb import TinyDB, where
from tinydb.operations import increment
from tinydb.table import Document, Table

from companion.errors import StoreError


def test_the_store_is_a_tinydb_and_its_tables_are_tables(store):
    assert isinstance(store, TinyDB)
    assert isinstance(store.table("journal"), Table)
    assert store.insert({"a": 1}) == 1  # TinyDB forwards to the default table
    assert store.tables() == {"_default"}


def test_documents_are_there_after_locking_and_unlocking(store, reopen):
    document = {"text": "é 👩🏽‍⚕️", "tags": ["a", {"b": None}], "mood": 3.5, "ok": True}
    number = store.table("journal").insert(document)
    assert reopen().table("journal").get(doc_id=number) == document


def test_half_a_surrogate_pair_survives(store, reopen):
    store.table("journal").insert({"text": "\ud83d"})
    assert reopen().table("journal").all() == [{"text": "\ud83d"}]


def test_results_never_alias_the_cache(store):
    table = store.table("journal")
    number = table.insert({"tags": ["a"], "deep": {"list": [1]}})
    for result in (
        table.get(doc_id=number),
        table.get(where("tags").any(["a"])),
        table.all()[0],
        next(iter(table)),
        table.search(where("deep").exists())[0],
        table.get(doc_ids=[number])[0],
        store.window("journal")[0],
        store.storage.read()["journal"][str(number)],
    ):
        result["tags"].append("x")
        result["deep"]["list"].append(2)
        assert table.all() == [{"tags": ["a"], "deep": {"list": [1]}}]


def test_what_was_inserted_may_be_changed_afterwards(store):
    document = {"tags": ["a"]}
    store.table("journal").insert(document)
    document["tags"].append("x")
    assert store.table("journal").all() == [{"tags": ["a"]}]


def test_an_updater_that_fails_leaves_everything(store, reopen):
    table = store.table("journal")
    table.insert_multiple([{"n": 1, "list": []}, {"other": 1}])

    def fails(document):
        document["list"].append(1)

    with pytest.raises(KeyError):
        table.update(fails)
    assert table.all() == [{"n": 1, "list": []}, {"other": 1}]
    assert reopen().table("journal").all() == [{"n": 1, "list": []}, {"other": 1}]


@pytest.mark.parametrize("content", [object(), b"bytes", float("nan"), float("inf"), {1, 2}])
def test_what_is_not_json_is_refused_and_changes_nothing(store, content):
    table = store.table("journal")
    table.insert({"n": 1})
    commit = store.commit
    with pytest.raises((TypeError, ValueError)):
        table.insert({"n": content})
    with pytest.raises((TypeError, ValueError)):
        table.update({"n": content})
    assert table.all() == [{"n": 1}]
    assert store.commit == commit


def test_an_error_does_not_quote_the_document(store):
    with pytest.raises(TypeError) as caught:
        store.table("journal").insert({"canary": {"canary-key": object()}})
    assert "canary" not in str(caught.value) + str(getattr(caught.value, "__notes__", ""))
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("number", [-1, 2**40])
def test_a_document_id_that_does_not_fit_is_refused(store, number):
    with pytest.raises(ValueError, match="document id"):
        store.table("journal").insert(Document({"a": 1}, number))


def test_true_and_one_are_different(store, reopen):
    store.table("journal").insert({"n": 1})
    store.table("journal").update({"n": True})
    assert reopen().table("journal").all()[0]["n"] is True


def test_an_update_that_changes_nothing_writes_nothing(store):
    store.table("journal").insert({"n": 1})
    commit = store.commit
    store.table("journal").update({"n": 1})
    assert store.commit == commit


def test_documents_come_in_the_order_of_their_ids_before_and_after_opening(store, reopen):
    table = store.table("journal")
    for number in (5, 2, 9, 1):
        table.insert(Document({"n": number}, number))
    assert [document["n"] for document in table] == [1, 2, 5, 9]
    assert [document["n"] for document in reopen().table("journal")] == [1, 2, 5, 9]


def test_mixed_given_and_free_ids_never_overwrite(store):
    table = store.table("journal")
    assert table.insert_multiple([Document({"n": 0}, 2), {"n": 1}, {"n": 2}, Document({"n": 3}, 4)]) == [2, 1, 3, 4]
    assert table.insert({"n": 4}) == 5
    assert len(table) == 5


def test_persist_empty_makes_a_table_and_never_empties_one(store, reopen):
    store.table("empty", persist_empty=True)
    store.table("full").insert({"n": 1})
    store = reopen()
    assert store.tables() == {"empty", "full"}
    store.table("full", persist_empty=True)
    assert len(store.table("full")) == 1


def test_dropped_tables_are_gone_from_memory_and_disk(store, reopen):
    store.table("a").insert({"n": 1})
    store.table("b").insert({"n": 2})
    store.drop_table("a")
    assert store.tables() == {"b"}
    store = reopen()
    assert store.tables() == {"b"}
    assert store.table("a").insert({"n": 3}) == 1
    store.drop_tables()
    assert reopen().tables() == set()


def test_plain_tinydb_code_can_use_the_storage_as_a_whole(store, reopen):
    store.table("a").insert_multiple([{"n": 1}, {"n": 2}])
    store.table("b").insert({"n": 3})
    data = store.storage.read()
    del data["b"]
    data["a"]["1"]["n"] = 10
    data["a"].pop("2")
    data["c"] = {"7": {"n": 7}}
    store.storage.write(data)
    assert reopen().storage.read() == {"a": {"1": {"n": 10}}, "c": {"7": {"n": 7}}}


def test_a_window_shows_the_newest_without_loading_the_table(store, reopen):
    store.table("chat").insert_multiple([{"n": n} for n in range(10)])
    store = reopen()
    assert [document["n"] for document in store.window("chat", limit=3)] == [9, 8, 7]
    assert [document.doc_id for document in store.window("chat", before=8, limit=2)] == [7, 6]
    assert store.window("chat", before=1) == []
    assert store.window("nothing") == []
    len(store.table("chat"))  # now it is loaded
    assert [document["n"] for document in store.window("chat", before=8, limit=2)] == [6, 5]


def test_ten_threads_lose_nothing(store, reopen):
    table = store.table("journal")
    table.insert({"count": 0})

    def work():
        for _ in range(20):
            table.insert({"n": 1})
            table.update(increment("count"), doc_ids=[1])

    threads = [threading.Thread(target=work) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    table = reopen().table("journal")
    assert len(table) == 201
    assert table.get(doc_id=1)["count"] == 200


class TestBatch:
    def test_several_tables_change_in_one_commit(self, store, reopen):
        commit = store.commit
        with store.batch():
            store.table("messages").insert({"n": 1})
            store.table("outbox").insert({"n": 1})
            store.table("messages").update({"n": 2})
            assert store.table("messages").all() == [{"n": 2}]
            assert len(store.table("outbox")) == 1
        assert store.commit == commit + 1
        assert reopen().table("messages").all() == [{"n": 2}]

    def test_a_failed_batch_changes_nothing_in_memory_or_on_disk(self, store, reopen):
        store.table("a").insert_multiple([{"n": 1}, {"n": 2}])
        before = store.storage.read()
        with contextlib.suppress(ZeroDivisionError), store.batch():
            store.table("a").update({"n": 3})
            store.table("a").remove(doc_ids=[1])
            store.table("b").insert({"n": 4})
            store.drop_table("a")
            raise ZeroDivisionError
        assert store.storage.read() == before
        assert reopen().storage.read() == before

    def test_a_failure_that_is_caught_inside_undoes_only_itself(self, store):
        with store.batch():
            store.table("a").insert({"n": 1})
            with pytest.raises(TypeError):
                store.table("a").insert_multiple([{"n": 2}, {"n": object()}])
        assert store.table("a").all() == [{"n": 1}]

    def test_a_document_that_comes_and_goes_in_a_batch_leaves_no_trace(self, store, reopen):
        with store.batch():
            number = store.table("a").insert({"n": 1})
            store.table("a").remove(doc_ids=[number])
            assert len(store.table("a")) == 0
        assert len(reopen().table("a")) == 0

    def test_a_document_that_goes_and_comes_back_in_a_batch_is_the_new_one(self, store, reopen):
        store.table("a").insert(Document({"n": 1}, 1))
        with store.batch():
            store.table("a").remove(doc_ids=[1])
            store.table("a").insert(Document({"n": 2}, 1))
        assert store.table("a").all() == [{"n": 2}]
        assert reopen().table("a").all() == [{"n": 2}]

    def test_a_table_can_be_dropped_and_made_again_in_a_batch(self, store, reopen):
        store.table("a").insert_multiple([{"n": 1}, {"n": 2}])
        with store.batch():
            store.drop_table("a")
            store.table("a").insert({"n": 3})
        assert reopen().table("a").all() == [{"n": 3}]

    def test_a_table_that_is_dropped_and_made_again_empty_takes_documents(self, store, reopen):
        store.table("journal").insert({"n": 1})
        with store.batch():
            store.drop_table("journal")
            store.table("journal", persist_empty=True)
            store.table("journal").insert({"n": 2})
        assert reopen().table("journal").all() == [{"n": 2}]

    def test_an_operation_that_fails_and_is_caught_leaves_the_batch_as_it_was(self, store, reopen):
        with store.batch():
            store.table("journal").insert({"n": 1})
            for name in ("journal", "chat"):
                with pytest.raises(TypeError):
                    store.table(name).insert_multiple([{"n": 2}, {"n": b"bytes"}])
        assert store.tables() == {"journal"}
        assert reopen().table("journal").all() == [{"n": 1}]

    def test_a_batch_that_changes_nothing_is_no_commit(self, store):
        store.table("journal").insert({"n": 1})
        commit = store.commit
        with store.batch():
            store.table("journal").put({"n": 1}, 1)
            store.table("journal").update({"n": 1})
            store.table("journal").remove(doc_ids=[store.table("journal").insert({"n": 2})])
        assert store.commit == commit

    def test_batches_do_not_nest(self, store):
        with store.batch(), pytest.raises(StoreError), store.batch():
            pass

    def test_another_thread_never_sees_half_a_batch(self, store):
        seen = []
        reader = threading.Thread(target=lambda: seen.append(len(store.table("a"))))
        with store.batch():
            store.table("a").insert({"n": 1})
            reader.start()
            store.table("a").insert({"n": 2})
        reader.join()
        assert seen == [2]
