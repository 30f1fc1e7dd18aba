"""The index and the scan find the same documents in the same order, whatever is written and typed."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from companion.crypto.keyslots import KdfParameters
from companion.ports import Searchable
from services.store.search import Search
from services.store.search_text import Query
from services.store.store import SealedStore

SEARCHABLE = Searchable(kind="journal", fields=("text",), time_field="at_ms")
LETTERS = "abcAZzé\u0301ÄßΣσςώДдйİıﬁ 0_9'’-\".,\n\tяا東京がカ한ก½ñłøæ\u00ad\u200b𠮷аеВΝ"
texts = st.text(alphabet=LETTERS, max_size=12)


@pytest.fixture(scope="module")
def store():
    with tempfile.TemporaryDirectory() as folder:
        kdf = KdfParameters(t=1, m_kib=8)
        store = SealedStore.create(Path(folder), passphrase="correct horse", recovery=bytes(32), kdf=kdf)
        yield store
        store.lock()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    written=st.lists(st.tuples(texts, st.integers(0, 3)), max_size=8),
    rewritten=st.lists(st.tuples(st.integers(1, 9), texts), max_size=4),
    removed=st.lists(st.integers(1, 9), max_size=3, unique=True),
    typed=st.lists(texts, min_size=1, max_size=6),
)
@example(written=[("Straße", 1), ("STRASSE", 2)], rewritten=[(1, "x"), (1, "straß")], removed=[2], typed=["strass"])
def test_index_and_scan_agree(store, written, rewritten, removed, typed):
    table = store.table("journal")
    table.truncate()
    table.insert_multiple([{"_id": str(n), "text": text, "at_ms": time} for n, (text, time) in enumerate(written)])
    index, scan = store.start_search([SEARCHABLE]), Search(store.storage, [SEARCHABLE])
    assert index.wait(60)
    for number, text in rewritten:
        table.update({"text": text}, doc_ids=[number])
    table.remove(doc_ids=removed)
    for words in typed:
        by_index, by_scan = index.find(words), scan.find(words)
        assert sorted(hit.id for hit in by_index) == sorted(hit.id for hit in by_scan)
        assert [hit.time_ms for hit in by_index] == sorted((hit.time_ms for hit in by_index), reverse=True)
        assert [hit.time_ms for hit in by_scan] == [hit.time_ms for hit in by_index]


@given(text=st.text(max_size=300), typed=st.text(max_size=20))
def test_marks_lie_within_the_snippet(text, typed):
    query = Query(typed)
    if query.words:
        snippet = query.snippet(text)
        assert snippet.text in text
        assert all(0 <= start < end <= len(snippet.text) for start, end in snippet.marks)
