"""How long a press, a key or a turn of the wheel takes until words stand in the page, by the page's own clock.

The clock starts at the event in the page and stops when the words are in the accessibility tree, so
that neither the driver nor its connection is counted.
"""

from collections.abc import Callable
from typing import Any

from tests.e2e.driver import Person

DEADLINE_MS = 20_000

_WATCH = """
([wanted, deadline]) => {
  const said = () => [...document.querySelectorAll('flt-semantics, flt-semantics span')].some(e =>
    (e.getAttribute('aria-label') || '').includes(wanted) || (!e.childElementCount && e.textContent.includes(wanted)));
  if (said()) throw new Error('the words are there already');
  let begin = null;
  const start = () => { if (begin === null) begin = performance.now(); };
  const once = {capture: true, once: true};
  for (const name of ['pointerdown', 'keydown', 'wheel']) document.addEventListener(name, start, once);
  window.companionSeen = new Promise((resolve, reject) => {
    const end = setTimeout(() => reject(new Error('not seen: ' + wanted)), deadline);
    const eyes = new MutationObserver(() => {
      if (begin === null || !said()) return;
      clearTimeout(end);
      eyes.disconnect();
      resolve(performance.now() - begin);
    });
    eyes.observe(document.body, {subtree: true, childList: true, attributes: true, characterData: true});
  });
  window.companionSeen.catch(() => {});
}
"""


def seen_ms(person: Person, words: str, act: Callable[[], Any], deadline_ms: int = DEADLINE_MS) -> float:
    """Do something and return the ms from its first event in the page until the words are there."""
    person.page.evaluate(_WATCH, [words, deadline_ms])
    act()
    return float(person.page.evaluate("() => window.companionSeen"))
