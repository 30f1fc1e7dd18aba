"""A real relay process on loopback, and devices that call it."""

import contextlib
import hashlib
import secrets
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from companion.crypto.primitives import signing_keypair
from services.sync.client import RelayClient

START_S = 20


class RelayProcess:
    """One relay with one folder; it keeps its port from start to start."""

    def __init__(self, data: Path, *options: str) -> None:
        self.data = data
        self.options = options
        self.port = 0
        self.process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "services.relay", "serve", "--port", str(self.port), "--data", str(self.data)]
        self.process = subprocess.Popen(
            [*command, *self.options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
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


@pytest.fixture
def relay(tmp_path):
    process = RelayProcess(tmp_path / "relay")
    process.start()
    yield process
    process.close()


@pytest.fixture
def make_relay(tmp_path):
    """Start relays with options of their own."""
    with contextlib.ExitStack() as stack:

        def make(*options: str, data: Path | None = None) -> RelayProcess:
            process = RelayProcess(data or tmp_path / secrets.token_hex(4), *options)
            process.start()
            stack.callback(process.close)
            return process

        yield make


@pytest.fixture
async def device(relay):
    """Make clients of `relay`, each with a key of its own."""
    async with contextlib.AsyncExitStack() as stack:

        def make(url: str | None = None, private: bytes | None = None) -> RelayClient:
            client = new_client(url or relay.url, private)
            stack.push_async_callback(client.close)
            return client

        yield make


def new_client(url: str, private: bytes | None = None) -> RelayClient:
    seed, public = signing_keypair() if private is None else signing_keypair(lambda n: private)
    return RelayClient(url, hashlib.sha256(public).hexdigest()[:32], seed)


@pytest.fixture
def new_id():
    return lambda: secrets.token_hex(16)


@pytest.fixture
def new_capability():
    return lambda: secrets.token_hex(32)
