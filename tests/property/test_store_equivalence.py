"""The sealed store behaves like TinyDB over memory, through every operation, reopening, and changes to its results.

One difference is meant: our documents are ordered by id, TinyDB's by insertion, so lists are compared by id.
"""

import contextlib
import copy
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tinydb import TinyDB, where
from tinydb.operations import delete, increment
from tinydb.operations import set as set_field
from tinydb.storages import MemoryStorage
from tinydb.table import Document

from companion.crypto.keyslots import KdfParameters
from services.store.store import SealedStore

PASSPHRASE = "correct horse battery"

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
documents = st.builds(
    lambda extra, n, tags: {**extra, "n": n, "tags": tags},
    st.dictionaries(st.text(max_size=5), values, max_size=3),
    st.integers(0, 4),
    st.lists(st.text(max_size=3), max_size=3),
)
names = st.sampled_from(["journal", "messages", "_default"])
ids = st.integers(0, 8)
queries = st.one_of(
    st.integers(0, 4).map(lambda n: where("n") == n),
    st.integers(0, 4).map(lambda n: where("n") > n),
    st.just(where("tags").any(["a"])),
    st.just(where("missing").exists()),
    st.just(where("n").test(lambda n: n % 2 == 0)),
)
fields = st.one_of(
    documents,
    st.just({"n": 1}),
    st.sampled_from([increment("n"), set_field("tags", []), delete("tags")]),
)


def by_id(found):
    return sorted(((document.doc_id, document) for document in found), key=lambda pair: pair[0])


def spoil(found):
    """Change results in place, as careless callers do."""
    for document in found if isinstance(found, list) else [found]:
        if document is not None:
            document["n"] = "spoilt"
            if isinstance(document.get("tags"), list):
                document["tags"].append("spoilt")


class Equivalence(RuleBasedStateMachine):
    @initialize()
    def start(self):
        self.folder = tempfile.TemporaryDirectory()
        kdf = KdfParameters(t=1, m_kib=8)
        self.directory = Path(self.folder.name) / "store"
        self.store = SealedStore.create(self.directory, passphrase=PASSPHRASE, recovery=bytes(32), kdf=kdf)
        self.memory = MemoryStorage()
        self.model = TinyDB(storage=lambda: self.memory)

    def both(self, name, operation):
        """Run an operation on both; they return the same or raise the same."""
        outcomes = []
        for database in (self.model, self.store):
            try:
                found = operation(database.table(name))
                is_ids = isinstance(found, list) and all(isinstance(item, int) for item in found)
                outcomes.append(("returned", sorted(found) if is_ids else found))
            except (ValueError, KeyError) as error:
                outcomes.append(("raised", type(error)))
        assert outcomes[0] == outcomes[1]
        return outcomes[1][1]

    @rule(name=names, document=documents)
    def insert(self, name, document):
        given = []

        def operation(table):
            given.append(copy.deepcopy(document))
            return table.insert(given[-1])

        self.both(name, operation)
        spoil(given[1])

    @rule(name=names, document=documents, number=ids)
    def insert_with_id(self, name, document, number):
        self.both(name, lambda table: table.insert(Document(copy.deepcopy(document), number)))

    @rule(name=names, many=st.lists(documents, max_size=4))
    def insert_multiple(self, name, many):
        self.both(name, lambda table: table.insert_multiple(copy.deepcopy(many)))

    @rule(name=names, many=st.dictionaries(ids, documents, max_size=3))
    def insert_multiple_with_ids(self, name, many):
        self.both(
            name, lambda table: table.insert_multiple([Document(copy.deepcopy(doc), n) for n, doc in many.items()])
        )
        self.model.table(name)._next_id = None  # TinyDB forgets to, and would then overwrite a document
        self.store.table(name)._next_id = None

    @rule(name=names, document=documents, query=queries)
    def upsert(self, name, document, query):
        self.both(name, lambda table: table.upsert(copy.deepcopy(document), query))

    @rule(name=names, document=documents, number=ids)
    def upsert_with_id(self, name, document, number):
        self.both(name, lambda table: table.upsert(Document(copy.deepcopy(document), number)))

    @rule(name=names, change=fields, query=queries)
    def update_where(self, name, change, query):
        if not callable(change) or all("tags" in document for document in self.model.table(name)):
            self.both(name, lambda table: table.update(copy.deepcopy(change), query))

    @rule(name=names, document=documents, numbers=st.lists(ids, max_size=4))
    def update_ids(self, name, document, numbers):
        self.both(name, lambda table: table.update(copy.deepcopy(document), doc_ids=numbers))

    @rule(name=names, document=documents)
    def update_all(self, name, document):
        self.both(name, lambda table: table.update(copy.deepcopy(document)))

    @rule(name=names, document=documents, first=queries, second=queries)
    def update_multiple(self, name, document, first, second):
        self.both(name, lambda table: table.update_multiple([(copy.deepcopy(document), first), ({"n": 3}, second)]))

    @rule(name=names, query=queries)
    def remove_where(self, name, query):
        self.both(name, lambda table: table.remove(query))

    @rule(name=names, numbers=st.lists(ids, max_size=4, unique=True))
    def remove_ids(self, name, numbers):
        self.both(name, lambda table: table.remove(doc_ids=numbers))

    @rule(name=names)
    def truncate(self, name):
        self.both(name, lambda table: table.truncate())

    @rule(name=names)
    def drop_table(self, name):
        self.model.drop_table(name)
        self.store.drop_table(name)

    @rule()
    def drop_tables(self):
        self.model.drop_tables()
        self.store.drop_tables()

    @rule(name=names, query=queries, number=ids, numbers=st.lists(ids, max_size=4))
    def read(self, name, query, number, numbers):
        self.both(name, lambda table: table.count(query))
        self.both(name, lambda table: table.contains(query))
        self.both(name, lambda table: table.contains(doc_id=number))
        self.both(name, lambda table: by_id(table.search(query)))
        self.both(name, lambda table: by_id(table.get(doc_ids=numbers)))
        spoil(self.both(name, lambda table: table.get(doc_id=number)))
        ours = self.store.table(name)
        assert (ours.get(query) is None) == (self.model.table(name).get(query) is None)
        for found in (ours.search(query), ours.all(), ours.get(query), ours.get(doc_ids=numbers), list(ours)):
            spoil(found)

    @rule(name=names, many=st.lists(documents, min_size=1, max_size=3), fails=st.booleans())
    def batch(self, name, many, fails):
        if fails:
            with contextlib.suppress(ZeroDivisionError), self.store.batch():
                self.store.table(name).truncate()
                self.store.table("other").insert_multiple(many)
                raise ZeroDivisionError
            self.model.table(name)._next_id = self.store.table(name)._next_id = None
            return
        with self.store.batch():
            self.both(name, lambda table: [table.insert(copy.deepcopy(document)) for document in many])
            self.both("journal", lambda table: table.remove(doc_ids=[1]))

    @rule()
    def reopen(self):
        self.store.lock()
        self.store = SealedStore.unlock(self.directory, passphrase=PASSPHRASE)
        self.model = TinyDB(storage=lambda: self.memory)

    @rule()
    def unload(self):
        self.store.unload()

    @invariant()
    def same(self):
        if not hasattr(self, "store"):
            return
        assert self.store.tables() == self.model.tables()
        for name in self.model.tables():
            ours = [(document.doc_id, document) for document in self.store.table(name)]
            assert ours == by_id(self.model.table(name).all())
            assert len(self.store.table(name)) == len(ours)

    def teardown(self):
        if hasattr(self, "store"):
            self.store.lock()
            self.folder.cleanup()


Equivalence.TestCase.settings = settings(
    max_examples=30, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
TestEquivalence = Equivalence.TestCase
