"""The stores that `benchmarks.store` compares, each behind the same four calls, and the journal they all keep."""

import datetime
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from companion.crypto.keyslots import KdfParameters
from services.store.store import SealedStore

ENTRY_BYTES = 1_000
FIRST_ENTRY_MS = 1_600_000_000_000
ENTRY_GAP_MS = 4 * 3_600_000
SYLLABLES = [
    "ri",
    "sto",
    "la",
    "win",
    "mor",
    "gri",
    "tra",
    "let",
    "bro",
    "kit",
    "ra",
    "qui",
    "ar",
    "sle",
    "cof",
    "doc",
    "gar",
    "sun",
    "mo",
    "fea",
    "ver",
    "ne",
    "mp",
    "ter",
    "ning",
    "ef",
    "in",
    "tter",
]
PASSPHRASE = "correct horse battery"

Entry = dict[str, Any]


def entries(count: int, seed: int = 7) -> list[Entry]:
    """Return made-up entries of about 1 KB, the same ones each time."""
    chance = random.Random(seed)
    words = ["".join(chance.choices(SYLLABLES, k=chance.randint(1, 4))) for _ in range(4_000)]
    made = []
    for number in range(count):
        text = " ".join(chance.choices(words, k=110))[: ENTRY_BYTES - 150]
        created_ms = FIRST_ENTRY_MS + number * ENTRY_GAP_MS
        title = f"{words[number % len(words)]} {number}"
        made.append(
            {
                "_id": f"{number:032x}",
                "_v": 1,
                "created_ms": created_ms,
                "mood": number % 7,
                "title": title,
                "text": text,
            }
        )
    return made


class Peer(Protocol):
    """One store under test."""

    def fill(self, made: list[Entry]) -> None: ...
    def count(self) -> int: ...
    def save(self, entry: Entry) -> None: ...
    def close(self) -> None: ...


class Sealed:
    """This app's store. The key derivation is set to almost nothing, because every peer gets its key raw."""

    def __init__(self, directory: Path) -> None:
        if SealedStore.exists(directory):
            self.store = SealedStore.unlock(directory, passphrase=PASSPHRASE)
        else:
            kdf = KdfParameters(t=1, m_kib=8)
            self.store = SealedStore.create(directory, passphrase=PASSPHRASE, recovery=bytes(32), kdf=kdf)
        self.table = self.store.table("journal")

    def fill(self, made: list[Entry]) -> None:
        self.table.insert_multiple(made)

    def count(self) -> int:
        return len(self.table)

    def save(self, entry: Entry) -> None:
        self.table.insert(entry)

    def close(self) -> None:
        self.store.lock()


class SqlCipher:
    """SQLCipher with JSON documents, durable as ours: WAL, synchronous=FULL."""

    def __init__(self, directory: Path) -> None:
        import sqlcipher3

        directory.mkdir(exist_ok=True)
        self.connection = sqlcipher3.connect(str(directory / "journal.db"), isolation_level=None)
        self.connection.execute(f"PRAGMA key = \"x'{bytes(range(32)).hex()}'\"")
        for pragma in ("journal_mode = WAL", "synchronous = FULL"):
            self.connection.execute(f"PRAGMA {pragma}").fetchall()
        self.connection.execute("CREATE TABLE IF NOT EXISTS entry(id INTEGER PRIMARY KEY, document TEXT)")
        self.entries: dict[int, Entry] = {}

    def fill(self, made: list[Entry]) -> None:
        self.connection.execute("BEGIN")
        rows = ((json.dumps(entry),) for entry in made)
        self.connection.executemany("INSERT INTO entry(document) VALUES(?)", rows)
        self.connection.execute("COMMIT")

    def count(self) -> int:
        """Load every entry, as the others do."""
        rows = self.connection.execute("SELECT id, document FROM entry")
        self.entries = {number: json.loads(document) for number, document in rows}
        return len(self.entries)

    def save(self, entry: Entry) -> None:
        self.connection.execute("INSERT INTO entry(document) VALUES(?)", (json.dumps(entry),))

    def close(self) -> None:
        self.connection.close()


class Jrnl:
    """jrnl's own journal and encryption classes, without its start-up and prompts."""

    def __init__(self, directory: Path) -> None:
        from jrnl.encryption.Jrnlv3Encryption import Jrnlv3Encryption
        from jrnl.journals.Journal import Journal

        directory.mkdir(exist_ok=True)
        path = directory / "jrnl.txt"
        words = {"timeformat": "%Y-%m-%d %H:%M", "tagsymbols": "#@", "indent_character": "|", "version": "4.6"}
        colours = {"body": "none", "date": "none", "tags": "none", "title": "none"}
        layout = {"default_hour": 9, "default_minute": 0, "linewrap": 79, "highlight": False, "colors": colours}
        self.journal = Journal("default", journal=str(path), encrypt=True, **words, **layout)
        encryption = Jrnlv3Encryption("default", self.journal.config)
        encryption.password = PASSPHRASE
        self.journal.encryption_method = encryption
        if path.exists():
            self.journal.open()

    def fill(self, made: list[Entry]) -> None:
        from jrnl.journals.Entry import Entry as JrnlEntry

        self.journal.entries = [JrnlEntry(self.journal, date=_date(e), text=_text(e)) for e in made]
        self.journal.write()

    def count(self) -> int:
        return len(self.journal.entries)

    def save(self, entry: Entry) -> None:
        self.journal.new_entry(_text(entry), date=_date(entry))
        self.journal.write()

    def close(self) -> None:
        """jrnl keeps nothing open."""


def _date(entry: Entry) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(entry["created_ms"] / 1000)  # noqa: DTZ006 - jrnl's dates are local


def _text(entry: Entry) -> str:
    return f"{entry['title']}.\n{entry['text']}"


PEERS: dict[str, Callable[[Path], Peer]] = {"sealed": Sealed, "sqlcipher": SqlCipher, "jrnl": Jrnl}
