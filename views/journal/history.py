"""Steps of typing that can be taken back and done again with buttons. Saving does not touch them.

The client's own keys (Ctrl and Z) take back too; what they change arrives here as typing.
"""

STEP_S = 0.8
"""A pause this long ends a step; so does a change from writing to erasing, and the end of a line."""
STEPS = 400
CHARACTERS = 2_000_000


class History:
    """The states of one text, the newest last. Times in seconds of any steady clock."""

    def __init__(self, text: str) -> None:
        self._past = [text]
        self._future: list[str] = []
        self._last_s = float("-inf")
        self._is_growing = True
        self._is_open = False

    @property
    def text(self) -> str:
        return self._past[-1]

    @property
    def can_undo(self) -> bool:
        return len(self._past) > 1

    @property
    def can_redo(self) -> bool:
        return bool(self._future)

    def typed(self, text: str, at_s: float) -> None:
        """Take the text after a key; keys in quick succession make one step."""
        if text == self.text:
            return
        is_growing = len(text) > len(self.text)
        goes_on = self._is_open and at_s - self._last_s < STEP_S and is_growing == self._is_growing
        if goes_on and len(self._past) > 1:
            self._past[-1] = text
        else:
            self._past.append(text)
        self._future.clear()
        self._last_s, self._is_growing, self._is_open = at_s, is_growing, not text.endswith("\n")
        self._forget()

    def put(self, text: str) -> None:
        """Take a text that nobody typed, such as a template: a step of its own."""
        if text != self.text:
            self._past.append(text)
            self._future.clear()
            self._forget()
        self._is_open = False

    def undo(self) -> str:
        """Go back one step and return the text; the same text if there is none."""
        if self.can_undo:
            self._future.append(self._past.pop())
        self._is_open = False
        return self.text

    def redo(self) -> str:
        """Do again what was taken back last."""
        if self._future:
            self._past.append(self._future.pop())
        self._is_open = False
        return self.text

    def _forget(self) -> None:
        while len(self._past) > STEPS or (len(self._past) > 2 and sum(map(len, self._past)) > CHARACTERS):
            del self._past[0]
