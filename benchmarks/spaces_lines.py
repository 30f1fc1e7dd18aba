"""A direct line: from the second tap on somebody's name to a line that can be written in, both of them online.

The time is by the page's own clock. Must not print anything: whoever calls it does.
"""

import re
import statistics
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.e2e.chat_steps import Member
from tests.e2e.driver import PHONE, AppProcess, Person, chromium, window_context
from tests.e2e.journey import go
from tests.e2e.many_steps import at_ease
from tests.e2e.measuring import seen_ms
from tests.many_messages import make_long_group
from tests.relay_process import RelayProcess

NAME = "Wren Ashby"


def measure_lines(rounds: int) -> dict[str, float]:
    """Open a line with a member who is online, and close it again. Returns `direct_line_open_ms`, the median."""
    times = list[float]()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        relay = RelayProcess(folder / "relay")
        relay.start()
        stack.callback(relay.close)
        link = make_long_group(folder / "data", "lines", relay.url, count=0)
        [browser] = stack.enter_context(chromium())
        app = AppProcess(folder / "data", "lines", "--service", relay.url)
        stack.callback(app.stop)
        person = Person(window_context(browser, PHONE), app, folder, "lines")
        at_ease(person)
        member = Member(folder / "wren", relay.url, link, NAME)
        stack.callback(member.stop)
        for number in range(rounds + 1):
            took = _open(person)
            if number:  # the first round warms up
                times.append(took)
            _close(person)
    return {"direct_line_open_ms": round(statistics.median(times), 1)}


def _open(person: Person) -> float:
    go(person, "Today")
    person.press("Get in touch")
    person.see(re.compile("^Write to Wren"), 30_000)
    person.stand_still()
    composer = f"Who can see this: you and {NAME}"  # the strip over the field: its own name is no text of the page
    return seen_ms(person, composer, lambda: person.press(re.compile("^Write to Wren"), exact=False))


def _close(person: Person) -> None:
    person.press("Show details")
    person.press("Close this line")
    person.press("Close it")
    person.see("Start a group")
