"""What a change of place costs: processor time of the app, time until the words are seen, and presses that are lost.

Two apps run side by side on copies of one profile and take turns: ours, and `screens_plain`.
"""

import random
import re
import shutil
import statistics
import sys
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final

from playwright.sync_api import CDPSession
from playwright.sync_api import Error as BrowserError

from benchmarks.screens_typing import cpu_ms
from tests.e2e.driver import PHONE, AppProcess, Person, chromium, window_context
from tests.e2e.many_steps import at_ease
from tests.e2e.measuring import seen_ms
from tests.many_entries import make_profile, title_of

PAGES: Final = 60
PLACES: Final = {
    "Today": "Weekly check-in",
    "Journal": title_of(PAGES - 1) + ",",
    "Groups": "Start a group",
    "Stories": "Record my story",
    "Community": "This is where leaders from every profession",
}
"""Words of each place that no other place has."""
AFTER_MS: Final = 300
"""How long after the words were seen work for a press is still counted."""
PRESSES: Final = 200
SLOWER: Final = 4
LOST_AFTER_MS: Final = 5_000


def switch(person: Person, place: str) -> tuple[float, float]:
    """Press a place; return the app's processor time in ms, and ms until its words were there by the page's clock."""
    target = person.button(re.compile(rf"^{place}\b"), exact=False)
    target.wait_for(state="attached")
    before = cpu_ms(person.app)
    seen = seen_ms(person, PLACES[place], target.click)
    person.page.wait_for_timeout(AFTER_MS)
    return cpu_ms(person.app) - before, seen


def measure_tabs(rounds: int) -> dict[str, float]:
    """All places are visited once, then `rounds` times more in turns."""
    spent: dict[tuple[str, str], list[float]] = {}
    seen: dict[tuple[str, str], list[float]] = {}
    people: dict[str, Person] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        make_profile(folder / "ours", "few", PAGES)
        shutil.copytree(folder / "ours", folder / "plain")
        [browser] = stack.enter_context(chromium())
        for name, program in (
            ("ours", ["main.py", "--web", "--no-browser"]),
            ("plain", ["-m", "benchmarks.screens_plain"]),
        ):
            service = ["--profile", "few", "--service", "http://127.0.0.1:9"]
            app = AppProcess(folder, "few", command=[sys.executable, *program, "--data", str(folder / name), *service])
            stack.callback(app.stop)
            people[name] = Person(window_context(browser, PHONE), app, folder, name)
            at_ease(people[name])
        for number in range(rounds + 1):
            for place in [*list(PLACES)[1:], "Today"]:
                for name, person in people.items():
                    took, ms = switch(person, place)
                    if number:  # the first visit builds
                        spent.setdefault((name, place), []).append(took)
                        seen.setdefault((name, place), []).append(ms)
        lost = lost_presses(people["ours"])
    cpu, cpu_plain = (_of_each(spent, name) for name in people)
    shown, shown_plain = (_of_each(seen, name) for name in people)
    return {
        "tab_switch_cpu_ms": round(statistics.median(cpu), 1),
        "tab_switch_cpu_vs_unmended": round(statistics.median(cpu) / statistics.median(cpu_plain), 3),
        "tab_switch_seen_ms": round(statistics.median(shown), 1),
        "tab_switch_seen_vs_unmended": round(statistics.median(shown) / statistics.median(shown_plain), 3),
        "tab_switch_slowest_ms": round(max(shown), 1),
        "lost_presses": lost,
    }


def _of_each(measured: dict[tuple[str, str], list[float]], name: str) -> list[float]:
    """Return the median of each place."""
    return [statistics.median(measured[name, place]) for place in PLACES]


def lost_presses(person: Person, presses: int = PRESSES, seed: int = 5) -> int:
    """Press places at random moments after the last one came in, on a page that is `SLOWER` times slower.

    A press is lost when its place has not come within `LOST_AFTER_MS`.
    """
    chance, lost, here = random.Random(seed), 0, "Today"
    bar = {place: person.button(re.compile(rf"^{place}\b"), exact=False) for place in PLACES}
    throttle: CDPSession = person.page.context.new_cdp_session(person.page)
    throttle.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    try:
        for _ in range(presses):
            place = chance.choice([one for one in PLACES if one != here])
            box = bar[place].bounding_box()
            assert box is not None
            person.page.wait_for_timeout(chance.uniform(0, 500))
            press = partial(person.page.mouse.click, box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            try:
                seen_ms(person, PLACES[place], press, LOST_AFTER_MS)
                here = place
            except BrowserError:
                lost += 1
    finally:
        throttle.send("Emulation.setCPUThrottlingRate", {"rate": 1})
        throttle.detach()
    return lost
