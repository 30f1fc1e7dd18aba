"""Rescue copies beside the store: made, put in its place, and finished after a crash. Nothing is ever deleted."""

import shutil

import pytest

from companion.errors import StoreError
from services.store.rescuing import adopt, finish, rescue
from services.store.store import SealedStore

PASSPHRASE = "correct horse battery"


@pytest.fixture
def filled(store):
    store.table("journal").insert_multiple([{"_id": str(n)} for n in range(5)])
    store.table("msg:a").insert({"_id": "m"})
    store.table("msg:b").insert({"_id": "n"})
    return store


def test_parts_are_counted_by_kind_and_each_copy_has_a_folder_of_its_own(filled, directory):
    first = rescue(directory, filled.salvage)
    assert {part.part: (part.readable, part.promised) for part in first.parts} == {"journal": (5, 5), "msg": (2, 2)}
    second = rescue(directory, filled.salvage)
    assert (first.folder, second.folder) == (f"{directory}-saved-1", f"{directory}-saved-2")


def test_blobs_are_counted_and_what_is_not_as_it_was_written_is_not_called_readable(filled, directory):
    whole, cut = filled.blobs.put(b"sound" * 10_000), filled.blobs.put(b"sound" * 10_000)
    filled.table("journal").insert({"_id": "s", "sounds": [whole.to_doc(), cut.to_doc()]})
    file = directory / "blobs" / cut.id
    file.write_bytes(file.read_bytes()[:-1])
    copy = rescue(directory, filled.salvage)
    assert {part.part: (part.readable, part.promised) for part in copy.parts}["blobs"] == (1, 2)


def test_an_open_store_is_salvaged_as_it_is_and_goes_on(filled, directory):
    copy = rescue(directory, filled.salvage)
    filled.table("journal").insert({"_id": "later"})
    saved = SealedStore.unlock(directory.with_name(directory.name + "-saved-1"), passphrase=PASSPHRASE)
    assert (len(saved.table("journal")), len(filled.table("journal"))) == (5, 6)
    assert copy.folder == str(saved.directory)
    saved.lock()


def test_a_copy_takes_the_place_and_the_damaged_store_stays(filled, directory):
    copy = directory.with_name(directory.name + "-saved-1")
    rescue(directory, filled.salvage)
    filled.table("journal").truncate()
    filled.lock()
    adopt(directory, copy)
    store = SealedStore.unlock(directory, passphrase=PASSPHRASE)
    assert len(store.table("journal")) == 5
    store.lock()
    damaged = SealedStore.unlock(directory.with_name(directory.name + "-damaged-1"), passphrase=PASSPHRASE)
    assert len(damaged.table("journal")) == 0
    damaged.lock()


def test_only_a_copy_of_this_store_is_adopted(filled, directory, tmp_path):
    filled.lock()
    for other in (tmp_path / "elsewhere" / "store-saved-1", tmp_path / "other", directory):
        with pytest.raises(StoreError):
            adopt(directory, other)
    with pytest.raises(StoreError):
        adopt(directory, directory.with_name(directory.name + "-saved-7"))
    assert SealedStore.exists(directory)


@pytest.mark.parametrize("was_moved_away", [False, True])
def test_a_crash_between_the_names_loses_neither(filled, directory, was_moved_away):
    rescue(directory, filled.salvage)
    filled.lock()
    copy, following = (directory.with_name(f"{directory.name}-{word}") for word in ("saved-1", "next"))
    copy.rename(following)
    if was_moved_away:
        directory.rename(directory.with_name(directory.name + "-damaged-1"))
    finish(directory)
    assert SealedStore.exists(directory)
    store = SealedStore.unlock(directory, passphrase=PASSPHRASE)
    assert len(store.table("journal")) == 5
    rescue(directory, store.salvage)
    store.lock()
    adopt(directory, copy)
    assert SealedStore.exists(directory)
    assert not following.exists()


def test_a_damaged_blob_folder_does_not_stop_the_copy(filled, directory):
    shutil.rmtree(directory / "blobs")
    copy = rescue(directory, filled.salvage)
    saved = SealedStore.unlock(directory.with_name(directory.name + "-saved-1"), passphrase=PASSPHRASE)
    assert saved.blobs.usage() == (0, 0)
    assert copy.parts
    saved.lock()


def test_counts_and_sizes_come_without_loading(filled):
    filled.blobs.put(b"sound" * 100, b"story")
    filled.unload()
    assert filled.counts() == {"journal": 5, "msg:a": 1, "msg:b": 1}
    count, size = filled.blobs.usage()
    assert count == 1
    assert size > 500
    assert not filled.storage._stored._loaded


def test_a_key_proves_itself_without_opening_anything_again(filled):
    assert filled.opens_with(passphrase=PASSPHRASE)
    assert filled.opens_with(recovery=bytes(range(32)))
    assert not filled.opens_with(passphrase="another one")
    assert not filled.opens_with(recovery=bytes(32))
    assert not filled.opens_with()
