"""What people do in the app, step by step, in the words on their screens."""

import re
from datetime import UTC, datetime

from tests.e2e.driver import Person

PASSPHRASE = "three kettles and a lantern"


def noon_zone() -> dict[str, str]:
    """A time zone in which it is noon now: nudges rest in quiet hours."""
    west = datetime.now(UTC).hour - 12
    return {"TZ": f"NOON{west:+d}"}


def first_start(person: Person, name: str, profession: str) -> list[str]:
    """Go through all steps and return the 24 words."""
    person.see("Your name")
    person.type("Your name", name)
    person.press(profession, exact=False)
    person.press("Continue")
    person.see("Choose a passphrase")
    person.type("Passphrase", PASSPHRASE)
    person.type("The same passphrase again", PASSPHRASE)
    person.press("Continue")
    person.see("Write these words down")
    words = read_words(person)
    person.shot(f"{person.name}-02-recovery-words")
    person.press("I have written them down")
    person.see("Two words from your sheet")
    asked = [int(n) for n in re.findall(r'textbox "Word (\d+)"', person.tree())]
    assert len(asked) == 2
    for number in asked:
        person.type(f"Word {number}", words[number - 1])
    person.press("Open my journal")
    person.see("Weekly check-in", 60_000)
    return words


def read_words(person: Person) -> list[str]:
    """The words as a screen reader says them, in order."""
    found = {int(n): word for n, word in re.findall(r"\b(\d{1,2})[ .:,]+([a-z]{3,8})\b", person.tree())}
    assert sorted(found) == list(range(1, 25)), person.tree()
    return [found[n] for n in range(1, 25)]


def unlock(person: Person, passphrase: str = PASSPHRASE) -> None:
    person.see("Enter your passphrase")
    person.type("Passphrase", passphrase)
    person.page.keyboard.press("Enter")


def go(person: Person, place: str) -> None:
    """Press a tab or an item of the rail."""
    person.press(re.compile(rf"^{place}\b"), exact=False)
