from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from companion.crypto.keyslots import KdfParameters
from services.store.store import SealedStore

FAST = KdfParameters(t=1, m_kib=8)
PASSPHRASE = "correct horse battery"
RECOVERY = bytes(range(32))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def reopen(directory: Path) -> Iterator[Callable[[], SealedStore]]:
    """Lock the store that is open, and open it again."""
    opened: list[SealedStore] = []

    def open_again() -> SealedStore:
        for store in opened:
            store.lock()
        opened[:] = [SealedStore.unlock(directory, passphrase=PASSPHRASE)]
        return opened[0]

    opened.append(SealedStore.create(directory, passphrase=PASSPHRASE, recovery=RECOVERY, kdf=FAST))
    yield open_again
    for store in opened:
        store.lock()


@pytest.fixture
def store(reopen: Callable[[], SealedStore]) -> SealedStore:
    return reopen()
