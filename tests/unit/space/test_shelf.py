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
ID, OTHER = "aa" * 16, "bb" * 16


def placed(seq, who, content, is_steward=False):
    return Placed(seq=seq, at_ms=1_000 * seq, item=who.says(content), is_steward=is_steward)


def put(seq, who, id=ID, title="Purpose", text="We meet on Thursdays"):
    return placed(seq, who, note_content(id, title, text, "cc" * 16))


def titles(*items):
    return [note.title for note in notes(items)]


def test_a_note_stands_with_its_author_and_the_time_of_the_service():
    (note,) = notes([put(3, ANN)])
    assert (note.id, note.author, note.title, note.text) == (ID, ANN.key, "Purpose", "We meet on Thursdays")
    assert (note.created_ms, note.changed_ms, note.message) == (3_000, 3_000, "cc" * 16)


def test_its_author_writes_it_anew_and_it_stays_where_it_was():
    first, later = notes([put(1, ANN), put(2, BEN, OTHER), put(3, ANN, title="Read this first")])
    assert (first.title, first.created_ms, first.changed_ms) == ("Read this first", 1_000, 3_000)
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


def test_taking_down_is_of_one_author_alone():
    assert titles(put(1, ANN), put(2, BEN), placed(3, BEN, down_content(ID, BEN.key))) == ["Purpose"]


def test_only_so_many_notes_stand_and_those_that_do_may_change():
    many = [put(n, ANN, f"{n:032x}") for n in range(1, NOTES_LIMIT + 2)]
    assert len(notes(many)) == NOTES_LIMIT
    assert notes([*many, put(999, ANN, f"{1:032x}", title="New")])[0].title == "New"


@pytest.mark.parametrize(
    "bad",
    [
        {"id": "x"},
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
    odd = replace(good, item=ANN.says({**good.item.content, **bad, "id": bad.get("id", OTHER)}))
    with pytest.raises(MessageRejected):
        read_note(odd)
    strange = placed(3, ANN, {"kind": "down", "of": [], "author": 5})
    assert titles(good, odd, strange, placed(4, ANN, {}), put(5, BEN)) == ["Purpose", "Purpose"]


def test_the_longest_note_is_taken():
    assert read_note(put(1, ANN, title="x" * TITLE_LIMIT, text="x" * TEXT_LIMIT)).text
    assert read_note(placed(1, ANN, note_content(ID, "Title", ""))).message == ""
