"""Words that come into a field from elsewhere, and keys that were pressed before the client showed them."""

import time
from unittest.mock import patch

from views.mirror.typed import LATE_S, Typed, merged


def test_a_key_after_what_was_put_in_is_typed_into_that() -> None:
    words = Typed("before")
    words.put("after")
    words.heard("after!")
    assert (words.text, words.turn) == ("after!", 1)


def test_late_keys_go_into_what_was_put_in_one_after_the_other() -> None:
    words = Typed("hello")
    words.put("")
    words.heard("hellox")
    words.heard("helloxy")
    assert (words.text, words.turn) == ("xy", 3)


def test_a_key_on_a_state_between_goes_behind_the_late_one() -> None:
    words = Typed("hello")
    words.put("Oh. ")
    words.heard("hellox")
    words.heard("Oh. y")
    assert words.text == "Oh. xy"


def test_many_words_at_once_are_no_late_key() -> None:
    words = Typed("")
    words.put("Taken back")
    words.heard("Something else")
    assert words.text == "Something else"


def test_after_a_while_no_key_is_late() -> None:
    words = Typed("hello")
    words.put("")
    later = time.monotonic() + LATE_S + 1
    with patch("views.mirror.typed.time.monotonic", lambda: later):
        words.heard("hellox")
    assert words.text == "hellox"


def test_erasing_late_and_writing_meanwhile_both_hold() -> None:
    assert merged("one two three", "one two three four", "one three") == "one three four"


def test_a_rendering_gives_new_words_once_and_then_what_stands_in_the_field() -> None:
    words = Typed("a")
    words.put("b")
    assert [words.value(), words.value()] == ["b", "b"]
    assert words.turn == 1
