"""Stores that released versions wrote open for ever. The files in tests/data are never made again."""

import shutil
from pathlib import Path

import pytest

from companion.ports import Anchor
from services.store.blobs import BlobRef
from services.store.keyfile import read_key_file
from services.store.store import SealedStore

DATA = Path(__file__).parents[2] / "data"


@pytest.fixture
def directory(tmp_path) -> Path:
    """A copy of the store that version 0.1.0 wrote, format v1."""
    return Path(shutil.copytree(DATA / "store_v1", tmp_path / "store"))


@pytest.mark.parametrize(
    "key",
    [{"passphrase": "golden passphrase é"}, {"recovery": bytes(range(32))}, {"keystore": bytes(range(100, 132))}],
    ids=["passphrase", "recovery", "keystore"],
)
def test_format_1_opens_with_every_key(directory, key):
    anchor = Anchor(store_id=read_key_file(directory).store_id.hex(), commit=7)
    store = SealedStore.unlock(directory, **key, anchor=anchor)
    assert store.tables() == {"journal", "msg:abc:2026Q4", "stories", "empty"}
    expected = [
        {
            "_id": f"{n:032x}",
            "_v": 1,
            "text": f"Entry {n} – naïve 東京 👩🏽‍⚕️",
            "created_ms": 1_760_000_000_000 + n,
            "tags": ["a", {"deep": [None, True, 1.5, 2**60]}],
        }
        for n in (0, 1, 2, 4)
    ]
    expected[1]["mood"] = 3
    assert store.table("journal").all() == expected
    assert [document.doc_id for document in store.table("journal")] == [1, 2, 3, 5]
    assert store.table("msg:abc:2026Q4").all() == [{"_id": "m", "text": "x" * 5000}]
    assert store.verify().is_sound
    assert not store.is_rolled_back
    store.lock()


def test_blobs_of_format_1_open(directory):
    store = SealedStore.unlock(directory, passphrase="golden passphrase é")
    whole, cut = (BlobRef.from_doc(document["sound"]) for document in store.table("stories").all())
    with store.blobs.reader(whole) as blob:
        assert (blob.complete, blob.read_at(0, 100_000)) == (True, b"sound" * 8000)
    with store.blobs.reader(cut) as blob:
        assert (blob.complete, blob.read_at(0, 100_000)) == (False, (b"cut" * 10_000)[:16_384])
    store.lock()


def test_format_1_can_still_be_written(directory):
    store = SealedStore.unlock(directory, passphrase="golden passphrase é")
    assert store.table("journal").insert({"_id": "new"}) == 6
    store.lock()
    store = SealedStore.unlock(directory, recovery=bytes(range(32)))
    assert len(store.table("journal")) == 5
    store.lock()
