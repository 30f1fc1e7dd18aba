"""What a key costs while somebody writes: processor time of the app, and when the page has drawn it.

Processor time is that of all threads of the app's process, from /proc (Linux). A key is taken by itself, so that the
save that falls in here and there does not count; `typing_cpu_ms_30k` is the mean over a run of keys with its saves.
"""

import re
import statistics
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.e2e.driver import DESKTOP, AppProcess, Person, chromium, window_context
from tests.e2e.journey import go
from tests.e2e.many_steps import at_ease
from tests.long_pages import long_text, make_page

LENGTH = 30_000
KEYS, RUN = 12, 18
SLOW_MS, QUICK_MS = 250, 120
PAGE = re.compile("^My page")

_DRAWN = """
() => {
  window.companionDrawn = new Promise(resolve => {
    let begin = null;
    document.addEventListener('keydown', () => { begin = performance.now(); }, {capture: true, once: true});
    document.addEventListener('input', () => requestAnimationFrame(() => requestAnimationFrame(() =>
      resolve(performance.now() - begin))), {capture: true, once: true});
  });
}
"""
"""The client draws a key in the first frame after it; the second one begins when that has been done."""


def cpu_ms(app: AppProcess) -> float:
    """Return the processor time that the app has used so far, in ms."""
    tasks = Path(f"/proc/{app.process.pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e6


def key_cpu_ms(person: Person, keys: int) -> list[float]:
    """Type some keys, each with time to be done with, and return what each took."""
    took = []
    for number in range(keys):
        before = cpu_ms(person.app)
        person.page.keyboard.press("abcdefgh"[number % 8])
        person.page.wait_for_timeout(SLOW_MS)
        took.append(cpu_ms(person.app) - before)
    return took


def typing_cpu_ms(person: Person, keys: int) -> float:
    """Type some keys in a row and return the mean, saves and all."""
    before = cpu_ms(person.app)
    person.page.keyboard.type("abcdefgh " * (keys // 9), delay=QUICK_MS)
    person.page.wait_for_timeout(2_000)
    return (cpu_ms(person.app) - before) / keys


def key_seen_ms(person: Person, keys: int) -> list[float]:
    """Type some keys and return how long each took until it was drawn, by the page's own clock."""
    took = []
    for number in range(keys):
        person.page.evaluate(_DRAWN)
        person.page.keyboard.press("ijklmnop"[number % 8])
        took.append(float(person.page.evaluate("() => window.companionDrawn")))
        person.page.wait_for_timeout(QUICK_MS)
    return took


def erase(person: Person, keys: int) -> None:
    for _ in range(keys):
        person.page.keyboard.press("Backspace")
    person.settle()


def begin(person: Person) -> None:
    """Put the cursor at the end of the page."""
    person.stand_still()
    person.focus(person.page.get_by_role("textbox", name=PAGE).last)
    person.page.keyboard.press("Control+End")
    person.settle()


def measure_typing(rounds: int) -> dict[str, float]:
    """Return what a key costs in a page of 30,000 characters, and how much more than in an empty one."""
    empty: list[float] = []
    full: list[float] = []
    seen: list[float] = []
    running: list[float] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        make_page(folder / "data", "typing", long_text(LENGTH))
        [browser] = stack.enter_context(chromium())
        app = AppProcess(folder / "data", "typing", "--service", "http://127.0.0.1:9")
        stack.callback(app.stop)
        person = Person(window_context(browser, DESKTOP), app, folder, "typing")
        at_ease(person)
        for number in range(rounds + 1):
            go(person, "Journal")  # today's page
            begin(person)
            long_keys, drawn = key_cpu_ms(person, KEYS), key_seen_ms(person, KEYS)
            mean = typing_cpu_ms(person, RUN)
            erase(person, 2 * KEYS + RUN)
            person.press("New page")
            begin(person)
            short_keys = key_cpu_ms(person, KEYS)
            erase(person, KEYS)
            go(person, "Today")
            person.see("Weekly check-in")
            if number:  # the first round warms up
                full, empty = full + long_keys, empty + short_keys
                seen, running = seen + drawn, [*running, mean]
    return {
        "key_cpu_ms_30k": round(statistics.median(full), 2),
        "key_cpu_30k_vs_empty": round(statistics.median(full) / statistics.median(empty), 2),
        "key_seen_ms_30k": round(statistics.median(seen), 1),
        "typing_cpu_ms_30k": round(statistics.median(running), 2),
    }
