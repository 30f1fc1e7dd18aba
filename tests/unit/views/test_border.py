"""No value that reaches the border can keep a message from being encoded, and what can be shown is left as it is."""

import enum
import logging
import sys
import unicodedata

import flet as ft
import msgpack
import pytest
from flet.controls.base_control import BaseControl
from flet.messaging import protocol
from hypothesis import given, settings
from hypothesis import strategies as st

from views.border import NUMBER_MOST, guard_client, guarded_encoder, harmless

texts = st.text(st.characters(exclude_categories=[]) | st.sampled_from("\ud83d\ude00\x00\u202e\n"), max_size=30)
numbers = st.integers() | st.floats() | st.sampled_from([1 << 63, 1 << 64, -(1 << 64), 10**400])
values = st.recursive(
    texts | numbers | st.none() | st.booleans() | st.binary(max_size=5) | st.just(object()) | st.just({1, 2}),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4) | st.tuples(inner, inner),
    max_leaves=12,
)


class _Meant(enum.Enum):
    HALF = "\ud83d"


def sent(*controls_or_values):
    """Return what the client gets, decoded as it decodes it."""
    encode = guarded_encoder(protocol.configure_encode_object_for_msgpack(BaseControl))
    body = protocol.PatchControlBody(1, [[0, one] for one in controls_or_values])
    return msgpack.unpackb(msgpack.packb([protocol.MessageAction.PATCH_CONTROL, body], default=encode), raw=False)


@settings(max_examples=100, deadline=None)
@given(values)
def test_any_value_is_sent_or_replaced(value):
    sent(value, ft.Text(value="x", data=value, tooltip=value), ft.Column([ft.Text("a"), value]))


@settings(max_examples=80, deadline=None)
@given(texts)
def test_texts_keep_what_can_be_shown_in_its_place(text):
    shown = sent(ft.Text(text))[1]["patch"][0][1].get("value", "")
    shown.encode()
    assert not any(0xD800 <= ord(c) < 0xE000 or c in "\x00\u202e" for c in shown)
    if text.isprintable():
        assert shown == text


@pytest.mark.parametrize("text", ["👩🏽‍⚕️ Siân", "Привіт\nОлена\tМ", "שלום \u200fمرحبا", "नमस्ते", "e\u0301", "🏴󠁧󠁢󠁷󠁬󠁳󠁿"])
def test_letters_of_every_language_pass_as_they_are(text):
    assert sent(ft.Text(text))[1]["patch"][0][1]["value"] == text


def test_what_controls_or_turns_is_marked_in_its_place_and_what_parts_lines_stays():
    turners = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    marked = {*"\ufff9\ufffa\ufffb\ufffe\uffff", *map(chr, range(0xD800, 0xE000))}
    for letter in map(chr, range(0x10000)):
        if unicodedata.category(letter) == "Cc" or unicodedata.bidirectional(letter) in turners:
            marked.add(letter)
    marked -= set("\t\n\r\x85")
    assert all(harmless(f"a{letter}b") == "a\ufffdb" for letter in marked)
    assert harmless("a\tb\nc\rd\x85e\u2028f\u200dg") == "a\tb\nc\rd\x85e\u2028f\u200dg"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("\ud83d", "\ufffd"),
        (1 << 70, NUMBER_MOST),
        (float("nan"), None),
        (["\ud83d"], ["\ufffd"]),
        (("\ud83d",), ["\ufffd"]),
        ({"\ud83d": 1}, {"\ufffd": 1}),
        (True, True),
        (None, None),
    ],
    ids=ascii,
)
def test_every_field_of_a_control_is_looked_at(value, shown):
    assert guarded_encoder(lambda control: {"field": value})(object()) == {"field": shown}


def test_a_value_for_which_there_is_no_encoding_is_left_out_and_a_plain_one_is_not():
    unknown = object()
    encode = guarded_encoder(lambda value: value)
    assert encode(unknown) is None
    assert [encode(value) for value in (1, 0.5, "a", b"a")] == [1, 0.5, "a", b"a"]


def test_a_value_that_cannot_be_encoded_is_left_out_and_the_log_does_not_quote_it(caplog):
    def encode(value):
        raise ValueError(f"cannot encode {value}")

    assert guarded_encoder(encode)("Secret") is None
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "ValueError" in caplog.text
    assert "Secret" not in caplog.text


@pytest.mark.parametrize("most", [1, -1])
def test_a_number_is_as_large_as_a_browser_holds_exactly(most):
    largest = most * ((1 << 53) - 1)
    assert harmless([largest, largest + most, True, 1 << 52]) == [largest, largest, True, 1 << 52]


@pytest.mark.parametrize("nested", [lambda value: [value], lambda value: {"a": value}], ids=["lists", "objects"])
def test_a_value_is_shown_201_levels_deep_and_no_deeper(nested):
    deep = held = "x"
    for _ in range(201):
        deep, held = nested(deep), nested(held)
    assert harmless(deep) == held
    empty = None
    for _ in range(201):
        empty = nested(empty)
    assert harmless(nested(deep)) == empty


def test_numbers_and_depth_have_bounds():
    deep = [0]
    for _ in range(400):
        deep = [deep]
    big, _ = sent(1 << 70, deep)[1]["patch"]
    assert big[1] == NUMBER_MOST
    assert sent(float("nan"))[1]["patch"][0][1] is None
    assert sent(ft.Container(width=float("inf")))[1]["patch"][0][1]["width"] == float("inf")


def test_a_value_inside_an_enumeration_is_looked_at_too():
    assert sent(_Meant.HALF)[1]["patch"][0][1] == "\ufffd"


def test_the_log_says_that_and_not_what(caplog):
    caplog.set_level(logging.WARNING)
    sent(ft.Text("Secret \ud83d"), object())
    assert len(caplog.records) == 2
    assert "Secret" not in caplog.text


def test_the_guard_stands_in_every_way_to_the_client():
    import flet.messaging.flet_socket_server as desktop
    import flet_web.fastapi.flet_app as browser

    before = protocol.configure_encode_object_for_msgpack
    restore = guard_client()
    try:
        for module in (desktop, browser, protocol):
            configure = module.configure_encode_object_for_msgpack
            assert configure is not before
            assert msgpack.packb(ft.Text("\ud83d"), default=configure(BaseControl))
    finally:
        restore()
    assert desktop.configure_encode_object_for_msgpack is before is browser.configure_encode_object_for_msgpack
    assert "flet_web.fastapi.flet_app" in sys.modules
