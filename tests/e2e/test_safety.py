"""Hiding, changing the passphrase, the privacy centre and erasing, as a person does it in a browser."""

import re

import pytest

from tests.e2e.driver import DESKTOP, PHONE, wait_until
from tests.e2e.journey import PASSPHRASE, first_start, go

NEW = "another chair by the door"
PAGE = re.compile("My page")
SIZES = pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])


@SIZES
def test_hide_change_the_passphrase_look_at_privacy_and_erase(size, open_window, start_app, tmp_path) -> None:
    app = start_app("hazel")
    hazel = open_window(app, "hazel", size)
    first_start(hazel, "Hazel Fern", "GP")
    go(hazel, "Journal")
    hazel.focus(hazel.page.get_by_role("textbox", name=PAGE).first)
    hazel.page.keyboard.type("Nobody may read this.", delay=10)
    hazel.settle()
    hazel.page.keyboard.press("Escape")
    hazel.page.keyboard.press("Escape")
    wait_until(lambda: hazel.page.title() == "Clock", 5.0)
    hazel.see_not(re.compile("Hazel|Nobody may read|Companion"))
    hazel.shot("30-hidden")
    hazel.press("Back")
    hazel.see(re.compile("Enter your passphrase"))
    hazel.type("Passphrase", PASSPHRASE)
    hazel.page.keyboard.press("Enter")
    hazel.see(re.compile("My page"), 30_000)  # where it was

    hazel.press("My account")
    hazel.see("Hide now")
    hazel.shot("31-account")
    hazel.press(re.compile("^Who can see what"), exact=False)
    hazel.see("Opens with: your passphrase, your 24 words")
    hazel.see(re.compile("has no safe place outside the folder"))
    hazel.see("1 saved")  # what was typed before the app was hidden
    hazel.shot("32-privacy")
    hazel.press("Back" if size is PHONE else "Back to my account")
    hazel.press(re.compile("^Change the passphrase"), exact=False)
    hazel.type(re.compile("Your passphrase, or"), PASSPHRASE)
    hazel.type("The new passphrase", NEW)
    hazel.type("The same passphrase again", NEW)
    hazel.shot("33-passphrase")
    hazel.press("Change the passphrase")
    hazel.see("Your passphrase is changed.", 30_000)
    hazel.see(re.compile("^Lock by itself"))
    hazel.press("Lock now")
    hazel.see(re.compile("Enter your passphrase"))
    hazel.type("Passphrase", PASSPHRASE)
    hazel.page.keyboard.press("Enter")
    hazel.see("That is not your passphrase. Please try it again.", 30_000)
    hazel.shot("34-locked")

    hazel.press("Erase everything")
    hazel.see("What remains elsewhere")
    hazel.see(re.compile("^Without your keys nobody can ask"))
    hazel.shot("35-erase")
    hazel.press("Keep everything")
    hazel.type("Passphrase", NEW)
    hazel.page.keyboard.press("Enter")

    hazel.see("Hide now")  # where it was
    if size is PHONE:
        hazel.press("Close")
    go(hazel, "Groups")  # the service of this computer now holds something
    hazel.press("Start a group")
    hazel.type("Name of the group", "Marmalade leads")
    hazel.press("Start the group")
    hazel.see("Say who you are and one thing on your mind.")
    wait_until((tmp_path / "data" / "relay" / "relay.json").exists)
    if size is PHONE:
        hazel.press("Back")
    hazel.press("My account")
    hazel.press(re.compile("^Erase everything"), exact=False)
    hazel.see(re.compile("^Also delete what the sync services hold of me"))
    hazel.shot("37-erase-ask")
    hazel.press("Go on")
    hazel.type("The word", "erase")
    hazel.shot("36-erase-last")
    hazel.press("Erase everything now")
    hazel.see("Welcome", 30_000)
    hazel.see("What this computer held of your erased profile is deleted.", 30_000)
    hazel.shot("38-erased")
    profiles = tmp_path / "data" / "profiles"
    assert not list(profiles.iterdir())
    hazel.press("All right")
    hazel.see_not(re.compile("erased profile"))
    assert not [line for line in app.lines if "Traceback" in line], app.output
