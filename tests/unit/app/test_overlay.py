"""Changes laid over documents, before anything is committed."""

import copy

import pytest

from companion.app.overlay import Overlay
from companion.ports import Change, Drop, Edit, Put
from tests.fake_store import FakeStore


def put(key, mark):
    return Put(key[0], {"_id": key[1], "marks": [mark]})


def edit(key, mark, makes_new):
    def update(doc):
        if doc is None:
            return {"_id": key[1], "marks": [mark]} if makes_new else None
        return None if mark in doc["marks"] else {**doc, "marks": [*doc["marks"], mark]}

    return Edit(*key, update)


async def test_nothing_below_changes_before_the_commit():
    store = FakeStore([])
    await store.commit(Change(put=(put(("a", "1"), 1),)))
    before = copy.deepcopy(store.tables)
    overlay = Overlay(store)
    overlay.take(Change(put=(put(("b", "1"), 2),), edit=(edit(("a", "1"), 3, False),)))
    (await overlay.get("a", "1"))["marks"] = "mine"
    (await overlay.get("b", "1"))["marks"] = "mine"
    assert (await overlay.get("a", "1"))["marks"] == [1, 3]
    assert (await overlay.get("b", "1"))["marks"] == [2]
    assert store.tables == before


async def test_edit_of_what_is_below_sees_what_others_commit_meanwhile():
    store = FakeStore([])
    await store.commit(Change(put=(put(("a", "1"), 1),)))
    overlay = Overlay(store)
    overlay.take(Change(edit=(edit(("a", "1"), 2, False),)))
    overlay.take(Change(edit=(edit(("a", "1"), 3, False),)))
    await store.commit(Change(put=(put(("a", "1"), 7),)))
    await store.commit(overlay.change)
    assert (await store.get("a", "1"))["marks"] == [7, 2, 3]


@pytest.mark.parametrize("back", [Change(put=(put(("a", "1"), 1),)), Change(edit=(edit(("a", "1"), 1, True),))])
async def test_what_was_dropped_cannot_come_back_in_the_same_commit(back):
    overlay = Overlay(FakeStore([]))
    overlay.take(Change(drop=(Drop("a", "1"),)))
    assert not overlay.fits(back)
    assert overlay.fits(Change(put=(put(("a", "2"), 1),)))
