"""The store beside SQLCipher and jrnl: the same journal, the same disk, the same run. Ends with one line of JSON.

Usage: python -m benchmarks.store [--quick] [--entries N] [--saves N] [--dir DIRECTORY]

Needs `sqlcipher3-binary` and `jrnl` beside the app's own packages. Every phase of every store runs in a process of its
own, after its imports and a rehearsal; the phases take turns for three rounds (one with --quick) and the medians count.
Keys are given raw, except in jrnl, whose own derivation is part of each save. Times in ms unless a name says otherwise.
"""

import argparse
import contextlib
import datetime
import gc
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

from companion.crypto.keyslots import KdfParameters
from services.store.search import Searchable
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
JRNL_SAVES_MAX = 7
PASSPHRASE = "correct horse battery"
SEARCHABLE = Searchable(kind="journal", fields=("title", "text"), time_field="created_ms")

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


def laps(action: Callable[[Any], object], items: Iterable[Any]) -> list[float]:
    """Return the ms of each call."""
    times = []
    for item in items:
        start = time.perf_counter()
        action(item)
        times.append((time.perf_counter() - start) * 1e3)
    return times


def percentile(times: list[float], share: float) -> float:
    """Return the time that this share of the calls does not exceed."""
    return sorted(times)[min(len(times) - 1, int(len(times) * share))]


def bytes_written() -> int:
    """Return what this process handed to write() so far; 0 where the system does not tell."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/io").read_text().splitlines():
            if line.startswith("wchar"):
                return int(line.split()[1])
    return 0


def build(name: str, directory: Path, count: int, saves: int) -> dict[str, float]:
    """Make the journal."""
    peer = PEERS[name](directory)
    peer.fill(entries(count))
    peer.close()
    return {}


def use(name: str, directory: Path, count: int, saves: int) -> dict[str, float]:
    """Open the journal, load every entry, and save some more one by one."""
    extra = entries(saves, seed=8)
    with tempfile.TemporaryDirectory(dir=directory.parent) as rehearsal:
        peer = PEERS[name](Path(rehearsal) / "store")
        peer.fill(extra[:2])
        peer.save(extra[2])
        peer.count()
        peer.close()
    gc.collect()
    start = time.perf_counter()
    peer = PEERS[name](directory)
    opened = time.perf_counter()
    loaded = peer.count()
    result = {"unlock": (opened - start) * 1e3, "open": (time.perf_counter() - start) * 1e3}
    if loaded < count:
        raise RuntimeError(f"{name} has {loaded} of {count} entries")
    gc.collect()
    gc.freeze()
    os.sync()
    written = bytes_written()
    times = laps(peer.save, extra[: JRNL_SAVES_MAX if name == "jrnl" else saves])
    result["kb_per_save"] = (bytes_written() - written) / len(times) / 1e3
    result |= {"save_p50": statistics.median(times), "save_p99": percentile(times, 0.99)}
    peer.close()
    return result


def read(name: str, directory: Path, count: int, saves: int) -> dict[str, float]:
    """Get single entries, show a month, and search while somebody types."""
    sealed = Sealed(directory)
    sealed.count()
    search = sealed.store.start_search((SEARCHABLE,))
    start = time.perf_counter()
    search.wait(120)
    index_ms = (time.perf_counter() - start) * 1e3
    gc.collect()
    gc.freeze()
    chance = random.Random(9)
    numbers = [chance.randrange(1, count) for _ in range(2_000)]
    get = statistics.median(laps(lambda number: sealed.table.get(doc_id=number), numbers))

    def month(first_ms: int) -> dict[int, int]:
        """Count the entries of each day of a month."""
        days: dict[int, int] = {}
        for _, entry in sealed.store.documents("journal"):
            created_ms = entry["created_ms"]
            if isinstance(created_ms, int) and first_ms <= created_ms < first_ms + 31 * 86_400_000:
                days[created_ms // 86_400_000] = days.get(created_ms // 86_400_000, 0) + 1
        return days

    month_ms = statistics.median(laps(month, [FIRST_ENTRY_MS + n * 86_400_000 for n in range(20)]))
    words = [entry["text"].split()[chance.randrange(50)] for entry in chance.sample(entries(1_000), 60)]
    typed = [word[:length] for word in words for length in range(1, len(word) + 1)]
    search_times = laps(sealed.store.search, typed)
    sealed.close()
    return {
        "get_us": get * 1e3,
        "month_view": month_ms,
        "search_p50": statistics.median(search_times),
        "search_p99": percentile(search_times, 0.99),
        "index_build": index_ms,
    }


PHASES = {"build": build, "use": use, "read": read}


def run(phase: str, name: str, directory: Path, count: int, saves: int) -> dict[str, float]:
    """Run a phase in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.store", "--phase", phase, name, str(directory)]
    command += ["--entries", str(count), "--saves", str(saves)]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if finished.returncode:
        raise SystemExit(f"{phase} of {name} failed:\n{finished.stderr[-2000:]}")
    result: dict[str, float] = json.loads(finished.stdout.splitlines()[-1])
    return result


def medians(results: list[dict[str, float]]) -> dict[str, float]:
    """Return the median of each figure over the rounds."""
    return {key: statistics.median(result[key] for result in results) for key in results[0]}


def show(title: str, figures: dict[str, float]) -> None:
    """Print one line for a person."""
    print(f"{title:24s}" + "  ".join(f"{key} {value:.3f}" for key, value in figures.items()), flush=True)


def compare(root: Path, count: int, saves: int, rounds: int) -> dict[str, float]:
    """Run everything and return the ratios of the last line."""
    for name in PEERS:
        run("build", name, root / name, count, saves)
    results: dict[str, list[dict[str, float]]] = {name: [] for name in PEERS}
    for _ in range(rounds):
        for name in PEERS:
            results[name].append(run("use", name, root / name, count, saves))
    ours, cipher, jrnl = (medians(results[name]) for name in ("sealed", "sqlcipher", "jrnl"))
    for name, figures in (("sealed", ours), ("sqlcipher", cipher), ("jrnl", jrnl)):
        show(f"{name}, {count} entries", figures)
    reading = run("read", "sealed", root / "sealed", count, saves)
    show("sealed, reading", reading)
    sizes = {}
    for size in (1_000, 10 * count):
        run("build", "sealed", root / str(size), size, saves)
    for size in (1_000, 10 * count):
        sizes[size] = medians([run("use", "sealed", root / str(size), size, saves) for _ in range(rounds)])
        show(f"sealed, {size} entries", sizes[size])
    return {
        "save_p50_vs_sqlcipher": ours["save_p50"] / cipher["save_p50"],
        "save_p99_vs_sqlcipher": ours["save_p99"] / cipher["save_p99"],
        "open_vs_sqlcipher": ours["open"] / cipher["open"],
        "save_vs_jrnl": ours["save_p50"] / jrnl["save_p50"],
        "open_vs_jrnl": ours["open"] / jrnl["open"],
        "kb_per_save_vs_sqlcipher": ours["kb_per_save"] / max(cipher["kb_per_save"], 1e-9),
        "save_200k_vs_1k": sizes[10 * count]["save_p50"] / sizes[1_000]["save_p50"],
        "unlock_ms_200k": sizes[10 * count]["unlock"],
        "search_p99_ms_20k": reading["search_p99"],
        "get_us": reading["get_us"],
        "month_view_ms_20k": reading["month_view"],
    }


def main() -> None:
    """Run the comparison, or one phase of it for the process that asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one round instead of three")
    parser.add_argument("--entries", type=int, default=20_000)
    parser.add_argument("--saves", type=int, default=300)
    parser.add_argument("--dir", type=Path, help="where to put the stores; never in memory, or nothing is measured")
    parser.add_argument("--phase", nargs=3, metavar=("PHASE", "STORE", "DIRECTORY"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.phase:
        phase, name, directory = given.phase
        print(json.dumps(PHASES[phase](name, Path(directory), given.entries, given.saves)))
        return
    root = Path(tempfile.mkdtemp(prefix="store-bench-", dir=given.dir))
    try:
        ratios = compare(root, given.entries, given.saves, 1 if given.quick else 3)
    finally:
        shutil.rmtree(root)
    print(json.dumps({key: round(value, 4) for key, value in ratios.items()}))


if __name__ == "__main__":
    main()
