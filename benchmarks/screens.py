"""How soon the app is there and how soon it answers, against the smallest possible Flet app on the same machine.

    uv run python -m benchmarks.screens [--quick]

Both are served the same way to the same headless Chromium; the runs take turns. Needs Chromium.
"""

import argparse
import asyncio
import json
import re
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import psutil
from playwright.sync_api import Browser

from benchmarks.screens_typing import measure_typing
from main import build_profile
from tests.e2e.chat_steps import Member, open_group, receive, send
from tests.e2e.driver import CHROMIUM, PHONE, AppProcess, Person, chromium, window_context
from tests.e2e.journey import go
from tests.e2e.many_steps import STEPS, at_ease
from tests.many_entries import make_profile as make_long_journal
from tests.many_messages import NAME, make_long_group
from tests.relay_process import RelayProcess

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


def measure(rounds: int) -> dict[str, float]:
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
                hello_answer = press_to_text_ms(window, "Ask", "Answered")
                window.page.context.close()
            finally:
                hello.stop()
            ours = AppProcess(folder / "data", "bench", "--service", "http://127.0.0.1:9")
            try:
                ours_ms, window = first_text_ms(browser, ours, "Help lines are always open below")
                paints.append(ours_ms / hello_ms)
                answers.append(press_to_text_ms(window, "Get help now", "Samaritans") / hello_answer)
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


def measure_journal(rounds: int) -> dict[str, float]:
    """Open, scroll, search and jump in a journal of 20,000 pages: ms by the page's own clock, no driver in between."""
    times: dict[str, list[float]] = {name: [] for name in STEPS}
    today = datetime.now().astimezone().date()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        make_long_journal(folder / "data", "long")
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
    """Open a group of 10,000 messages, send, and receive over a real service: ms by the page's own clock."""
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


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="three rounds instead of nine")
    if not CHROMIUM:
        print("no Chromium here: nothing was measured", file=sys.stderr)
        return 1
    rounds = 3 if parser.parse_args().quick else 9
    print(json.dumps(measure(rounds) | measure_journal(rounds) | measure_chat(rounds) | measure_typing(rounds)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
