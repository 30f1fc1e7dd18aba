"""What somebody types in a field: a key reaches us, and renders nothing.

The client is ahead of us while somebody types. So a field's words are never written back to it, unless they came from
elsewhere (`put`); and keys that were pressed before the client heard of those are put into them when they arrive.
"""

import time
from collections.abc import Callable

import flet as ft

from views.mirror.effects import Told, use_kept, use_told

LATE_S, LATE_SIGNS = 1.0, 4
"""The client shows words that we put into a short field sooner than this, and a key that comes late is no more."""


def live(ref: ft.Ref[ft.TextField], otherwise: str) -> str:
    """Return what is in the field at this moment: keys pressed since the last event must not be taken back."""
    return otherwise if ref.current is None else ref.current.value


class Typed:
    """The words of one field."""

    def __init__(self, text: str = "") -> None:
        self.box = ft.Ref[ft.TextField]()
        self.text = text
        self.turn = 0
        """How often words came from elsewhere: each asks for a rendering."""
        self._shown = 0
        self.given: list[str] = []
        """What the client's field may hold as long as it has not shown `text`, oldest first; `text` is the last."""
        self._given_s = 0.0
        self.late_s: float = LATE_S
        self.late_signs: int = LATE_SIGNS

    def put(self, text: str) -> None:
        """Let the field show these words at its next rendering."""
        self._forget()
        self.given = [*(self.given or [self.text]), text]
        self.text, self.turn, self._given_s = text, self.turn + 1, time.monotonic()

    def heard(self, text: str) -> None:
        """Take what the client's field holds after a key."""
        if not self.is_late(text):
            self.text = text
        else:
            before, self.given[0] = self.given[0], text
            self.put(merged(before, self.text, text))

    def is_late(self, text: str) -> bool:
        """Return whether this was typed before the client showed `text`; into what, is then `given[0]`."""
        self._forget()
        nearest = min(reversed(range(len(self.given))), key=lambda n: _far(self.given[n], text), default=0)
        is_late = nearest < len(self.given) - 1 and _far(self.given[nearest], text) <= self.late_signs
        self.given = self.given[nearest:] if is_late else []
        return is_late

    def settled(self, turn: int) -> None:
        """The client has shown what was put in up to this turn."""
        if turn == self.turn:
            self.given = []

    def _forget(self) -> None:
        if time.monotonic() - self._given_s > self.late_s:
            self.given = []

    def value(self) -> str:
        """Return what a rendering gives the field: words from elsewhere once, else what stands in it already."""
        if self._shown == self.turn:
            return live(self.box, self.text)
        self._shown = self.turn
        return self.text


def merged(before: str, ours: str, theirs: str) -> str:
    """Return our words with the one change that made theirs of those before."""
    head, tail = same_ends(before, theirs)
    our_head, our_tail = same_ends(before, ours)

    def here(at: int) -> int:
        if at >= len(before) - our_tail:
            return len(ours) - (len(before) - at)
        return min(at, our_head) if at <= our_head else len(ours) - our_tail

    begin = here(head)
    return ours[:begin] + theirs[head : len(theirs) - tail] + ours[max(begin, here(len(before) - tail)) :]


def same_ends(one: str, other: str) -> tuple[int, int]:
    """Return how many characters two texts share at the beginning, and of the rest at the end."""
    most = min(len(one), len(other))
    head = _longest(most, lambda n: one.startswith(other[:n]))
    return head, _longest(most - head, lambda n: one.endswith(other[len(other) - n :]))


def _far(before: str, text: str) -> int:
    """Return how many characters went and came; a key always changes something."""
    same = sum(same_ends(before, text))
    return len(before) + len(text) - 2 * same if before != text else len(before) + len(text)


def _longest(most: int, is_same: Callable[[int], bool]) -> int:
    """Return the greatest number for which it is so, by halves."""
    low = 0
    while low < most:
        middle = (low + most + 1) // 2
        low, most = (middle, most) if is_same(middle) else (low, middle - 1)
    return low


class Field(Typed, Told):
    """A field by itself, which tells its component of each key."""

    def __init__(self, text: str = "") -> None:
        Typed.__init__(self, text)
        Told.__init__(self)

    def typed(self, text: str) -> None:
        self.heard(text)
        self.tell()

    def put(self, text: str) -> None:
        super().put(text)
        self.tell()


def use_field(matters: Callable[[str], object], start: str = "") -> Field:
    """A hook: a field whose component renders again only when what `matters` says of its words changes."""
    words = use_kept(lambda: Field(start))
    use_told(words, lambda: (words.turn, matters(words.text)))
    return words
