import contextlib
import sqlite3

import pytest

from companion.errors import StoreError
from companion.ports import Searchable
from services.store import search
from services.store.search_text import Query, fold, fold_whole

SEARCHABLES = (
    Searchable(kind="journal", fields=("title", "text", "tags"), time_field="created_ms"),
    Searchable(kind="chat", fields=("text",), time_field="at_ms"),
)


@pytest.fixture
def filled(store):
    store.table("journal").insert_multiple(
        [
            {"_id": "a", "title": "Café in Zürich", "text": "A quiet morning.", "tags": ["Rest"], "created_ms": 3000},
            {"_id": "b", "title": "Rota", "text": "The rota is done; the restaurant was loud", "created_ms": 1000},
            {"_id": "c", "title": "", "text": "Straße, Ωμέγα, 東京の朝, naïve ﬁnish", "created_ms": 2000},
        ]
    )
    store.table("chat:1").insert({"_id": "d", "text": "rest well", "at_ms": 2500})
    store.table("chat:2").insert({"_id": "e", "text": "no time to rest", "at_ms": 2600})
    store.table("settings").insert({"_id": "f", "text": "rest"})
    return store


@pytest.fixture(params=["index", "scan", "no FTS5"])
def ready(filled, request, monkeypatch):
    """A store whose search is ready, still building, or has no FTS5 to build with."""
    if request.param == "index":
        assert filled.start_search(SEARCHABLES).wait(60)
    elif request.param == "scan":
        monkeypatch.setattr(search.Search, "_build", lambda self: None)
        assert not filled.start_search(SEARCHABLES).wait(60)
    else:
        monkeypatch.setattr(search.WordIndex, "__init__", lambda self: raise_(sqlite3.OperationalError("no fts5")))
        assert not filled.start_search(SEARCHABLES).wait(60)
    return filled


def raise_(error):
    raise error


def ids(hits):
    return [hit.id for hit in hits]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("rest", "aedb"),
        ("REST", "aedb"),
        ("cafe", "a"),
        ("CAFÉ zur", "a"),
        ("zurich, cafe!", "a"),
        ("strasse", "c"),
        ("straße", "c"),
        ("ωμεγα", "c"),
        ("naive fin", "c"),
        ("東京", "c"),
        ("京の", "c"),
        ("est", ""),
        ("rest cafe loud", ""),
        ("rota rest", "b"),
        ("", ""),
        ("?! ...", ""),
        ('"rest" OR * NEAR(', ""),
        ("' ; DROP", ""),
        ("well", "d"),
    ],
)
def test_words_are_found_by_their_beginning_newest_first(ready, text, found):
    assert "".join(ids(ready.find_words(text))) == found


def test_tables_and_number_of_hits_can_be_limited(ready):
    assert ids(ready.find_words("rest", ["chat"])) == ["e", "d"]
    assert ids(ready.find_words("rest", ["chat:1", "journal"])) == ["a", "d", "b"]
    assert ids(ready.find_words("rest", limit=2)) == ["a", "e"]
    assert ready.find_words("rest", ["settings"]) == []


def test_changes_are_found_at_once(ready):
    ready.table("journal").insert({"_id": "g", "title": "Restful", "created_ms": 9000})
    ready.table("chat:1").update({"text": "sleep well"}, doc_ids=[1])
    ready.table("chat:2").remove(doc_ids=[1])
    ready.table("chat:3").insert({"_id": "h", "text": "rest", "at_ms": 1})
    assert ids(ready.find_words("rest")) == ["g", "a", "b", "h"]
    assert ids(ready.find_words("sleep")) == ["d"]
    ready.drop_table("chat:3")
    ready.table("journal").truncate()
    assert ready.find_words("rest") == []


def test_documents_of_one_millisecond_are_all_found(ready):
    ready.table("chat:9").insert_multiple([{"_id": str(n), "text": "same", "at_ms": 5000} for n in range(30)])
    assert ids(ready.find_words("same")) == [str(n) for n in reversed(range(30))]


def test_documents_without_a_time_or_with_an_odd_one_are_found_last(ready):
    ready.table("chat:9").insert_multiple(
        [
            {"_id": "x", "text": "odd"},
            {"_id": "y", "text": "odd", "at_ms": "soon"},
            {"_id": "z", "text": "odd", "at_ms": 7},
        ]
    )
    assert ids(ready.find_words("odd"))[0] == "z"
    assert len(ready.find_words("odd")) == 3


def test_a_failed_batch_is_not_found(ready):
    with contextlib.suppress(ZeroDivisionError), ready.batch():
        ready.table("chat:1").insert({"_id": "x", "text": "rest"})
        raise_(ZeroDivisionError())
    assert len(ready.find_words("rest")) == 4


def test_hits_mark_the_matches_in_the_text_as_it_was_written(ready):
    (hit,) = ready.find_words("cafe")
    assert hit.snippet.text == "Café in Zürich\nA quiet morning.\nRest"
    assert [hit.snippet.text[start:end] for start, end in hit.snippet.marks] == ["Café"[:4]]
    (hit,) = ready.find_words("strass fin")
    assert [hit.snippet.text[start:end] for start, end in hit.snippet.marks] == ["Straß", "ﬁn"]


def test_locking_forgets_the_index(ready, reopen):
    ready.lock()
    with pytest.raises(StoreError):
        ready.find_words("rest")
    with pytest.raises(StoreError):
        reopen().find_words("rest")


def test_locking_while_building_stops_the_building(store):
    store.table("journal").insert_multiple([{"text": f"word{n} " * 20} for n in range(3000)])
    running = store.start_search(SEARCHABLES)
    store.lock()
    assert not running._thread.is_alive()
    assert running._index is None


def test_a_long_text_is_cut_around_its_first_match():
    text = "before " * 100 + "the match is here " + "after " * 100
    snippet = Query("matc").snippet(text)
    assert len(snippet.text) <= 120
    assert [snippet.text[start:end] for start, end in snippet.marks] == ["matc"]
    assert snippet.text.startswith("before")


def test_folding_removes_case_accents_and_compatibility_forms():
    assert fold("ÀÉÎ ﬁ Straße İ") == "aei fi strasse i"
    assert fold("PLAIN") == "plain"


@pytest.mark.parametrize("has_index", [True, False])
def test_a_damaged_table_does_not_keep_the_others_from_being_found(filled, reopen, directory, monkeypatch, has_index):
    filled.lock()
    with sqlite3.connect(directory / "store.db") as connection:
        connection.execute("DELETE FROM row WHERE k >> 40 = 1 AND k & 1 = 1")
    connection.close()
    store = reopen()
    if not has_index:
        monkeypatch.setattr(search.Search, "_build", lambda self: None)
    store.start_search(SEARCHABLES).wait(60)
    assert ids(store.find_words("rest")) == ["e", "d"]
    store.lock()


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("오늘새친구와병원회의를했다", "친구"),
        ("Rozmowa z Michałem i Łukaszem", "lukasz"),
        ("Søren from Ærø rang", "Aero"),
        ("Anh Đặng called", "dang"),
        ("Işık Hanım geldi", "isik"),
        ("Cœur, naïve, l’été", "coeur"),
        ("Don’t forget O’Brien's rota", "obrien"),
        ("Don’t forget O’Brien's rota", "o'brien"),
        ("Don’t forget O’Brien's rota", "brien"),
        ("𠮷田さんに電話", "吉田"),
        ("chap\u00aderone and re\u200bview", "chaperone"),
        ("Привіт, Олена", "олен"),
        ("Привіт, Олена", "ПРИВ"),
        ("The rоta of Νick", "rota"),
        ("The rоta of Νick", "nick"),
    ],
    ids=ascii,
)
def test_words_are_found_as_the_eye_sees_them(text, typed):
    query = Query(typed)
    assert query.matches(fold_whole(text))
    assert not Query(typed + "zz").matches(fold_whole(text))


@pytest.mark.parametrize(("text", "typed"), [("lost in the ward", "10"), ("10 mg", "lo"), ("Олег", "олен")], ids=ascii)
def test_figures_are_not_letters_and_other_words_are_other_words(text, typed):
    assert not Query(typed).matches(fold_whole(text))
