"""A real browser, a real relay, real apps; skipped with a reason where there is no browser."""

import math
import struct
import wave
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.e2e.driver import CHROMIUM, ROOT, AppProcess, Person, chromium, window_context
from tests.e2e.journey import noon_zone
from tests.relay_process import RelayProcess

TONE_HZ = 440


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if CHROMIUM:
        return
    reason = pytest.mark.skip(reason="no Chromium here: apt-get install chromium, or set CHROMIUM to its path")
    for item in items:
        if Path(item.fspath).is_relative_to(ROOT / "tests" / "e2e"):
            item.add_marker(reason)


@pytest.fixture(scope="session")
def microphone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of a pure tone that the browser takes for its microphone."""
    path = tmp_path_factory.mktemp("sound") / "tone.wav"
    rate = 48_000
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        for second in range(30):
            samples = (int(12_000 * math.sin(2 * math.pi * TONE_HZ * (second * rate + n) / rate)) for n in range(rate))
            out.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return path


@pytest.fixture(scope="module")
def browsers(microphone: Path) -> Iterator[tuple[Browser, Browser]]:
    """Two browsers: windows of one compete for the focus. While they live no asyncio test can run in this thread."""
    with chromium(2, f"--use-file-for-fake-audio-capture={microphone}") as (first, second):
        yield first, second


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[RelayProcess]:
    process = RelayProcess(tmp_path / "relay")
    process.start()
    yield process
    process.close()


@pytest.fixture
def start_app(tmp_path: Path) -> Iterator[object]:
    """Start the app of a profile; `service` is an address or empty for the embedded one."""
    running: list[AppProcess] = []

    def start(profile: str, service: str = "") -> AppProcess:
        arguments = ["--service", service] if service else []
        app = AppProcess(tmp_path / "data", profile, *arguments, env=noon_zone())
        running.append(app)
        return app

    yield start
    for app in running:
        app.stop()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """When a step fails, keep what every window showed."""
    outcome = yield
    report = outcome.get_result()
    if report.when != "call" or not report.failed:
        return
    people = [value for value in _locals(call) if isinstance(value, Person)]
    for person in {id(p): p for p in people}.values():
        report.sections.append((f"output of {person.name}'s app", person.app.output))
        report.sections.append((f"console of {person.name}'s window", "\n".join(person.console[-20:])))
        with suppress(Exception):
            report.sections.append((f"window of {person.name}, {person.frames()} frames a second", person.tree()))
            person.shot(f"failed-{person.name}")  # last: a window that draws nothing never gives one


def _locals(call: pytest.CallInfo[None]) -> Iterator[object]:
    trace = call.excinfo.tb if call.excinfo else None
    while trace is not None:
        yield from trace.tb_frame.f_locals.values()
        trace = trace.tb_next


@pytest.fixture
def open_window(browsers: tuple[Browser, Browser], request: pytest.FixtureRequest) -> Iterator[object]:
    """Open a window on an app, in the first or the second browser; it is closed after the test."""
    contexts: list[BrowserContext] = []

    def open_(app: AppProcess, name: str, size: dict[str, int], which: int = 0, dark: bool = False) -> Person:
        context = window_context(browsers[which], size, dark)
        contexts.append(context)
        return Person(context, app, ROOT / "shots" / request.node.callspec.id, name)

    yield open_
    for context in contexts:
        context.close()
