"""A real relay process on loopback that a test starts, stops and kills."""

import signal
import subprocess
import sys
from pathlib import Path

from services.relay import command
from tests.forked import Forked

START_S = 20


class RelayProcess:
    """One relay with one folder; it keeps its port from start to start."""

    def __init__(
        self,
        data: Path,
        *options: str,
        environment: dict[str, str] | None = None,
        within: tuple[str, ...] = (),
        program: tuple[str, ...] = (),
    ) -> None:
        self.data = data
        if within or program:  # a command that runs it somewhere, or another one than what is tested here
            program = (*within, *(program or (sys.executable, "-m", "services.relay")))
        self.program = program
        self.options = options
        self.environment = environment
        self.port = 0
        self.process: subprocess.Popen[str] | Forked | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        words = ["serve", "--port", str(self.port), "--data", str(self.data), *self.options]
        if self.program:
            self.process = subprocess.Popen(
                [*self.program, *words],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=self.environment,
            )
            assert self.process.stdout is not None
            line = self.process.stdout.readline()
        else:
            self.process = Forked(command.main, words, environment=self.environment)
            line = self.process.readline()
        assert line.startswith("Listening on http://127.0.0.1:"), line + self.end()
        self.port = int(line.rsplit(":", 1)[1])

    def stop(self) -> str:
        """End it as an operator does, and return what it wrote to its error log."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.end()

    def kill(self) -> str:
        """End it as a power cut does."""
        assert self.process is not None
        self.process.kill()
        return self.end()

    def end(self) -> str:
        assert self.process is not None
        try:
            _, errors = self.process.communicate(timeout=START_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        self.process = None
        return errors

    def close(self) -> None:
        if self.process is not None:
            self.kill()
