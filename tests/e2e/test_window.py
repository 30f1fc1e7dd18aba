"""The window in a real browser: what other programs on this computer, other tabs and other sites can do with it."""

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.e2e.driver import DESKTOP, AppProcess, Person, chromium, window_context
from tests.e2e.journey import first_start, go, noon_zone

HIDE = """(hidden) => {
  Object.defineProperty(document, 'visibilityState', {configurable: true, get: () => hidden ? 'hidden' : 'visible'});
  Object.defineProperty(document, 'hidden', {configurable: true, get: () => hidden});
  document.dispatchEvent(new Event('visibilitychange'));
  window.dispatchEvent(new Event(hidden ? 'blur' : 'focus'));
}"""
POISON = (
    "self.addEventListener('install', () => skipWaiting());"
    "self.addEventListener('activate', e => e.waitUntil(clients.claim()));"
    "self.addEventListener('fetch', e => e.respondWith(new Response('POISONED ' + e.request.url)));"
)
PREPARE = (
    "<script>navigator.serviceWorker.register('/poison.js').then(() => navigator.serviceWorker.ready)"
    ".then(() => document.title = 'ready')</script>"
)


class Program:
    """Another program's web server on this computer. It notes every header that a browser sends it."""

    def __init__(self) -> None:
        heard: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                heard.append(f"{self.path}\n{self.headers}")
                is_script = self.path == "/poison.js"
                self.send_response(200)
                self.send_header("Content-Type", "text/javascript" if is_script else "text/html")
                self.end_headers()
                self.wfile.write((POISON if is_script else PREPARE).encode())

            def log_message(self, *said: object) -> None: ...

        self.heard = heard
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def program() -> Iterator[Program]:
    program = Program()
    yield program
    program.close()


@pytest.fixture
def window(tmp_path: Path) -> Iterator[Person]:
    app = AppProcess(tmp_path / "data", "me", env=noon_zone())
    try:
        with chromium() as (browser,):
            person = Person(window_context(browser, DESKTOP), app, tmp_path / "shots", "ann")
            first_start(person, "Ann Lee", "GP")
            yield person
    finally:
        app.stop()


def secrets_of(window: Person) -> tuple[str, str]:
    """The name in the address, and the pass that lies in the window."""
    return window.app.address.split("/")[2], str(window.page.evaluate("sessionStorage.getItem('companion')"))


def file_of(app: AppProcess) -> str:
    return next(line.strip() for line in app.lines if line.strip().endswith("open.html"))


def shows_the_app(page: Page) -> bool:
    page.wait_for_timeout(2_500)
    return page.locator("flt-semantics-placeholder").count() > 0


def test_other_programs_tabs_and_browsers_do_not_get_in(window: Person, program: Program) -> None:
    host, word = secrets_of(window)
    context = window.page.context
    other = context.new_page()

    # A page of another program on this computer, in the same browser: it is told nothing, and reaches nothing.
    other.goto(f"http://127.0.0.1:{program.port}/")
    assert not context.cookies()
    assert not any(secret in said for said in program.heard for secret in (word, host, "companion"))
    assert other.evaluate("sessionStorage.length") == 0
    port = host.rpartition(":")[2]
    for name in (host, f"127.0.0.1:{port}"):
        ended = f"""new Promise(end => {{ const s = new WebSocket('ws://{name}/ws/{word}');
            s.onopen = () => end('open'); s.onclose = () => end('closed'); }})"""
        assert other.evaluate(ended) == "closed"

    # Another tab that knows the address, and the address a second time.
    for address in (f"http://{host}/", window.app.address):
        other.goto(address)
        assert not shows_the_app(other)

    # The same window loaded anew, and the file that only the owner can read.
    window.page.reload()
    window.show_semantics()
    window.see("Groups")
    file = file_of(window.app)
    assert (os.stat(file).st_mode & 0o777, os.stat(os.path.dirname(file)).st_mode & 0o777) == (0o600, 0o700)
    other.goto(f"file://{file}")
    assert shows_the_app(other)


def test_what_an_earlier_program_left_on_the_port_does_not_see_the_window(tmp_path: Path, program: Program) -> None:
    with chromium() as (browser,):
        context = window_context(browser, DESKTOP)
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{program.port}/")
        page.wait_for_function("document.title == 'ready'")
        page.goto(f"http://127.0.0.1:{program.port}/any")
        assert "POISONED" in page.inner_text("body")
        program.close()
        app = AppProcess(tmp_path / "data", "me", "--port", str(program.port), env=noon_zone())
        try:
            page.goto(app.address)
            assert shows_the_app(page)
        finally:
            app.stop()


def test_looking_at_another_tab_for_a_moment_locks_nothing(window: Person) -> None:
    go(window, "Journal")
    window.page.evaluate(HIDE, True)
    window.page.wait_for_timeout(3_000)
    window.page.evaluate(HIDE, False)
    window.page.wait_for_timeout(1_500)
    assert "Enter your passphrase" not in window.tree()
