"""The service that a desktop runs for itself: a relay on loopback, shared by every app process of one folder.

The relay is a child process that ends with the app that started it. Its folder lock decides which process hosts it;
`relay.json` tells the others the port. When the host goes, the next one that asks takes over, on the same port if that
is free.
"""

import asyncio
import importlib.util
import subprocess
import sys
from asyncio.subprocess import Process
from pathlib import Path

from companion.errors import NoOwnService, Offline, StoreError, SyncError
from services.store.files import private_folder, read_small
from services.sync.protocol import SERVICE
from services.sync.transport import Transport

HOST = "127.0.0.1"
PACKAGES = ("apsw", "http_ece", "httptools", "obstore", "prometheus_client", "starlette", "uvicorn", "services.relay")
EXIT_FOLDER_IN_USE = 3  # services/relay/serve.py
EXIT_ADDRESS_IN_USE = 4
START_S = 15.0
ANSWER_S = 2.0
POLL_S = 0.05
END_S = 5.0


class EmbeddedRelay:
    """Finds or starts the relay of one folder."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._note = directory / "relay.json"
        self._child: Process | None = None
        self._starting = asyncio.Lock()

    async def ensure(self) -> str:
        """Return the base address of a relay that answers, after starting one if there is none.

        Raises: NoOwnService if its packages are missing, Offline if it does not start.
        """
        async with self._starting:
            port = self._noted_port()
            if port is not None and await self._answers(port):
                return f"http://{HOST}:{port}"
            missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
            if missing or not sys.executable:
                raise NoOwnService(f"missing: {', '.join(missing) or 'the Python program'}")
            return f"http://{HOST}:{await self._start(port or 0)}"

    async def noted(self) -> str:
        """Return the address at which the relay of this folder was found last, empty if there was none yet."""
        port = await asyncio.to_thread(self._noted_port)
        return "" if port is None else f"http://{HOST}:{port}"

    async def close(self) -> None:
        """End the relay if this process hosts it."""
        child, self._child = self._child, None
        if child is None:
            return
        if child.stdin is not None:
            child.stdin.close()
        try:
            async with asyncio.timeout(END_S):
                await child.wait()
        except TimeoutError:
            child.kill()
            await child.wait()

    async def _start(self, port: int) -> int:
        """Start a child, or find the one that another process starts at the same moment."""
        try:
            async with asyncio.timeout(START_S):
                while True:
                    code = await self._spawn(port)
                    if code == EXIT_ADDRESS_IN_USE and port:
                        port = 0
                    elif code not in (None, EXIT_FOLDER_IN_USE):
                        raise Offline(f"the embedded service ended with {code}")
                    noted = self._noted_port()
                    if noted is not None and await self._answers(noted):
                        return noted
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            await self.close()
            raise Offline("the embedded service did not start in time") from None

    async def _spawn(self, port: int) -> int | None:
        """Return None once our child listens, or the code it ended with."""
        await self.close()
        await asyncio.to_thread(self._make_folder)
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.relay",
            "serve",
            *("--host", HOST, "--port", str(port), "--data", str(self._directory)),
            *("--port-file", str(self._note), "--exit-with-stdin"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        self._child = child
        assert child.stdout is not None  # noqa: S101  (a pipe was asked for)
        if await child.stdout.readline():
            return None
        self._child = None
        return await child.wait()

    def _make_folder(self) -> None:
        try:
            private_folder(self._directory)
        except StoreError as error:
            raise Offline(f"the embedded service has no folder: {error}") from None

    def _noted_port(self) -> int | None:
        port = read_small(self._note).get("port")
        return port if isinstance(port, int) and 0 < port < 65_536 else None

    async def _answers(self, port: int) -> bool:
        """Whether the relay of this folder answers there, and not something else that took the port."""
        transport = Transport(f"http://{HOST}:{port}", None, whole_s=ANSWER_S)
        try:
            about = (await transport.call("GET", "/v1/about", answer_s=ANSWER_S)).fields()
            return bool(about["service"] == SERVICE and about["incarnation"] == read_small(self._note)["incarnation"])
        except (SyncError, ValueError, OSError, KeyError, TypeError):
            return False
        finally:
            await transport.close()
