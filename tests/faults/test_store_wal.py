"""The write-ahead log cut, stretched, zeroed or flipped: the store is an exact earlier state, or refuses to open.

Behind the frames that were written lies room, a hole that reads as zeros. The damage is done to what was written.
"""

import random
import shutil
from pathlib import Path

import pytest

from companion.crypto.keyslots import KdfParameters
from companion.errors import Tampered
from services.store.database import WAL_ROOM_BYTES
from services.store.store import SealedStore

PASSPHRASE = "correct horse battery"
CHECKPOINTED, COMMITS, PLACES = 5, 30, 300
HEADER_BYTES, FRAME_BYTES = 32, 24 + 4096
ROOM_BYTES = 20 * FRAME_BYTES  # of the room as much as the damaged copies keep


@pytest.fixture(scope="module")
def crashed(tmp_path_factory) -> Path:
    """A store as a crash leaves it: five commits in the file, thirty more in the log."""
    directory, image = tmp_path_factory.mktemp("live") / "store", tmp_path_factory.mktemp("crashed")
    kdf = KdfParameters(t=1, m_kib=8)
    store = SealedStore.create(directory, passphrase=PASSPHRASE, recovery=bytes(32), kdf=kdf)
    for number in range(CHECKPOINTED + COMMITS):
        if number == CHECKPOINTED:
            store.idle()
        with store.batch():
            store.table("journal").insert({"number": number, "text": "x" * (number * 101 % 2500)})
            store.table("counter").truncate()
            store.table("counter").insert({"number": number})
    shutil.copytree(directory, image, dirs_exist_ok=True)
    store.lock()
    return image


def outcome(image: Path, directory: Path, log: bytes) -> int | None:
    """Return how many commits the store shows with this log, or None if it refuses."""
    shutil.copytree(image, directory, dirs_exist_ok=True)
    (directory / "store.db-wal").write_bytes(log)
    try:
        store = SealedStore.unlock(directory, passphrase=PASSPHRASE)
    except Tampered:
        return None
    try:
        numbers = [document["number"] for document in store.table("journal")]
        assert numbers == list(range(len(numbers)))
        assert store.table("counter").all() == [{"number": len(numbers) - 1}]
        assert store.commit == len(numbers)
        return len(numbers)
    except Tampered:
        return None
    finally:
        store.lock()


def written(image: Path) -> bytes:
    """Return the log up to the end of its last frame."""
    log = (image / "store.db-wal").read_bytes()
    frames = -(-(len(log.rstrip(b"\0")) - HEADER_BYTES) // FRAME_BYTES)
    assert len(log) > HEADER_BYTES + frames * FRAME_BYTES + ROOM_BYTES
    return log[: HEADER_BYTES + frames * FRAME_BYTES]


def test_the_first_commit_gives_the_log_room_that_takes_no_space(tmp_path):
    kdf, log = KdfParameters(t=1, m_kib=8), tmp_path / "store.db-wal"
    store = SealedStore.create(tmp_path, passphrase=PASSPHRASE, recovery=bytes(32), kdf=kdf)
    for _ in range(2):
        store.table("journal").insert({"n": 1})
        assert log.stat().st_size == WAL_ROOM_BYTES
        assert log.stat().st_blocks * 512 < WAL_ROOM_BYTES / 10
        store.idle()
        assert log.stat().st_size == 0
    store.lock()


def test_an_untouched_log_gives_everything(crashed, tmp_path):
    log = (crashed / "store.db-wal").read_bytes()
    assert outcome(crashed, tmp_path, log) == CHECKPOINTED + COMMITS


def test_a_damaged_log_gives_an_exact_prefix_or_is_refused(crashed, tmp_path):
    log, room = written(crashed), bytes(ROOM_BYTES)
    chance = random.Random(7)
    seen = set()
    for number in range(PLACES):
        place = chance.randrange(len(log))
        length = chance.randrange(1, 5000)
        damaged = {
            0: log[:place],
            1: log[:place] + bytes(len(log) - place) + room,
            2: log[:place] + bytes(min(length, len(log) - place)) + log[place + length :] + room,
            3: log[:place] + bytes([log[place] ^ 1 << chance.randrange(8)]) + log[place + 1 :] + room,
            4: log[:place] + chance.randbytes(length) + log[place:] + room,
        }[number % 5]
        directory = tmp_path / str(number)
        commits = outcome(crashed, directory, damaged)
        assert commits is None or CHECKPOINTED <= commits <= CHECKPOINTED + COMMITS
        seen.add(commits)
        shutil.rmtree(directory)
    assert len(seen) > 10


def test_commits_that_a_cut_removed_are_not_a_fault_later(crashed, tmp_path):
    """After a torn log the store goes on from the state that it found."""
    log = written(crashed)
    commits = outcome(crashed, tmp_path, log[: len(log) // 2])
    store = SealedStore.unlock(tmp_path, passphrase=PASSPHRASE)
    store.table("journal").insert({"number": commits})
    store.lock()
    store = SealedStore.unlock(tmp_path, passphrase=PASSPHRASE)
    assert len(store.table("journal")) == commits + 1
    store.lock()
