"""Words that are put together with an input method, as Chinese, Japanese and Korean are typed."""

import re

import pytest

from tests.e2e.driver import DESKTOP
from tests.e2e.journey import first_start, go

FIELD = re.compile("^Message to Leads")
READING, CHOSEN = "かいぎ", "会議"
ENTERS = ((229, "Process"), (229, "Enter"), (13, "Enter"))
"""How browsers report the Enter that takes an offered word: Chrome on Windows, on a Mac, Firefox."""


@pytest.mark.parametrize("size", [DESKTOP], ids=["desktop"])
def test_enter_that_takes_an_offered_word_sends_nothing_and_the_next_one_does(size, open_window, start_app) -> None:
    ann = open_window(start_app("ann"), "ann", size)
    first_start(ann, "Ann Lee", "GP")
    go(ann, "Groups")
    ann.press("Start a group")
    ann.type("Name of the group", "Leads")
    ann.press("Start the group")
    ann.see("Say who you are and one thing on your mind.")
    ann.stand_still()
    ann.focus(ann.page.get_by_role("textbox", name=FIELD).first)
    keys = ann.page.context.new_cdp_session(ann.page)
    for code, key in ENTERS:
        enter = {"windowsVirtualKeyCode": code, "key": key, "code": "Enter"}
        keys.send("Input.imeSetComposition", {"text": READING, "selectionStart": 3, "selectionEnd": 3})
        ann.settle()
        keys.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **enter})
        keys.send("Input.insertText", {"text": CHOSEN})
        keys.send("Input.dispatchKeyEvent", {"type": "keyUp", **enter})
        ann.settle()
    ann.see_written(FIELD, CHOSEN * len(ENTERS))
    assert ann.count(re.compile(f"You, .*({READING}|{CHOSEN})")) == 0
    ann.page.keyboard.press("Enter")
    ann.see(re.compile(f"You, {CHOSEN * len(ENTERS)}"))
