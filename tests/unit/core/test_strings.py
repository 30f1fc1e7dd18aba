"""Every string from outside has a type, a bound and whole characters; a line has nothing hidden in it."""

import json
import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion import inviting, strings
from companion.errors import InviteGarbled, MessageRejected
from companion.groups import NAME_LIMIT
from companion.people import create_me, sign_card
from companion.strings import clean_line, clean_text, kept, mended, read_line, read_text
from tests.unit.core.test_groups import Cast

any_text = st.text(
    st.characters(exclude_categories=[]) | st.sampled_from("\ud83d\ude00\x00\u202e\u2066\n\u2028 \u200b")
)
NO_LINES = (
    *("", " ", "\u200b", "\u3164", "\u2800", "\u0301", "\t", "\ud83d", "Leads \ud83d", "\ude00\ud83d", "a\nb", "a\rb"),
    *("a\u2028b", "a\u0085b", "a\x00b", "a\x1bb", "a\u202eb", "a\u202db", "a\u2066b", "a\u2069", "\ufff9a", "x" * 61),
    *(None, 3, ["x"], b"x", {"x": 1}),
)
LINES = (
    "Leads",
    "Siân Ŵyn",
    "ด.ช. สมชาย",
    "שָׁלוֹם",
    "علی\u200cرضا",
    "👩🏽‍⚕️",
    "🏴󠁧󠁢󠁷󠁬󠁳󠁿",
    "O’Brien",
    "שלום\u200e!",
    "नर्स",
    "吉田",
    "x" * 60,
)


@pytest.mark.parametrize("value", NO_LINES, ids=ascii)
def test_what_is_no_line_is_rejected(value):
    with pytest.raises(MessageRejected):
        read_line(value, NAME_LIMIT)


def test_no_line_has_a_control_character_a_break_or_what_turns_its_direction():
    turners = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    hidden = [*"\u206a\u206b\u206c\u206d\u206e\u206f\ufff9\ufffa\ufffb\ufffe\uffff"]
    for letter in map(chr, range(sys.maxunicode + 1)):
        if unicodedata.category(letter) in ("Cc", "Zl", "Zp") or unicodedata.bidirectional(letter) in turners:
            hidden.append(letter)
    for letter in hidden:
        with pytest.raises(MessageRejected):
            read_line(f"a{letter}b", NAME_LIMIT)
        assert clean_line(f"a{letter}b") in ("ab", "a b")


@pytest.mark.parametrize("value", LINES, ids=ascii)
def test_lines_in_every_script_are_taken_as_they_are(value):
    assert read_line(value, NAME_LIMIT) == value == clean_line(value)


@pytest.mark.parametrize(
    "value", ["a\nb\r\nc\u2028d", "before\x00after", "safe\u202egnp.exe", "a" + "\u0301" * 99, "😀" * 99]
)
def test_a_text_stays_as_it_was_said(value):
    assert read_text(value, 300) == value == clean_text(value)


@settings(deadline=None)
@given(any_text)
def test_whatever_is_typed_becomes_a_line_or_nothing(typed):
    line = clean_line(typed, 40)
    assert clean_line(line, 40) == line
    if line:
        assert read_line(line, 40) == line


@settings(deadline=None)
@given(any_text)
def test_whatever_is_typed_becomes_a_text_of_whole_characters_and_no_word_is_lost(typed):
    text = clean_text(typed)
    text.encode()
    assert read_text(text, len(typed), may_be_empty=True) == text
    assert [c for c in text if c != "\ufffd"] == [
        c for c in _joined(typed) if not "\ud800" <= c <= "\udfff" and c != "\ufffd"
    ]


def _joined(text):
    return json.loads(json.dumps(text))


def test_two_halves_that_belong_together_are_joined_and_others_are_marked():
    assert clean_text("a\ud83d\ude00b\ud83dc") == "a😀b\ufffdc"


def test_what_the_store_holds_is_mended_in_depth_and_only_if_needed():
    whole = {"a": ["x", {"b": "é"}], "n": 1}
    assert mended(whole) is whole
    assert mended({"a\ud83d": ["x", {"b": "\ud83d"}]}) == {"a\ufffd": ["x", {"b": "\ufffd"}]}
    assert kept("Leads \ud83d") == "Leads \ufffd"
    assert mended({"\ud83d": 1}) == {"\ufffd": 1}
    assert kept("abcd", 3) == "abc"
    with pytest.raises(ValueError, match="not a string"):
        kept(3)


@pytest.mark.parametrize("nested", [lambda value: [value], lambda value: {"a": value}], ids=["lists", "objects"])
@pytest.mark.parametrize("leaf", [None, 1, 0.5, True, "x", "\ud83d"], ids=ascii)
def test_a_document_is_nested_65_times_and_no_more(nested, leaf):
    deep, sound = leaf, "\ufffd" if leaf == "\ud83d" else leaf
    for _ in range(65):
        deep, sound = nested(deep), nested(sound)
    assert mended(deep) == sound
    assert leaf == "\ud83d" or mended(deep) is deep
    with pytest.raises(ValueError, match="nested"):
        mended(nested(deep))


def test_the_numbers_of_a_document_have_63_bits():
    for number in (-(1 << 63), (1 << 63) - 1, -(2.0**63), 2.0**62):
        assert mended([number]) == [number]
    for number in (-(1 << 63) - 1, 1 << 63, -(2.0**63) * 1.1, 2.0**63, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="number"):
            mended([number])


def test_the_limit_counts_after_cleaning():
    assert clean_line("  a \n b  ", 3) == "a b"
    assert clean_line("\u202e\x00") == ""


@pytest.mark.parametrize("name", ["Leads \ud83d", "Le\nads", "\u202esdaeL", "\u200b"], ids=ascii)
def test_an_invite_to_a_group_with_such_a_name_is_garbled(name):
    """Half a character in an invite froze the window, the button that locks included."""
    cast = Cast()
    content = {"group": cast.group.id, "name": name, "look": "pine", "people": 1, "inviter": cast.alice.member.to_doc()}
    content |= {"device": cast.alice.device, "administrators": [], "expires_ms": 1 << 50}
    body = inviting.aead_seal(cast.invite.code.key, json.dumps(content).encode(), inviting._label(cast.invite.code))
    with pytest.raises(InviteGarbled):
        inviting.open_invitation(cast.invite.code, body, 0, 0)


@pytest.mark.parametrize("name", ["Ann\u202eeeL", "Ann\nLee", "Ann\x00Lee", "\u3164"], ids=ascii)
def test_a_person_who_signed_such_a_name_is_rejected(name):
    me = create_me("Ann Lee", "gp")
    with pytest.raises(MessageRejected):
        sign_card(me.identity_private, name, "gp", me.member.devices).check()


def test_a_device_with_such_a_name_is_rejected():
    me = create_me("Ann Lee", "gp", device_name="Pho\u202ene")
    with pytest.raises(MessageRejected):
        me.member.check()


def test_one_place_says_what_is_hidden():
    assert strings.is_seen("a\u200b")
    assert not strings.is_seen("\u200b\u2060\ufeff\u00ad")
    for letter in "\x07\ud800 \u2028\u2029\u0301\u20dd\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0":
        assert not strings.is_seen(letter), ascii(letter)
