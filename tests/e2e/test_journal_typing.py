"""Typing in a long page, end to end: every key is on the disk within two seconds, and nothing pasted is cut."""

import re
from pathlib import Path

import pytest

from tests.e2e.driver import DESKTOP, PHONE, Person
from tests.e2e.journey import go, unlock
from tests.long_pages import long_text, make_page, stored_texts
from tests.many_entries import PASSPHRASE
from views.journal.parts import cut

KEYS = " thirty-three keys, one by one..."
FIRST = re.compile("^My page(, Part 1 of 10)?$")
PROMISE_MS = 2_000
QUICK_MS = 60
LONG = 200_000
CURSOR_BEFORE = """
words => { const field = document.activeElement;
  return field.tagName === 'TEXTAREA' && field.value.slice(field.selectionStart) === words; }
"""


def begin(person: Person) -> None:
    unlock(person, PASSPHRASE)
    person.see("Weekly check-in", 60_000)
    go(person, "Journal")
    person.stand_still()


def write_in(person: Person, name: str | re.Pattern[str], *keys: str) -> None:
    """Put the cursor into a field, then press these keys."""
    field = person.page.get_by_role("textbox", name=name).last
    person.focus(field)
    if not field.evaluate("one => one === document.activeElement"):  # another part lay under the click
        field.focus()
        person.settle()
    for key in keys:
        person.page.keyboard.press(key)
    person.settle()


def paste(person: Person, text: str) -> None:
    person.page.evaluate("text => navigator.clipboard.writeText(text)", text)
    person.page.keyboard.press("Control+v")


@pytest.mark.parametrize("length", [30_000, LONG])
def test_33_quick_keys_in_a_long_page_survive_a_kill_two_seconds_later(
    length: int, start_app, open_window, tmp_path: Path
) -> None:
    text = long_text(length)
    make_page(tmp_path / "data", "hazel", text)
    app = start_app("hazel")
    hazel = open_window(app, "hazel", DESKTOP)
    begin(hazel)
    write_in(hazel, FIRST, "Control+End")
    hazel.page.keyboard.type(KEYS, delay=QUICK_MS)
    hazel.page.wait_for_timeout(PROMISE_MS)
    app.kill()
    assert len(KEYS) == 33
    first = cut(text)[0].text
    assert stored_texts(tmp_path / "data", "hazel") == [first + KEYS + text[len(first) :]]


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_a_paste_of_200_000_characters_is_kept_whole_and_typing_goes_on_behind_it(
    size, start_app, open_window, tmp_path: Path
) -> None:
    pasted = long_text(LONG)
    make_page(tmp_path / "data", "hazel", "Begun. Ended.")
    app = start_app("hazel")
    hazel = open_window(app, "hazel", size)
    begin(hazel)
    write_in(hazel, re.compile("^My page"), "Control+Home", *["ArrowRight"] * 7)
    paste(hazel, pasted)
    hazel.page.keyboard.type("At once. ", delay=QUICK_MS)
    hazel.see(re.compile("Part 2 of"), 60_000)
    hazel.page.wait_for_function(CURSOR_BEFORE, arg="Ended.", timeout=60_000)
    hazel.page.keyboard.type("Later. ", delay=QUICK_MS)
    hazel.page.wait_for_timeout(PROMISE_MS)
    hazel.shot("06-parts")
    app.kill()
    assert stored_texts(tmp_path / "data", "hazel") == ["Begun. " + pasted + "At once. Later. Ended."]


@pytest.mark.parametrize("size", [DESKTOP], ids=["desktop"])
def test_parts_of_a_long_page_are_written_in_one_after_the_other_and_stay_one_text(
    size, start_app, open_window, tmp_path: Path
) -> None:
    text = long_text(100_000)
    make_page(tmp_path / "data", "hazel", text)
    app = start_app("hazel")
    hazel = open_window(app, "hazel", size)
    begin(hazel)
    write_in(hazel, "My page, Part 1 of 5", "Control+Home")
    hazel.page.keyboard.type("First. ", delay=QUICK_MS)
    write_in(hazel, "My page, Part 2 of 5", "Control+Home")
    hazel.page.keyboard.type("Second. ", delay=QUICK_MS)
    hazel.page.wait_for_timeout(PROMISE_MS)
    app.kill()
    (kept,) = stored_texts(tmp_path / "data", "hazel")
    assert kept.startswith("First. ")
    assert kept.replace("First. ", "", 1).replace("Second. ", "", 1) == text
    assert kept[kept.index("Second. ") - 2 :].startswith("\n\nSecond. ")
