"""Processes that tests start in great number: each is forked from one that has imported the code already.

To start Python and to import takes longer than what most of them are started for. Nothing of the test is in them.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection, wait

FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(["pytest", "services.relay.command"])  # each child imports what the test run began with


class Forked:
    """A process that runs a function of a module with these arguments, and ends with what that returns."""

    def __init__(
        self, work: Callable[..., int | None], *arguments: object, environment: dict[str, str] | None = None
    ) -> None:
        self._out, out = FORKED.Pipe(duplex=False)
        self._errors, errors = FORKED.Pipe(duplex=False)
        self._process = FORKED.Process(target=_run, args=(work, arguments, environment, out, errors), daemon=True)
        self._process.start()
        out.close()
        errors.close()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def readline(self) -> str:
        """Return the next line of what it says, empty if it has ended."""
        line = b""
        while not line.endswith(b"\n") and (letter := os.read(self._out.fileno(), 1)):
            line += letter
        return line.decode()

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float) -> tuple[str, str]:
        """Wait until it has ended, and return what else it said and wrote to its error log."""
        errors = self._rest(self._errors, timeout)
        said = self._rest(self._out, timeout)
        self._process.join(timeout)
        self._process.close()
        return said, errors

    def _rest(self, source: Connection, timeout: float) -> str:
        with source:
            pieces = []
            while wait([source], timeout):
                if not (piece := os.read(source.fileno(), 65_536)):
                    return b"".join(pieces).decode()
                pieces.append(piece)
        raise subprocess.TimeoutExpired(str(self.pid), timeout)


def _run(
    work: Callable[..., int | None],
    arguments: tuple[object, ...],
    environment: dict[str, str] | None,
    out: Connection,
    errors: Connection,
) -> None:
    for number, given in ((1, out), (2, errors)):
        os.dup2(given.fileno(), number)
        given.close()
    if environment is not None:
        os.environ.clear()
        os.environ.update(environment)
    sys.exit(work(*arguments))
