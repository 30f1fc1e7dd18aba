"""A journal of 20,000 pages and a group of 10,000 messages: ms by the page's own clock, no driver in between."""

import re
import statistics
import tempfile
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from tests.e2e.chat_steps import Member, open_group, receive, send
from tests.e2e.driver import PHONE, AppProcess, Person, chromium, window_context
from tests.e2e.journey import go
from tests.e2e.many_steps import STEPS, at_ease
from tests.many_entries import make_profile
from tests.many_messages import NAME, make_long_group
from tests.relay_process import RelayProcess


def measure_journal(rounds: int) -> dict[str, float]:
    """Open, scroll, search and jump in a journal of 20,000 pages."""
    times: dict[str, list[float]] = {name: [] for name in STEPS}
    today = datetime.now().astimezone().date()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        make_profile(folder / "data", "long")
        [browser] = stack.enter_context(chromium())
        app = AppProcess(folder / "data", "long", "--service", "http://127.0.0.1:9")
        stack.callback(app.stop)
        person = Person(window_context(browser, PHONE), app, folder, "long")
        at_ease(person)
        for number in range(rounds + 1):
            if number:
                go(person, "Today")
                person.see("Weekly check-in")
            for name, step in STEPS.items():
                took = step(person, today)
                if number:  # the first round warms up
                    times[name].append(took)
    return {f"journal_{name}_20k_ms": round(statistics.median(values), 1) for name, values in times.items()}


def measure_chat(rounds: int) -> dict[str, float]:
    """Open a group of 10,000 messages, send, and receive over a real service."""
    times: dict[str, list[float]] = {"open_10000_message_group": [], "send_to_shown": [], "receive_to_shown": []}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        relay = RelayProcess(folder / "relay")
        relay.start()
        stack.callback(relay.close)
        link = make_long_group(folder / "data", "long", relay.url)
        [browser] = stack.enter_context(chromium())
        app = AppProcess(folder / "data", "long", "--service", relay.url)
        stack.callback(app.stop)
        person = Person(window_context(browser, PHONE), app, folder, "long")
        at_ease(person)
        go(person, "Groups")
        person.see(re.compile(NAME))
        for number in range(rounds + 1):
            if number:
                person.press("Back")
                person.see_not(re.compile("^Message to"))
                person.settle()
            took = open_group(person)
            if number:  # the first round warms up
                times["open_10000_message_group"].append(took)
        member = Member(folder / "wren", relay.url, link, "Wren Ashby")
        stack.callback(member.stop)
        person.see(re.compile("Wren Ashby joined"), 30_000)
        for number in range(rounds + 1):
            sent = send(person, f"Mine number {number}")
            came = receive(person, member, f"Theirs number {number}")
            if number:
                times["send_to_shown"].append(sent)
                times["receive_to_shown"].append(came)
    return {f"{name}_ms": round(statistics.median(values), 1) for name, values in times.items()}
