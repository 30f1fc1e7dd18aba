"""Start the real app and drive it as a person would: Debian's Chromium, the accessibility tree, real keys."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright
from playwright.sync_api import TimeoutError as StillThere

ROOT = Path(__file__).resolve().parents[2]
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 800}
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
]
START_S, STEP_MS = 40.0, 20_000
FOCUSED = """
() => {
  const one = document.activeElement;
  return one ? one.getAttribute('aria-label') || one.textContent || '' : '';
}
"""
STILL = """
() => new Promise(done => {
  let quiet;
  const stop = () => { eyes.disconnect(); clearTimeout(quiet); clearTimeout(last); done(); };
  const again = () => { clearTimeout(quiet); quiet = setTimeout(stop, 300); };
  const eyes = new MutationObserver(again);
  const last = setTimeout(stop, 5000);
  eyes.observe(document.body, {subtree: true, childList: true, attributes: true});
  again();
})
"""


class AppProcess:
    """`main.py` in a process group of its own, and the one-time address it printed."""

    def __init__(
        self,
        data: Path,
        profile: str,
        *arguments: str,
        env: dict[str, str] | None = None,
        command: list[str] | None = None,
    ) -> None:
        if command is None:
            command = [sys.executable, str(ROOT / "main.py"), "--web", "--no-browser", "--data", str(data)]
            command += ["--profile", profile, *arguments]
        self.lines: list[str] = []
        self._found = threading.Event()
        self.address = ""
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1", **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._found.wait(START_S):
            self.kill()
            raise RuntimeError("the app printed no address:\n" + "".join(self.lines))

    def _read(self) -> None:
        stream = self.process.stdout
        for line in stream or ():
            self.lines.append(line)
            found = re.search(r"http://[\w.]+:\d+/open/\S*", line)
            if found:
                self.address = found.group()
                self._found.set()

    @property
    def output(self) -> str:
        return "".join(self.lines)

    def kill(self) -> None:
        """kill -9, as a battery does it."""
        self._signal(signal.SIGKILL)

    def stop(self) -> None:
        self._signal(signal.SIGTERM)

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(15)
        self._reader.join(5)
        if self.process.stdout:
            self.process.stdout.close()


class Person:
    """One browser window on one app."""

    def __init__(self, context: BrowserContext, app: AppProcess, shots: Path, name: str) -> None:
        self.app, self.name, self._shots = app, name, shots
        self.page: Page = context.new_page()
        self.console: list[str] = []
        self.foreign: list[str] = []
        self.page.on("console", lambda message: self.console.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.console.append(f"error: {error}"))
        self.page.on("crash", lambda _: self.console.append("the page crashed"))
        self.page.on("response", lambda response: self._note_address(response.url))
        self.page.on("requestfailed", self._note_failure)
        self.open(app.address)

    def _note_failure(self, request: Any) -> None:
        """A request that the page's own policy blocked never left the computer; any other one would have."""
        if "csp" not in str(request.failure).lower():
            self._note_address(request.url)

    def _note_address(self, url: str) -> None:
        here = self.app.address.split("/")[2]
        if not url.startswith((f"http://{here}/", f"ws://{here}/", "data:", "blob:")):
            self.foreign.append(url)

    def open(self, address: str) -> None:
        self.page.goto(address)
        self.show_semantics()

    def show_semantics(self) -> None:
        """Turn Flutter's accessibility tree into elements."""
        self.page.wait_for_selector("flt-semantics-placeholder", state="attached", timeout=60_000)
        self.page.eval_on_selector("flt-semantics-placeholder", "e => e.click()")
        self.page.wait_for_selector("flt-semantics [role], flt-semantics span", state="attached", timeout=60_000)

    def button(self, name: str | re.Pattern[str], exact: bool = True) -> Locator:
        by_role = self.page.get_by_role("button", name=name, exact=exact)
        for role in ("tab", "switch", "checkbox", "radio", "menuitem"):
            by_role = by_role.or_(self.page.get_by_role(role, name=name, exact=exact))
        return by_role.first

    def press(self, name: str | re.Pattern[str], exact: bool = True) -> None:
        target = self.button(name, exact)
        target.wait_for(state="attached", timeout=STEP_MS)
        with suppress(Exception):
            target.scroll_into_view_if_needed(timeout=1_000)
        target.click(timeout=STEP_MS)

    def type(self, label: str | re.Pattern[str], text: str) -> None:
        self.stand_still()
        self.focus(self.page.get_by_role("textbox", name=label).first)
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(text, delay=10)
        self.settle()

    def stand_still(self) -> None:
        """Wait until a page has come in: meanwhile the client may move the focus to a new element, and what is
        typed into the old one reaches nobody."""
        self.settle()
        self.page.evaluate(STILL)

    def focus(self, field: Locator) -> None:
        """Click into a field. After a page was left, Chromium's focus may lie outside the app: Tab brings it back."""
        for _ in range(4):
            field.click(timeout=STEP_MS)
            self.settle()
            if self.page.evaluate("['INPUT', 'TEXTAREA'].includes(document.activeElement.tagName)"):
                return
            self.page.keyboard.press("Tab")
            self.settle()
        raise AssertionError("the field does not take the focus")

    def tab(self) -> str:
        """Press Tab and return the name of what has the focus then: the client moves it in a frame of its own."""
        self.page.evaluate("window.before = document.activeElement")
        self.page.keyboard.press("Tab")
        with suppress(StillThere):  # there is nothing else to go to
            self.page.wait_for_function("document.activeElement !== window.before", timeout=2_000)
        return self.page.evaluate(FOCUSED)

    def settle(self) -> None:
        """Let the client take a focus or a key: it does so in its own frames, which a busy machine delays."""
        frames = "() => new Promise(done => { const end = setTimeout(done, 1500); let left = 8;"
        frames += " const next = () => --left ? requestAnimationFrame(next) : (clearTimeout(end), done()); next(); })"
        self.page.evaluate(frames)
        self.page.wait_for_timeout(150)

    def see(self, text: str | re.Pattern[str], timeout_ms: int = STEP_MS) -> None:
        expect(self._said(text).first).to_be_attached(timeout=timeout_ms)

    def see_written(self, label: str | re.Pattern[str], text: str | re.Pattern[str]) -> None:
        """The field holds these words. Flutter writes them into its element only while the field has the focus."""
        field = self.page.get_by_role("textbox", name=label).first
        self.focus(field)
        expect(field).to_have_value(text, timeout=STEP_MS)

    def see_not(self, text: str | re.Pattern[str], timeout_ms: int = STEP_MS) -> None:
        expect(self._said(text)).to_have_count(0, timeout=timeout_ms)

    def count(self, text: str | re.Pattern[str]) -> int:
        return self._said(text).count()

    def _said(self, text: str | re.Pattern[str]) -> Locator:
        """Words as text or as an accessible name."""
        return self.page.get_by_text(text).or_(self.page.get_by_label(text))

    def shot(self, name: str) -> None:
        self.page.wait_for_timeout(400)  # ripples and transitions end
        self._shots.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=self._shots / f"{name}.png")

    def frames(self) -> int:
        """Return how many frames the window draws in a second. With 0 the browser stands still, not the app."""
        count = "() => new Promise(done => { let n = 0; const next = () => { n++; requestAnimationFrame(next); };"
        return self.page.evaluate(count + " requestAnimationFrame(next); setTimeout(() => done(n), 1000); })")

    def tree(self) -> str:
        return self.page.locator("body").aria_snapshot()


@contextmanager
def chromium(count: int = 1, *flags: str) -> Iterator[list[Browser]]:
    """Start `count` browsers that know nothing of each other."""
    with sync_playwright() as playwright:
        launch = playwright.chromium.launch
        browsers = [launch(executable_path=CHROMIUM, headless=True, args=[*FLAGS, *flags]) for _ in range(count)]
        try:
            yield browsers
        finally:
            for browser in browsers:
                browser.close()


def window_context(browser: Browser, size: dict[str, int], dark: bool = False) -> BrowserContext:
    return browser.new_context(
        viewport={"width": size["width"], "height": size["height"]},
        color_scheme="dark" if dark else "light",
        permissions=["microphone", "clipboard-read", "clipboard-write"],
        locale="en-GB",
    )


def wait_until(condition: Any, timeout_s: float = 20.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("the condition did not come true")
        time.sleep(0.05)
