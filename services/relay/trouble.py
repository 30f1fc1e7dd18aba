"""Saying in the log that something is wrong: once when it begins, and once when it is over."""

import logging


class Trouble:
    """One thing that can be wrong. `what` is how the log names it."""

    def __init__(self, log: logging.Logger, what: str) -> None:
        self._log = log
        self._what = what
        self.is_on = False

    def begins(self, why: str = "") -> None:
        if not self.is_on:
            self._log.warning("%s", f"{self._what}: {why}" if why else self._what)
        self.is_on = True

    def ends(self) -> None:
        if self.is_on:
            self._log.warning("over: %s", self._what)
        self.is_on = False
