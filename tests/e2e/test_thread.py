"""A leader's day, end to end: two people, two sizes, everything real."""

import re
from pathlib import Path

import pytest

from tests.e2e.driver import DESKTOP, PHONE, Person, wait_until
from tests.e2e.journey import PASSPHRASE, first_start, go, unlock

CANARY = "marmalade"
ENTRY = "The marmalade meeting ran over again."
HELLO, REPLY, LATE = "Two marmalade words are plenty.", "Marmalade to you too.", "Marmalade while nobody listens."
SIZES = pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])


@SIZES
def test_a_leaders_day(size, open_window, relay, start_app, tmp_path) -> None:
    is_phone = size is PHONE
    hazels_app = start_app("hazel", relay.url)
    hazel = open_window(hazels_app, "hazel", size)
    rowan = open_window(start_app("rowan", relay.url), "rowan", size, which=1, dark=True)

    first_start(hazel, "Hazel Fern", "GP")
    first_start(rowan, "Rowan Dale", "Practice manager")
    hazel.shot("03-today")

    # Journal: typing saves by itself within two seconds
    go(hazel, "Journal")
    hazel.focus(hazel.page.get_by_role("textbox", name=re.compile("My page")).first)
    hazel.page.keyboard.type(ENTRY, delay=10)
    hazel.see(re.compile(r"Saved on this device"), 2_000)
    hazel.shot("04-journal")

    # Groups: make one, invite, join, talk both ways
    go(hazel, "Groups")
    hazel.press("Start a group")
    hazel.type("Name of the group", "Marmalade leads")
    hazel.shot("06-start-group")
    hazel.press("Start the group")
    hazel.see("Say who you are and one thing on your mind.")
    link = make_invite(hazel, is_phone)
    hazel.shot("06-invite")
    go_back_to_chat(hazel, is_phone)
    go(rowan, "Groups")
    rowan.press("Join a group")
    rowan.type("Link or code of the invite", link)
    rowan.see(re.compile("Hazel Fern invites you to Marmalade leads"))
    rowan.shot("06-join")
    rowan.press("Join")
    rowan.see("Welcome to Marmalade leads", 30_000)
    rowan.shot("06-welcome")
    rowan.press("Go to the group")
    rowan.see(re.compile("Message to Marmalade leads"), 30_000)
    say(rowan, HELLO)
    hazel.see(re.compile("Rowan Dale joined"))
    hazel.see(re.compile(HELLO))
    say(hazel, REPLY)
    rowan.see(re.compile(REPLY))
    hazel.see(re.compile("Sent"))
    hazel.shot("07-group-chat")
    rowan.shot("15-group-chat-dark")

    # The service stops: the message waits, survives kill -9 of the app, and goes once
    relay.stop()
    say(hazel, LATE)
    hazel.see(re.compile("No connection"))
    hazel.see(re.compile("Waiting"))
    hazel.shot("07-waiting")
    hazels_app.kill()
    hazel.page.context.close()
    hazel = open_window(start_app("hazel", relay.url), "hazel", size)
    unlock(hazel, "not the passphrase")
    hazel.see("That is not your passphrase. Please try it again.")
    hazel.shot("01-wrong-passphrase")
    unlock(hazel)
    hazel.see("Weekly check-in", 30_000)
    go(hazel, "Journal")
    if is_phone:
        hazel.see_written(re.compile("My page"), ENTRY)
    else:
        hazel.see(re.compile(re.escape(ENTRY)))  # in the list, too
    go(hazel, "Groups")
    hazel.press(re.compile("Marmalade leads"), exact=False)
    hazel.see(re.compile("Waiting"))
    relay.start()
    rowan.see(re.compile(LATE), 60_000)
    hazel.see_not(re.compile("Waiting"), 60_000)
    assert rowan.count(re.compile(f"Hazel Fern, {LATE}")) == 1

    record_a_story(hazel, is_phone)
    check_in_and_nudge(hazel, rowan, is_phone)

    # Help is there when the app is locked
    open_account(hazel)
    hazel.press("Lock now")
    hazel.see("Enter your passphrase", 20_000)
    hazel.see_not(re.compile(CANARY))
    hazel.shot("01-lock")
    hazel.press("Get help now")
    hazel.see(re.compile("116 123"))
    hazel.shot("13-get-help")

    assert hazel.foreign == rowan.foreign == []
    relay.stop()
    assert_no_canary(tmp_path)


def make_invite(person: Person, is_phone: bool) -> str:
    if is_phone:
        person.press("Show details")
    person.press(re.compile("Invite someone"), exact=False)
    person.press("Make an invite")
    person.see(re.compile(r"companion://join"))
    said = re.search(r"companion://join\S+#[0-9A-Z-]{19}", person.tree())
    assert said, person.tree()
    return said.group()


def go_back_to_chat(person: Person, is_phone: bool) -> None:
    if is_phone:
        person.press("Back")
    else:
        person.press(re.compile("^Marmalade leads"), exact=False)
    person.see(re.compile("Message to Marmalade leads"))


def say(person: Person, text: str) -> None:
    person.type(re.compile("Message to"), text)
    person.press("Send")


def record_a_story(person: Person, is_phone: bool) -> None:
    if is_phone:
        person.press("Back")
    go(person, "Stories")
    person.press("Record my story")
    person.press("I am ready")
    person.see("You choose each use separately.")
    assert person.tree().count("[checked]") == 0
    person.shot("08-consent")
    person.press("None of these")
    person.see("The microphone stays off.")
    person.press("Change what I agreed")
    person.press(re.compile("Record my voice on this device"), exact=False)
    person.press("Agree to 1")
    person.press("Start recording")
    person.see(re.compile("Good level|Loud|Quiet"), 30_000)
    person.see(re.compile(r"Saved up to 0:0[4-9]"), 30_000)
    person.shot("09-recording")
    person.press("Pause")
    person.see("Paused")
    person.press("Go on recording")
    person.see("Recording")
    person.press("Finish")
    person.see("It is safe here.", 30_000)
    person.press("Play")
    person.see(re.compile("Pause playing"))
    person.type("A name for this story", "The marmalade day")
    person.shot("10-check")
    person.press("Keep it sealed")
    person.see(re.compile("Where is my story now"))
    person.shot("10-story")
    if is_phone:
        person.press("Back")


def check_in_and_nudge(hazel: Person, rowan: Person, is_phone: bool) -> None:
    """Two taps for the answer; the nudge names one person, and has words ready for a line with them."""
    go(hazel, "Today")
    hazel.press("Somewhat")
    hazel.press("Save")
    hazel.see("Thank you", 20_000)
    hazel.shot("12-check-in-done")
    hazel.press("Welcome Rowan")
    hazel.see(re.compile("Message to Rowan Dale"))
    hazel.press("Send")
    hazel.see(re.compile("Welcome, Rowan. It is good to have you here."))
    if is_phone:
        rowan.press("Back")
    rowan.see("Hazel Fern would like a direct line with you", 60_000)
    rowan.press("Yes")
    rowan.see(re.compile("Welcome, Rowan. It is good to have you here."), 60_000)
    if is_phone:
        hazel.press("Back")


def open_account(person: Person) -> None:
    person.press(re.compile("^My account"), exact=False)
    person.see("Lock now")


def assert_no_canary(folder: Path) -> None:
    files = [f for f in folder.rglob("*") if f.is_file()]
    assert len(files) > 8
    for file in files:
        content = file.read_bytes().lower()
        for word in (CANARY.encode(), b"hazel fern", b"rowan dale", PASSPHRASE.encode()):
            assert word not in content, file


def test_wait_until_gives_up() -> None:
    with pytest.raises(TimeoutError):
        wait_until(lambda: False, 0.1)
