"""A disk that takes no more: the change is refused whole, and what was there stays readable and writable."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from companion.crypto.keyslots import KdfParameters
from companion.errors import StoreError
from services.store.store import SealedStore

PASSPHRASE = "correct horse battery"


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let no write of this process go beyond this offset of a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def directory(tmp_path):
    kdf = KdfParameters(t=1, m_kib=8)
    SealedStore.create(tmp_path / "store", passphrase=PASSPHRASE, recovery=bytes(32), kdf=kdf).lock()
    return tmp_path / "store"


def test_each_refused_write_changes_nothing(directory):
    store = SealedStore.unlock(directory, passphrase=PASSPHRASE)
    table = store.table("journal")
    table.insert_multiple([{"n": n, "text": "x" * 1000} for n in range(20)])
    refused = 0
    for pages in range(0, 40, 2):
        before, commit = store.storage.read(), store.commit
        store.idle()  # from here on the log begins at its first byte, without the room that a commit gives it
        with largest_file(pages * 500):
            try:
                with store.batch():
                    table.update({"text": "y" * 3000}, doc_ids=[1, 5, 9])
                    store.table("outbox").insert({"text": "z" * 9000})
            except StoreError:
                refused += 1
                assert store.storage.read() == before
                assert store.commit == commit
        assert table.insert({"n": pages}) > 20
        assert table.remove(doc_ids=[max(document.doc_id for document in table)])
        table.update({"text": "x" * 1000}, doc_ids=[1, 5, 9])
    assert refused > 5
    content = store.storage.read()
    store.lock()
    store = SealedStore.unlock(directory, passphrase=PASSPHRASE)
    assert store.storage.read() == content
    store.lock()


def test_a_blob_that_does_not_fit_is_refused_with_our_error(directory):
    store = SealedStore.unlock(directory, passphrase=PASSPHRASE)
    with largest_file(100_000), pytest.raises(StoreError):
        store.blobs.put(bytes(500_000))
    assert list((directory / "blobs").iterdir()) == []
    store.lock()


def test_a_recording_that_meets_a_full_disk_ends_there_and_keeps_its_whole_chunks(directory):
    store = SealedStore.unlock(directory, passphrase=PASSPHRASE)
    writer = store.blobs.writer(b"story")

    def record():
        for _ in range(100):
            writer.write(bytes(5_000))
            writer.sync()

    with largest_file(100_000), pytest.raises(StoreError):
        record()
    with pytest.raises(StoreError):
        writer.write(b"more")
    assert writer.close().size is None
    with store.blobs.reader(writer.ref) as blob:
        assert not blob.complete
        assert blob.read_at(0, 200_000) == bytes(6 * 16_384)
    store.lock()


def test_a_key_file_that_cannot_be_written_leaves_no_store(tmp_path):
    kdf = KdfParameters(t=1, m_kib=8)
    with largest_file(100), pytest.raises((StoreError, OSError)):
        SealedStore.create(tmp_path / "new", passphrase=PASSPHRASE, recovery=bytes(32), kdf=kdf)
    assert not SealedStore.exists(tmp_path / "new")
    SealedStore.create(tmp_path / "new", passphrase=PASSPHRASE, recovery=bytes(32), kdf=kdf).lock()
