"""What looks alike is one, whatever its bytes; what does not is not."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.chat.polls import read_poll
from companion.chat.standing import with_topic
from companion.errors import MessageRejected
from companion.journal import Entry, tag_of, with_tag
from companion.journal_index import JournalIndex
from companion.likeness import are_alike, each_once, is_among, seen_as, without_accents

LETTERS = "aAbEiIlLmnorvw01|'’-‐–\u200b\u00ad\ufe0féÉе\u0301аОоНнВвΝνΗηΙιИиЇїßςσΣłŁøæŒıİđ𝐀ａﬁ𠮷吉 .가나"
ALIKE = (
    ("Équipe", unicodedata.normalize("NFD", "Équipe")),
    ("don't", "don’t"),
    ("don't", "don´t"),
    ('6"', "6″"),
    ("Straße", "STRASSE"),
    ("ΟΔΟΣ", "οδος"),
    ("ＧＰ", "GP"),
    ("well-being", "well‑being"),
    ("well–being", "well-being"),
    ("rota", "rоtа"),
    ("Nick", "Νick"),
    ("ro\u200bta", "rota"),
    ("ro\u00adta", "rota"),
    ("A\u0397\u200b\u0301", "A\u0397\u0301"),
    ("𝐫𝐨𝐭𝐚", "rota"),
    ("Олена", "ОЛЕНА"),
    ("Ærø", "ærø"),
    ("吉田", "𠮷田"),
)
UNLIKE = (
    ("rota", "rotas"),
    ("café", "cafe"),
    ("1", "i"),
    ("10", "lo"),
    ("Олена", "Олег"),
    ("نور", "نار"),
    ("", "a"),
    ("की", "का"),
)
NAMES = (
    ("Hazel Ford", "HazeI Ford"),
    ("Hazel Ford", "Hazel  Ford"),
    ("Hazel Ford", "Házel Ford"),
    ("Hazel Ford", "Hazel. Ford"),
    ("Bob Moss", "ВОВ MOSS"),
    ("Marne Lee", "Mame Lee"),
    ("Jo 0li", "Jo Oli"),
    ("Łukasz", "Lukasz"),
    ("Hazel Ford", "Haze| Ford"),
)


@pytest.mark.parametrize(("one", "other"), ALIKE, ids=ascii)
def test_what_looks_alike_is_one(one, other):
    assert seen_as(one) == seen_as(other)
    assert are_alike(one, other)
    assert is_among(other, ["x", one])


@pytest.mark.parametrize(("one", "other"), UNLIKE, ids=ascii)
def test_what_looks_otherwise_is_two(one, other):
    assert seen_as(one) != seen_as(other)


@pytest.mark.parametrize(("one", "other"), NAMES, ids=ascii)
def test_names_are_compared_more_strictly(one, other):
    assert are_alike(one, other)
    assert not are_alike(one, other + "ey")


def test_a_latin_letter_stays_itself_beside_a_capital_of_another_script():
    assert seen_as("AƄН") == seen_as("AƄ") + "h" == "aƅh"


def test_names_of_signs_alone_are_compared_by_their_signs():
    assert not are_alike("★", "♥")
    assert are_alike("★", "★\u200b")


def test_accents_go_and_their_letters_stay():
    assert without_accents("Siân Ŵyn, Zoë") == "Sian Wyn, Zoe"


@settings(deadline=None)
@given(st.text(LETTERS, max_size=12))
def test_comparing_is_the_same_for_every_form_of_a_text(text):
    seen = seen_as(text)
    assert seen_as(seen) == seen
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert seen_as(unicodedata.normalize(form, text)) == seen
    assert seen_as("\u200b".join(text)) == seen or not text


@settings(deadline=None)
@given(st.text(LETTERS, max_size=8), st.text(LETTERS, max_size=8))
def test_what_is_one_as_words_is_one_as_names_and_both_ways(one, other):
    assert are_alike(one, other) == are_alike(other, one)
    assert are_alike(one, other) or seen_as(one) != seen_as(other)


@pytest.mark.parametrize(("one", "other"), ALIKE, ids=ascii)
def test_tags_topics_and_options_that_look_alike_are_one(one, other):
    assert with_tag(with_tag((), one), other) == (tag_of(one),)
    assert with_topic((one, "Night"), other) == (other, "Night")
    with pytest.raises(MessageRejected):
        read_poll({"poll": {"options": [one, other], "is_secret": False, "closes_ms": 0}})


def test_pages_are_found_under_every_spelling_of_their_tag_and_the_commonest_is_shown():
    tags = (("équipe",), (unicodedata.normalize("NFD", "équipe"), "rota"), ("équipe",), ("rota",))
    entries = [
        Entry(id=str(n), day="2026-03-01", text="x", created_ms=n, changed_ms=n, tags=t) for n, t in enumerate(tags)
    ]
    index = JournalIndex.of_docs(entry.to_doc() for entry in entries)
    assert index.tags() == ("équipe", "rota")
    assert [head.id for head in index.tagged(unicodedata.normalize("NFD", "équipe"), 9)] == ["2", "1", "0"]


def test_the_first_spelling_stays():
    assert each_once(["Don’t", "don't", "rota"]) == ("Don’t", "rota")
