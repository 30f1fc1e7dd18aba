"""The store beside SQLCipher and jrnl: the same journal, the same disk, the same run. Ends with one line of JSON.

Usage: python -m benchmarks.store [--quick] [--entries N] [--saves N] [--dir DIRECTORY]

Needs `sqlcipher3-binary` and `jrnl` beside the app's own packages. Every phase runs in a process of its own after a
rehearsal. Stores that are compared take turns, so that all meet the same noise. There are three rounds (one with
--quick), and the medians count. Keys are given raw, except in jrnl, whose own
derivation is part of each save. Times in ms unless a name says otherwise.
"""

import argparse
import contextlib
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
from typing import Any

from benchmarks.store_peers import FIRST_ENTRY_MS, PEERS, Peer, Sealed, entries
from companion.ports import Searchable

JRNL_SAVES = 7
OPENINGS = 3
SEARCHABLE = Searchable(kind="journal", fields=("title", "text"), time_field="created_ms")


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


def peer_of(label: str) -> Callable[[Path], Peer]:
    """Return the store that a label such as "sealed-1000" names."""
    return PEERS[label.partition("-")[0]]


def build(label: str, root: Path, count: int, saves: int) -> dict[str, float]:
    """Make the journal."""
    peer = peer_of(label)(root / label)
    peer.fill(entries(count))
    peer.close()
    return {}


def rehearse(label: str, directory: Path) -> None:
    """Do everything once in a small store, so that imports and first calls are not timed."""
    with tempfile.TemporaryDirectory(dir=directory) as rehearsal:
        peer = peer_of(label)(Path(rehearsal) / "store")
        made = entries(3, seed=8)
        peer.fill(made[:2])
        peer.save(made[2])
        peer.count()
        peer.close()
    gc.collect()


def opening(labels: str, root: Path, count: int, saves: int) -> dict[str, float]:
    """Open journals and load every entry, in turn."""
    times: dict[str, list[float]] = {}
    for label in labels.split(","):
        rehearse(label, root)
    for _ in range(OPENINGS):
        for label in labels.split(","):
            start = time.perf_counter()
            peer = peer_of(label)(root / label)
            times.setdefault(f"{label} unlock", []).append((time.perf_counter() - start) * 1e3)
            loaded = peer.count()
            times.setdefault(f"{label} open", []).append((time.perf_counter() - start) * 1e3)
            if loaded < count:
                raise RuntimeError(f"{label} has {loaded} of {count} entries")
            peer.close()
            del peer
            gc.collect()
    return {key: statistics.median(values) for key, values in times.items()}


def saving(labels: str, root: Path, count: int, saves: int) -> dict[str, float]:
    """Save entries one by one, in turn in each of the stores, so that all of them meet the same noise."""
    peers: dict[str, Peer] = {}
    for label in labels.split(","):
        rehearse(label, root)
        peers[label] = peer_of(label)(root / label)
        peers[label].count()
    gc.collect()
    gc.freeze()
    os.sync()
    times: dict[str, list[float]] = {label: [] for label in peers}
    written = dict.fromkeys(peers, 0)
    for number, entry in enumerate(entries(saves, seed=8)):
        for label, peer in sorted(peers.items(), reverse=number % 2 == 1):
            before = bytes_written()
            times[label] += laps(peer.save, [entry])
            written[label] += bytes_written() - before
    result = {}
    for label, peer in peers.items():
        peer.close()
        result[f"{label} save_p50"] = statistics.median(times[label])
        result[f"{label} save_p99"] = percentile(times[label], 0.99)
        result[f"{label} kb_per_save"] = written[label] / saves / 1e3
    return result


def reading(label: str, root: Path, count: int, saves: int) -> dict[str, float]:
    """Get single entries, show a month, and search while somebody types."""
    sealed = Sealed(root / label)
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
    search_times = laps(sealed.store.find_words, typed)
    sealed.close()
    return {
        "get_us": get * 1e3,
        "month_view": month_ms,
        "search_p50": statistics.median(search_times),
        "search_p99": percentile(search_times, 0.99),
        "index_build": index_ms,
    }


PHASES = {"build": build, "opening": opening, "saving": saving, "reading": reading}


def run(phase: str, labels: str, root: Path, count: int, saves: int) -> dict[str, float]:
    """Run a phase in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.store", "--phase", phase, labels, str(root)]
    command += ["--entries", str(count), "--saves", str(saves)]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if finished.returncode:
        raise SystemExit(f"{phase} of {labels} failed:\n{finished.stderr[-2000:]}")
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
    small, large = "sealed-1000", f"sealed-{10 * count}"
    sizes = {"sealed": count, "sqlcipher": count, "jrnl": count, small: 1_000, large: 10 * count}
    for label, size in sizes.items():
        run("build", label, root, size, saves)
    phases: list[tuple[str, str, int, int]] = [
        ("opening", "sealed,sqlcipher,jrnl", count, saves),
        ("opening", large, 10 * count, saves),
        ("saving", "jrnl", count, JRNL_SAVES),
        ("saving", "sealed,sqlcipher", count, saves),
        ("saving", f"{small},{large}", 1_000, saves),
    ]
    results: list[dict[str, float]] = []
    for _ in range(rounds):
        figures: dict[str, float] = {}
        for phase, labels, size, number in phases:
            figures |= run(phase, labels, root, size, number)
        results.append(figures)
    found = medians(results)
    for label, size in sizes.items():
        own = {key.partition(" ")[2]: value for key, value in found.items() if key.startswith(f"{label} ")}
        show(f"{label.partition('-')[0]}, {size} entries", own)
    read = run("reading", "sealed", root, count, saves)
    show("sealed, reading", read)
    return {
        "save_p50_vs_sqlcipher": found["sealed save_p50"] / found["sqlcipher save_p50"],
        "save_p99_vs_sqlcipher": found["sealed save_p99"] / found["sqlcipher save_p99"],
        "open_vs_sqlcipher": found["sealed open"] / found["sqlcipher open"],
        "save_vs_jrnl": found["sealed save_p50"] / found["jrnl save_p50"],
        "open_vs_jrnl": found["sealed open"] / found["jrnl open"],
        "kb_per_save_vs_sqlcipher": found["sealed kb_per_save"] / max(found["sqlcipher kb_per_save"], 1e-9),
        "save_200k_vs_1k": found[f"{large} save_p50"] / found[f"{small} save_p50"],
        "unlock_ms_200k": found[f"{large} unlock"],
        "search_p99_ms_20k": read["search_p99"],
        "get_us": read["get_us"],
        "month_view_ms_20k": read["month_view"],
    }


def main() -> None:
    """Run the comparison, or one phase of it for the process that asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one round instead of three")
    parser.add_argument("--entries", type=int, default=20_000)
    parser.add_argument("--saves", type=int, default=300)
    parser.add_argument("--dir", type=Path, help="where to put the stores; never in memory, or nothing is measured")
    parser.add_argument("--phase", nargs=3, metavar=("PHASE", "STORES", "DIRECTORY"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.phase:
        phase, labels, root = given.phase
        print(json.dumps(PHASES[phase](labels, Path(root), given.entries, given.saves)))
        return
    root = Path(tempfile.mkdtemp(prefix="store-bench-", dir=given.dir))
    try:
        ratios = compare(root, given.entries, given.saves, 1 if given.quick else 3)
    finally:
        shutil.rmtree(root)
    print(json.dumps({key: round(value, 4) for key, value in ratios.items()}))


if __name__ == "__main__":
    main()
