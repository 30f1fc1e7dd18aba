"""How soon the app is there and answers, against the smallest possible Flet app on the same machine.

The first paint by the clock of whoever opens it, an answer by the page's own, once the page stands still: a whole page
of help lines against one line of text.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import psutil
from playwright.sync_api import Browser

from main import build_profile
from tests.e2e.driver import PHONE, AppProcess, Person, chromium, window_context
from tests.e2e.measuring import seen_ms

PASSPHRASE = "three kettles and a lantern"
HELLO = """
import asyncio, socket, sys
import flet as ft, uvicorn
from flet_web.fastapi import app as flet_app
def main(page):
    said = ft.Text("Hello")
    def answer(e):
        said.value = "Answered"
        said.update()
    page.add(said, ft.FilledButton("Ask", on_click=answer))
listener = socket.create_server(("127.0.0.1", 0))
print(f"http://127.0.0.1:{listener.getsockname()[1]}/open/", flush=True)
config = uvicorn.Config(flet_app(main, no_cdn=True), log_level="warning", access_log=False, ws="websockets-sansio")
asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))
"""
TABS = (("Journal", "This page is yours alone"), ("Groups", "Start a group"), ("Stories", "Record my story"))


def make_profile(data: Path) -> None:
    """A profile with a store, made without a screen."""

    async def make() -> None:
        companion = build_profile(data, "bench", "http://127.0.0.1:9").companion
        key, _ = companion.recovery_words()
        await companion.create("Hazel Fern", "gp", PASSPHRASE, key)
        await companion.lock()

    asyncio.run(make())


def first_text_ms(browser: Browser, app: AppProcess, text: str) -> tuple[float, Person]:
    """Time from opening the address to the first words in the accessibility tree."""
    context = window_context(browser, PHONE)
    started = time.perf_counter()
    person = Person(context, app, Path(tempfile.gettempdir()), "bench")
    person.see(text, 60_000)
    return (time.perf_counter() - started) * 1000, person


def press_to_text_ms(person: Person, name: str, text: str) -> float:
    started = time.perf_counter()
    person.press(name)
    person.see(text)
    return (time.perf_counter() - started) * 1000


def measure_start(rounds: int) -> dict[str, float]:
    paints: list[float] = []
    answers: list[float] = []
    switches: list[float] = []
    memory: list[float] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        script = folder / "hello.py"
        script.write_text(HELLO)
        make_profile(folder / "data")
        [browser] = stack.enter_context(chromium())
        for _ in range(rounds):
            hello = AppProcess(folder / "none", "none", command=[sys.executable, str(script)])
            try:
                hello_ms, window = first_text_ms(browser, hello, "Hello")
                window.stand_still()
                hello_answer = seen_ms(window, "Answered", partial(window.press, "Ask"))
                window.page.context.close()
            finally:
                hello.stop()
            ours = AppProcess(folder / "data", "bench", "--service", "http://127.0.0.1:9")
            try:
                ours_ms, window = first_text_ms(browser, ours, "Help lines are always open below")
                paints.append(ours_ms / hello_ms)
                window.stand_still()
                answer = seen_ms(window, "Works without a connection", partial(window.press, "Get help now"))
                answers.append(answer / hello_answer)
                window.press("Close")
                window.type("Passphrase", PASSPHRASE)
                window.page.keyboard.press("Enter")
                window.see("Weekly check-in")
                switches += [press_to_text_ms(window, tab, text) for tab, text in TABS]
                window.page.wait_for_timeout(3_000)
                memory.append(psutil.Process(ours.process.pid).memory_info().rss / 1e6)
                window.page.context.close()
            finally:
                ours.stop()
    return {
        "first_paint_vs_hello": round(statistics.median(paints), 2),
        "tab_switch_ms": round(statistics.median(switches), 1),
        "click_to_text_vs_hello": round(statistics.median(answers), 2),
        "idle_rss_mb": round(statistics.median(memory), 1),
    }
