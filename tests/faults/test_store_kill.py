"""kill -9 at random moments: what was acknowledged is there, and a batch is there whole or not at all.

20 kills, 60 where CI is set. The long run: `STORE_KILLS=2000 python -m pytest tests/faults/test_store_kill.py -s
--timeout=0`.
"""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

from companion.crypto.keyslots import KdfParameters
from services.store.store import SealedStore

CHILD = Path(__file__).with_name("store_child.py")
ROOT = Path(__file__).parents[2]
PASSPHRASE = "correct horse battery"
FAST = KdfParameters(t=1, m_kib=8)
KILLS = int(os.environ.get("STORE_KILLS", "60" if os.environ.get("CI") else "20"))
KILLS_PER_STORE = 50
"""A store grows with every kill; a fresh one now and then keeps the long run from measuring loading times."""


def run_and_kill(directory: Path, task: str, after_s: float) -> int:
    """Start a child, kill it that long after it is ready, and return the last number that it acknowledged, or 0."""
    child = subprocess.Popen(
        [sys.executable, str(CHILD), str(directory), task],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        assert child.stdout.readline() == "ready\n"
        time.sleep(after_s)  # the moment of the kill, not a wait for a condition
    finally:
        child.kill()
        lines = child.stdout.read().split()
        child.stdout.close()
        child.wait()
    return int(lines[-1]) if lines else 0


def new_store(directory: Path) -> Path:
    store = SealedStore.create(directory, passphrase=PASSPHRASE, recovery=bytes(32), kdf=FAST)
    store.table("counter").insert({"number": 0})
    store.lock()
    return directory


def test_kill_9_loses_nothing_acknowledged(tmp_path):
    chance, total = random.Random(5), 0
    for kill in range(KILLS):
        if kill % KILLS_PER_STORE == 0:
            directory, acknowledged = new_store(tmp_path / f"store-{kill}"), 0
        acknowledged = max(acknowledged, run_and_kill(directory, "save", chance.uniform(0, 0.08)))
        store = SealedStore.unlock(directory, passphrase=PASSPHRASE)
        numbers = [document["number"] for document in store.table("journal")]
        assert len(numbers) >= acknowledged
        assert numbers == list(range(1, len(numbers) + 1))
        assert [document["number"] for document in store.table("outbox")] == numbers
        assert store.table("counter").all() == [{"number": len(numbers)}]
        store.lock()
        if (kill + 1) % KILLS_PER_STORE == 0 or kill == KILLS - 1:
            total += acknowledged
    print(f"{KILLS} kills, {total} acknowledged documents, 0 lost")
    assert total > KILLS


def test_kill_9_while_making_a_store_leaves_none_or_a_whole_one(tmp_path):
    chance = random.Random(6)
    for number in range(max(8, KILLS // 10)):
        directory = tmp_path / str(number)
        acknowledged = run_and_kill(directory, "create", chance.uniform(0, 0.03))
        assert acknowledged <= SealedStore.exists(directory)
        if SealedStore.exists(directory):
            store = SealedStore.unlock(directory, passphrase=PASSPHRASE)
        else:
            store = SealedStore.create(directory, passphrase=PASSPHRASE, recovery=bytes(32), kdf=FAST)
        store.table("journal").insert({"n": 1})
        store.lock()
