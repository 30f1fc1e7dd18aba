"""Journeys 1, 4 and 5 of the product guide and a day's talk, in real browsers, with every tap counted."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.driver import DESKTOP, PHONE, ROOT, Person
from tests.e2e.journey import PASSPHRASE, first_start, go, read_words

NAME = "First-year leads"
FIELD = re.compile("^Message to First-year leads")
LINE_TO_HAZEL = re.compile("^Message to Hazel Fern")
SIZES = pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
QUESTION = "Rowan, did you get the second pair of hands?"
SOON_MS = 40_000
"""A message waits ten seconds on its device, and this machine may be busy."""


class Taps:
    """Counts what a person presses; typing is no tap, but putting the cursor into a field is."""

    def __init__(self, person: Person) -> None:
        self.count = 0
        press, focus = person.press, person.focus

        def counted_press(*args: object, **kwargs: object) -> None:
            self.count += 1
            press(*args, **kwargs)

        def counted_focus(field: object) -> None:
            if not person.page.evaluate("['INPUT', 'TEXTAREA'].includes(document.activeElement.tagName)"):
                self.count += 1
            focus(field)

        person.press, person.focus = counted_press, counted_focus  # type: ignore[method-assign]  # counted from here on

    def taken(self) -> int:
        count, self.count = self.count, 0
        return count


@SIZES
def test_joining_talking_and_catching_up(size, open_window, relay, start_app, tmp_path) -> None:
    is_phone = size is PHONE
    hazel = open_window(start_app("hazel", relay.url), "hazel", size)
    first_start(hazel, "Hazel Fern", "GP")
    start_group(hazel, is_phone)
    link = invite_link(hazel, is_phone)

    # Journey 1: join and feel safe
    rowan = open_window(start_app("rowan", relay.url), "rowan", size, which=1, dark=True)
    taps = Taps(rowan)
    begin(rowan, "Rowan Dale", "Practice manager")
    of_start = taps.taken()
    go(rowan, "Groups")
    rowan.press("Join a group")
    rowan.type("Link or code of the invite", link)
    rowan.see(re.compile(f"Hazel Fern invites you to {NAME}"))
    rowan.press("Join")
    rowan.see(f"Welcome to {NAME}", SOON_MS)
    rowan.see("Once a day")
    rowan.shot("20-welcome")
    rowan.press(re.compile("go to the group", re.IGNORECASE), exact=False)
    rowan.see(FIELD)
    of_joining = taps.taken()
    print(f"journey 1: {of_start} taps to begin, {of_joining} to join")
    assert of_start + of_joining <= 12

    talk(hazel, rowan)
    catch_up(rowan, taps, lambda: speak_up(tmp_path, relay.url, invite_link(hazel, is_phone)), is_phone)
    get_in_touch(rowan, taps)
    say_yes(hazel, rowan, is_phone)
    assert hazel.foreign == rowan.foreign == []


def begin(person: Person, name: str, profession: str) -> None:
    """First start with as few taps as it takes: the keyboard's own key goes on from a field."""
    person.see("Your name")
    person.type("Your name", name)
    person.press(profession, exact=False)
    person.press("Continue")
    person.see("Choose a passphrase")
    person.type("Passphrase", PASSPHRASE)
    person.type("The same passphrase again", PASSPHRASE)
    person.page.keyboard.press("Enter")
    person.see("Write these words down")
    words = read_words(person)
    person.press("I have written them down")
    person.see("Two words from your sheet")
    for number in [int(n) for n in re.findall(r'textbox "Word (\d+)"', person.tree())]:
        person.type(f"Word {number}", words[number - 1])
    person.page.keyboard.press("Enter")
    person.see("Weekly check-in", 60_000)


def start_group(hazel: Person, is_phone: bool) -> None:
    go(hazel, "Groups")
    hazel.press("Start a group")
    hazel.type("Name of the group", NAME)
    hazel.press("Start the group")
    hazel.see("Say who you are and one thing on your mind.")
    if is_phone:
        hazel.press("Show details")
    hazel.press("Purpose and ground rules")
    hazel.press("Write them down")
    hazel.type("What this group is for", "Leading for the first time.")
    hazel.shot("20-rules")
    hazel.press("Put it forward")
    hazel.see(re.compile("What is said here stays here"))
    hazel.press("Back") if is_phone else hazel.press(re.compile(f"^{NAME}"), exact=False)


def invite_link(hazel: Person, is_phone: bool) -> str:
    if is_phone:
        hazel.press("Show details")
    hazel.press(re.compile("Invite someone"), exact=False)
    hazel.press("Make an invite")
    hazel.see(re.compile(r"companion://join"))
    found = re.search(r"companion://join\S+#[0-9A-Z-]{19}", hazel.tree())
    assert found, hazel.tree()
    if is_phone:
        hazel.press("Back")
    else:
        hazel.press(re.compile(f"^{NAME}"), exact=False)
    hazel.see(FIELD)
    return found.group()


def say(person: Person, words: str) -> None:
    person.type(FIELD, words)
    person.press("Send")


def open_message(person: Person, words: str) -> None:
    person.press(re.compile(rf"^(You|\w+ \w+), {re.escape(words)}"), exact=False)
    person.see(re.compile("^React with"))


def talk(hazel: Person, rowan: Person) -> None:
    """Take back, send, react, answer, mention, change, delete, ask."""
    hazel.see(re.compile("Rowan Dale joined"), SOON_MS)
    say(hazel, "Wrong group")
    hazel.see("Your message goes in a few seconds.")
    hazel.shot("20-undo")
    hazel.press("Undo")
    hazel.see_written(FIELD, "Wrong group")
    say(hazel, "Who has a spare hour on Thursday?")
    rowan.see(re.compile("Who has a spare hour"), SOON_MS)
    assert rowan.count(re.compile("Wrong group")) == 0
    open_message(rowan, "Who has a spare hour")
    rowan.page.wait_for_timeout(1_500)
    rowan.shot("20-message-menu")
    rowan.press("React with 🙏")
    hazel.see(re.compile("🙏 from Rowan Dale"), SOON_MS)
    open_message(rowan, "Who has a spare hour")
    rowan.press("Answer")
    rowan.see("Answer to Hazel Fern")
    rowan.type(FIELD, "I do, at nine @Hazel")
    rowan.press("Hazel Fern")
    rowan.press("Send")
    hazel.see(re.compile("I do, at nine @Hazel Fern"), SOON_MS)
    rowan.see(re.compile("Delivered"), SOON_MS)
    rowan.shot("20-chat-dark")
    open_message(rowan, "I do, at nine")
    rowan.press("Change")
    rowan.see_written("Your message", "I do, at nine @Hazel Fern")
    rowan.type("Your message", "I do, at ten")
    rowan.press("Save the change")
    hazel.see(re.compile("I do, at ten.*edited"), SOON_MS)
    open_message(rowan, "I do, at ten")
    rowan.press("Delete for everyone")
    rowan.press("Delete it")
    hazel.see(re.compile("This message was deleted"), SOON_MS)
    taps = Taps(hazel)
    hazel.press("Add to the message")
    hazel.shot("20-add")
    hazel.press("Poll")
    hazel.type("What would you like to ask?", "Shall we meet on Thursday?")
    hazel.shot("20-poll-panel")
    hazel.press("Ask")
    assert taps.taken() <= 4
    rowan.see(re.compile("Shall we meet on Thursday"), SOON_MS)
    rowan.press("Yes")
    rowan.see(re.compile("1 answer"), SOON_MS)
    rowan.shot("20-poll")
    hazel.shot("20-chat")


def speak_up(folder: Path, service: str, link: str) -> None:
    """Somebody joins and says 79 things and one question."""
    lines = [f"Line {number} of a long talk about the winter rota." for number in range(79)]
    lines.insert(70, QUESTION)
    command = [sys.executable, "-m", "tests.e2e.member", str(folder / "wren"), service, link, "Wren Ashby"]
    done = subprocess.run(command, cwd=ROOT, input="\n".join(lines), text=True, capture_output=True, timeout=180)
    assert done.returncode == 0, done.stderr[-2_000:]


def catch_up(rowan: Person, taps: Taps, talk_meanwhile: Callable[[], None], is_phone: bool) -> None:
    """Journey 5: 80 new messages, one question, three taps."""
    if is_phone:
        rowan.press("Back")
    go(rowan, "Today")
    talk_meanwhile()
    taps.taken()
    go(rowan, "Groups")
    rowan.see(re.compile("80 new messages"), SOON_MS)
    rowan.shot("20-since")
    rowan.press(re.compile("A question to you"), exact=False)
    rowan.see("Answer to Wren Ashby")
    rowan.see(re.compile(re.escape(QUESTION)))
    if not is_phone:  # beside other panes the field does not get the focus by itself in this browser
        rowan.focus(rowan.page.get_by_role("textbox", name=FIELD).first)
    rowan.page.keyboard.type("Not yet, but I asked.", delay=10)
    rowan.settle()
    rowan.shot("20-answering")
    rowan.press("Send")
    count = taps.taken()
    print(f"journey 5: {count} taps")
    assert count <= (3 if is_phone else 4)
    rowan.see(re.compile("Not yet, but I asked"))
    if is_phone:
        rowan.press("Back")
    rowan.see_not(re.compile("question to you"))
    rowan.shot("20-groups-dark")


def get_in_touch(rowan: Person, taps: Taps) -> None:
    """Journey 4: somebody to write to, why them, and words that are ready, in a line of the two."""
    go(rowan, "Today")
    rowan.see(re.compile("Get in touch"))
    taps.taken()
    rowan.press("Get in touch")
    rowan.see("Who would you like to hear from?")
    rowan.shot("20-reach-dark")
    rowan.press(re.compile("^Write to Hazel"), exact=False)
    rowan.see(LINE_TO_HAZEL)
    rowan.see(re.compile("Hazel is asked first"))
    rowan.see_not(re.compile("Thinking of you"))  # the words stand in the field, so no others are offered
    rowan.press("Send")
    count = taps.taken()
    print(f"journey 4: {count} taps")
    assert count <= 4
    rowan.see(re.compile("I could do with a chat.*Waits for Hazel"))
    rowan.shot("20-line-asked-dark")


def say_yes(hazel: Person, rowan: Person, is_phone: bool) -> None:
    """Two answers of one size; after a yes what waited comes, and the line is theirs."""
    if is_phone:
        hazel.press("Back")
    hazel.see("Rowan Dale would like a direct line with you", SOON_MS)
    hazel.see(f"You are both in {NAME}.")
    hazel.shot("20-line-wanted")
    hazel.press("Yes")
    hazel.see(re.compile("^Message to Rowan Dale"))
    hazel.see(re.compile("Rowan Dale, I could do with a chat"), SOON_MS)
    hazel.type(re.compile("^Message to Rowan Dale"), "Of course. Nine?")
    hazel.shot("20-line-writing")
    hazel.press("Send")
    rowan.see(re.compile("Hazel Fern, Of course. Nine"), SOON_MS)
    rowan.see(re.compile("The line is open, for you two alone"))
    rowan.shot("20-line-dark")
    hazel.shot("20-line")
    if is_phone:
        hazel.press("Show details")
    hazel.see("Close this line")
    hazel.shot("20-line-about")
    if is_phone:
        hazel.press("Back")
        hazel.press("Back")
    hazel.see("Direct lines")
    hazel.shot("20-groups-lines")
