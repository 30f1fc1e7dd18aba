"""What a person does in a long conversation, each step with its time in ms as the page saw it."""

import re
import subprocess
import sys
from pathlib import Path

from tests.e2e.driver import ROOT, Person
from tests.e2e.measuring import DEADLINE_MS, seen_ms
from tests.many_messages import COUNT, NAME

FIELD = re.compile(f"^Message to {NAME}")
_SEEN_AT = """
([wanted, deadline]) => {
  const said = () => [...document.querySelectorAll('flt-semantics, flt-semantics span')].some(e =>
    (e.getAttribute('aria-label') || '').includes(wanted) || (!e.childElementCount && e.textContent.includes(wanted)));
  window.companionSeenAt = new Promise((resolve, reject) => {
    const end = setTimeout(() => reject(new Error('not seen: ' + wanted)), deadline);
    const eyes = new MutationObserver(() => {
      if (!said()) return;
      clearTimeout(end);
      eyes.disconnect();
      resolve(Date.now());
    });
    eyes.observe(document.body, {subtree: true, childList: true, attributes: true, characterData: true});
  });
  window.companionSeenAt.catch(() => {});
}
"""


class Member:
    """Somebody else's app, without a window."""

    def __init__(self, folder: Path, service: str, link: str, name: str) -> None:
        command = [sys.executable, "-m", "tests.e2e.member", str(folder), service, link, name]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)
        assert self._read() == "joined"

    def say(self, words: str) -> float:
        """Return when it was said, in ms since the epoch."""
        assert self.process.stdin is not None
        self.process.stdin.write(words + "\n")
        self.process.stdin.flush()
        return float(self._read())

    def _read(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def stop(self) -> None:
        """Let it send what is left, and end."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
        assert self.process.stdout is not None
        self.process.stdout.close()


def open_group(person: Person) -> float:
    """From the list to the newest messages; the list itself names the newest one, by another beginning."""
    wanted = f", Line {COUNT - 1} of a long talk"
    return seen_ms(person, wanted, lambda: _press_row(person))


def _press_row(person: Person) -> None:
    person.press(re.compile(f"^{NAME}"), exact=False)


def send(person: Person, words: str) -> float:
    """From Send to my own message in the conversation."""
    person.type(FIELD, words)
    return seen_ms(person, f"You, {words}", lambda: person.press("Send"))


def receive(person: Person, member: Member, words: str) -> float:
    """From somebody else's commit of a message to that message on this screen, across a real service."""
    person.page.evaluate(_SEEN_AT, [f", {words}", DEADLINE_MS])
    said_ms = member.say(words)
    return float(person.page.evaluate("() => window.companionSeenAt")) - said_ms
