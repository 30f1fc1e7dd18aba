"""The words of an open page on this screen: one whole text with its steps, in the fields that it stands in."""

import time

from views.client import BUSY_S
from views.journal.history import History
from views.journal.parts import LIMIT, Piece, cut, join
from views.mirror.typed import Typed, merged, same_ends

PASTED = 500
"""More characters than this at once were not typed key by key."""


class Part(Typed):
    """One field of the page. `gap` parts it from the next."""

    def __init__(self, id: int, piece: Piece) -> None:
        super().__init__(piece.text)
        self.id, self.gap = id, piece.gap
        self.late_s, self.late_signs = BUSY_S, LIMIT  # the client says when it shows a part's words
        self.is_due = False
        """It is too long, and nobody is in the middle of typing in it: it is to be cut."""
        self.is_left = False
        self.edited_at = 0
        """Where the last key that was pressed in it ended; 0 before any."""
        self.cursor: int | None = None
        """Where its next rendering puts the cursor, counted in characters, if it has to."""
        self.cut_into: list[Part] = []
        """The parts, itself among them, that it was cut into last; the first `uncut` of `given` are from before."""
        self.uncut = 0

    @property
    def whole(self) -> str:
        return self.text + self.gap

    def taken_cursor(self) -> int | None:
        """Return where a rendering puts the cursor, in the client's units, once."""
        at, self.cursor = self.cursor, None
        return None if at is None else len(self.text[:at].encode("utf-16-le", "surrogatepass")) // 2

    @property
    def is_too_long(self) -> bool:
        return len(self.text) > LIMIT


class PageText:
    """Every change goes through `typed`, `put`, `undo` or `redo`; `text` is then the whole, `parts` are its fields."""

    def __init__(self, text: str) -> None:
        self.history = History(text)
        self.text = text
        self._ids = 0
        self.parts = self._new(cut(text))

    @property
    def layout(self) -> tuple[tuple[int, int], ...]:
        """Which fields there are, and which of them must be rendered: each one's id and turn."""
        return tuple((part.id, part.turn) for part in self.parts)

    @property
    def steps(self) -> tuple[bool, bool]:
        """Whether there is something to undo, and to do again."""
        return self.history.can_undo, self.history.can_redo

    def typed(self, part: Part, text: str) -> None:
        """Take what a field holds after a key or a paste."""
        if part not in self.parts or text == part.text:
            return
        before, given, part.is_left = part.text, len(part.given), False
        is_late = part.is_late(text)
        part.uncut -= given - len(part.given)
        if is_late and part.uncut > 0:
            self._mend(part, text)
        else:
            part.heard(text)
            part.edited_at = len(part.text) - same_ends(before, part.text)[1]
            if part.is_too_long:
                part.is_due = part.is_due or len(part.text) - len(before) > PASTED
        self.text = join((one.text, one.gap) for one in self.parts)
        self.history.typed(self.text, time.monotonic())

    def left(self, part: Part) -> None:
        """The cursor has gone elsewhere."""
        part.is_left, part.is_due = True, part.is_too_long

    @property
    def is_due(self) -> bool:
        return any(part.is_due for part in self.parts)

    def lay(self) -> None:
        """Cut what is due. The part with the cursor keeps its field."""
        for part in [one for one in self.parts if one.is_due]:
            self._cut(part)

    def put(self, text: str) -> None:
        """Take words that nobody typed in these fields, such as another window's: a step of its own.

        The cursor stays beside the words where it was seen last; without that the client sets it to the end.
        """
        before = {part.id: (part.turn, part.text) for part in self.parts}
        self.history.put(text)
        self._show(text)
        for part in self.parts:
            turn, was = before.get(part.id, (part.turn, part.text))
            if part.turn != turn and part.edited_at and not part.is_left:
                part.cursor = part.edited_at = moved(part.edited_at, was, part.text)

    def undo(self) -> None:
        self._show(self.history.undo())

    def redo(self) -> None:
        self._show(self.history.redo())

    def _new(self, pieces: tuple[Piece, ...]) -> list[Part]:
        self._ids += len(pieces)
        return [Part(self._ids - len(pieces) + number, piece) for number, piece in enumerate(pieces)]

    def _cut(self, part: Part) -> None:
        part.is_due = False
        *pieces, last = cut(part.text)
        if not pieces:
            return
        self._forget_cuts()
        parts = self._new((*pieces, last._replace(gap=part.gap)))
        start = 0
        for number, piece in enumerate(parts):
            if part.edited_at <= start + len(piece.text) or piece is parts[-1]:
                part.gap, part.cursor = piece.gap, max(0, part.edited_at - start)
                part.put(piece.text)
                parts[number] = part
                break
            start += len(piece.whole)
        at = self.parts.index(part)
        self.parts[at : at + 1] = part.cut_into = parts
        part.uncut = len(part.given) - 1

    def _mend(self, part: Part, text: str) -> None:
        """A key was pressed in the long part before the client heard that it was cut: put it into its pieces."""
        at, behind = self.parts.index(part.cut_into[0]), self.parts.index(part.cut_into[-1]) + 1 - len(self.parts)
        before, part.given[0] = part.given[0], text
        head, uncut, turn, was = join((one.text, one.gap) for one in self.parts[:at]), part.uncut, part.turn, part.text
        laid, tail = _ends(self.parts[at : len(self.parts) + behind], self.parts[len(self.parts) + behind :])
        self._show(head + merged(before, laid, text) + tail)
        part.cursor = len(part.text) - same_ends(was, part.text)[1]
        if part.turn == turn:
            part.put(part.text)  # the key went elsewhere, and the client shows the long part all the same
        part.cut_into, part.uncut = self.parts[at : len(self.parts) + behind], uncut

    def _forget_cuts(self) -> None:
        """The parts of an earlier cut may not be what they were."""
        for part in self.parts:
            part.uncut = 0

    def _show(self, text: str) -> None:
        """Let the fields show this text; those whose words stay are left alone."""
        head, tail, start, end = 0, 0, 0, len(text)
        while head < len(self.parts) - 1 and text.startswith(self.parts[head].whole, start):
            start += len(self.parts[head].whole)
            head += 1
        while head + tail < len(self.parts) - 1:
            last = self.parts[-1 - tail].whole
            if not text.endswith(last, start, end):
                break
            end -= len(last)
            tail += 1
        old = self.parts[head : len(self.parts) - tail]
        gap = old[-1].gap if text.endswith(old[-1].gap, start, end) else ""
        *pieces, piece = cut(text[start : end - len(gap)])
        new = self._new((*pieces, piece._replace(gap=gap)))
        for number, (was, now) in enumerate(zip(old, new, strict=False)):
            if was.text != now.text:
                was.put(now.text)
            was.gap, was.is_due, new[number] = now.gap, False, was
        self.parts[head : len(self.parts) - tail] = new
        self.text = text
        self._forget_cuts()


def moved(at: int, before: str, after: str) -> int:
    """Return where a place in a text lies after one stretch of it became another; at its end, if it lay inside."""
    head, tail = same_ends(before, after)
    at = min(at, len(before))
    if at <= head:
        return at
    return len(after) - min(len(before) - at, tail)


def _ends(parts: list[Part], behind: list[Part]) -> tuple[str, str]:
    """Return the text of some parts without their last gap, and what follows it."""
    *most, last = [part.whole for part in parts]
    end = len(last) - len(parts[-1].gap)
    return "".join([*most, last[:end]]), "".join([last[end:], *(part.whole for part in behind)])
