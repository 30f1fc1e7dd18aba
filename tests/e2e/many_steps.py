"""What a person does in a long journal, each step with its time in ms as the page saw it."""

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from types import MappingProxyType

import psutil

from tests.e2e.driver import Person, wait_until
from tests.e2e.journey import go, unlock
from tests.e2e.measuring import seen_ms
from tests.many_entries import A_DAY, COUNT, PASSPHRASE, RARE, SENDER, title_of
from views.journal.spans import ROWS

FIELD = "Search your journal and chats"


def at_ease(person: Person) -> None:
    """Unlock, and wait until the word index is built: it takes the processor meanwhile."""
    unlock(person, PASSPHRASE)
    person.see("Weekly check-in", 60_000)
    process = psutil.Process(person.app.process.pid)

    def is_at_ease() -> bool:
        before = sum(process.cpu_times()[:2])
        person.page.wait_for_timeout(1_000)
        return bool(sum(process.cpu_times()[:2]) - before < 0.1)

    wait_until(is_at_ease, 90)


def open_journal(person: Person, today: date) -> float:
    """From another place to the newest pages."""
    return seen_ms(person, title_of(COUNT - 1) + ",", lambda: go(person, "Journal"))


def scroll(person: Person, today: date) -> float:
    """From a turn of the wheel to the end of what is built, to pages that were not built yet."""
    size = person.page.viewport_size or {"width": 390, "height": 844}
    person.page.mouse.move(250, size["height"] * 0.75)
    wanted = title_of(COUNT - 1 - ROWS) + ","
    return seen_ms(person, wanted, lambda: person.page.mouse.wheel(0, 4_000))


def search(person: Person, today: date) -> float:
    """From a key to hits that the keys before it could not bring."""
    person.press("Search")
    field = person.page.get_by_role("textbox", name=FIELD).first
    field.wait_for(state="attached")
    person.focus(field)
    person.page.keyboard.type(RARE[:3], delay=60)
    person.see("The newest 20. Show more below.")
    found = seen_ms(person, f"{SENDER} in", lambda: person.page.keyboard.type(RARE[3]))
    person.see(re.compile("found, newest first"))
    for _ in RARE[:4]:
        person.page.keyboard.press("Backspace")
    person.see_not(re.compile(f"^{SENDER} in"))
    return found


def jump(person: Person, today: date) -> float:
    """From a press on a day of the calendar to its pages."""
    day = (today.replace(day=1) - timedelta(days=1)).replace(day=15)
    newest = COUNT - 1 - A_DAY * ((today - day).days - 1)
    is_phone = (person.page.viewport_size or {"width": 0})["width"] < 600
    if is_phone:
        person.press("Close")
        person.see(re.compile(r"^Page number \d+,"))
        go(person, "Today")
        person.see("Weekly check-in")
        person.page.get_by_role("button", name="Write", exact=True).last.click()  # the journal as it is at first
        person.press("Month")
    else:
        person.button("Today").click()
        person.see("Weekly check-in")
        go(person, "Journal")
    person.press(re.compile("^Month before"), exact=False)
    cell = re.compile(rf"^{day:%A} {day.day} {day:%B}\b")
    person.button(cell, exact=False).wait_for(state="attached")
    took = seen_ms(person, title_of(newest) + ",", lambda: person.press(cell, exact=False))
    if is_phone:  # the journal stays as it is left: at its newest pages for the next round
        person.press("Timeline")
        person.see(re.compile(rf"^{title_of(COUNT - 1)},"))
    return took


STEPS: Mapping[str, Callable[[Person, date], float]] = MappingProxyType(
    {"open": open_journal, "scroll": scroll, "search": search, "jump": jump}
)
