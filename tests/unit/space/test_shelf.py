"""The shelf: who may put notes there, change them and take them down."""

from dataclasses import replace

import pytest

from companion.errors import MessageRejected
from companion.space.shelf import (
    NOTES_LIMIT,
    TEXT_LIMIT,
    TITLE_LIMIT,
    Placed,
    down_content,
    note_content,
    notes,
    read_note,
)
from tests.unit.space.people import Somebody

ANN, BEN, CAT = Somebody(), Somebody(), Somebody()
ID, OTHER, NEW = "aa" * 16, "bb" * 16, "dd" * 16


def placed(seq, who, content, is_steward=False):
    item = who.says(content, id=content.get("id"))
    return Placed(seq=seq, at_ms=1_000 * seq, item=item, is_steward=is_steward)


def put(seq, who, id=ID, title="Purpose", text="We meet on Thursdays", of=""):
    return placed(seq, who, note_content(id, title, text, message="cc" * 16, of=of))


def titles(*items):
    return [note.title for note in notes(items)]


def test_a_note_stands_with_its_author_and_the_time_of_the_service():
    (note,) = notes([put(3, ANN)])
    assert (note.id, note.author, note.title, note.text) == (ID, ANN.key, "Purpose", "We meet on Thursdays")
    assert (note.created_ms, note.changed_ms, note.message) == (3_000, 3_000, "cc" * 16)


def test_its_author_writes_it_anew_and_it_stays_where_it_was():
    first, later = notes([put(1, ANN), put(2, BEN, OTHER), put(3, ANN, NEW, "Read this first", of=ID)])
    assert (first.title, first.created_ms, first.changed_ms) == ("Read this first", 1_000, 3_000)
    assert (first.message, first.is_changed, later.is_changed) == ("cc" * 16, True, False)
    assert later.author == BEN.key


def test_nobody_writes_into_the_note_of_somebody_else():
    assert [(n.title, n.author) for n in notes([put(1, ANN), put(2, BEN, title="Mine")])] == [
        ("Purpose", ANN.key),
        ("Mine", BEN.key),
    ]


def test_its_author_and_those_who_look_after_the_group_take_it_down():
    down = down_content(ID, ANN.key)
    assert titles(put(1, ANN), placed(2, ANN, down)) == []
    assert titles(put(1, ANN), placed(2, BEN, down, is_steward=True)) == []
    assert titles(put(1, ANN), placed(2, BEN, down)) == ["Purpose"]


def test_what_was_taken_down_does_not_come_back():
    down = down_content(ID, ANN.key)
    assert titles(placed(1, ANN, down), put(2, ANN)) == []
    assert titles(put(1, ANN), placed(2, ANN, down), put(3, ANN)) == []
    assert titles(put(1, ANN), placed(2, ANN, down), put(3, ANN, NEW, of=ID)) == []


def test_what_somebody_seals_again_changes_nothing():
    """A reader cannot put the first words of a note back, nor have a note of somebody else twice."""
    first, change = put(1, ANN), put(2, ANN, NEW, "Read this first", of=ID)
    assert titles(first, change, replace(first, seq=3), replace(change, seq=4)) == ["Read this first"]
    assert titles(change, first, change) == ["Purpose"]  # it counted for nothing where it stood first


def test_a_change_is_of_a_note_that_stands_and_by_its_author():
    assert titles(put(1, ANN, NEW, of=ID)) == []
    assert titles(put(1, ANN), put(2, BEN, NEW, "Mine", of=ID)) == ["Purpose"]


def test_taking_down_is_of_one_author_alone():
    assert titles(put(1, ANN), put(2, BEN), placed(3, BEN, down_content(ID, BEN.key))) == ["Purpose"]


def test_only_so_many_notes_stand_and_those_that_do_may_change():
    many = [put(n, ANN, f"{n:032x}") for n in range(1, NOTES_LIMIT + 2)]
    assert len(notes(many)) == NOTES_LIMIT
    assert notes([*many, put(999, ANN, NEW, "New", of=f"{1:032x}")])[0].title == "New"


@pytest.mark.parametrize(
    "bad",
    [
        {"of": "x"},
        {"title": ""},
        {"title": "a\nb"},
        {"title": "x" * (TITLE_LIMIT + 1)},
        {"text": "x" * (TEXT_LIMIT + 1)},
        {"text": None},
        {"message": "x"},
    ],
)
def test_what_is_no_note_is_refused_and_keeps_no_other_away(bad):
    good = put(1, ANN)
    odd = replace(good, item=ANN.says({**good.item.content, **bad}))
    with pytest.raises(MessageRejected):
        read_note(odd)
    strange = placed(3, ANN, {"kind": "down", "of": [], "author": 5})
    assert titles(good, odd, strange, placed(4, ANN, {}), put(5, BEN)) == ["Purpose", "Purpose"]


def test_the_longest_note_is_taken():
    assert read_note(put(1, ANN, title="x" * TITLE_LIMIT, text="x" * TEXT_LIMIT)).text
    assert read_note(placed(1, ANN, note_content(ID, "Title", ""))).message == ""


def test_the_bounds_and_names_of_notes_are_those_of_the_protocol():
    assert (TITLE_LIMIT, TEXT_LIMIT, NOTES_LIMIT) == (80, 8_000, 200)
    assert (note_content(ID, "a", "b")["kind"], down_content(ID, ANN.key)["kind"]) == ("note", "down")


def test_a_change_keeps_what_a_note_was_pinned_from():
    change = placed(2, ANN, note_content(NEW, "Title", "Text", message=OTHER, of=ID))
    assert notes([put(1, ANN), change])[0].message == "cc" * 16


def test_only_what_takes_down_takes_down():
    assert titles(put(1, ANN), placed(2, ANN, down_content(ID, ANN.key) | {"kind": "praise"})) == ["Purpose"]
