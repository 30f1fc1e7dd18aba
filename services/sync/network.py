"""Every sync service of one person: a client and a loop for each, the embedded one included."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

import httpx

from companion.errors import NoOwnService
from companion.farewells import Farewell, LogToDrop
from companion.ports import Relay, SyncSide
from companion.wire import LOCAL_SERVICE
from services.sync.client import RelayClient
from services.sync.embedded import EmbeddedRelay
from services.sync.farewells import bring_farewell, drop_logs, sign_farewell
from services.sync.loop import SyncLoop

log = logging.getLogger(__name__)


class RelayNetwork:
    """`default_service` is a base address, "local" for the embedded service, or empty."""

    def __init__(self, default_service: str, embedded: EmbeddedRelay | None) -> None:
        self.default_service = default_service
        self._embedded = embedded
        self._device = ""
        self._sign_private = b""
        self._clients: dict[str, RelayClient] = {}
        self._loops: dict[str, SyncLoop] = {}
        self._moved = asyncio.Event()

    async def open(self, device: str, sign_private: bytes) -> None:
        self._device, self._sign_private = device, sign_private

    async def relay(self, service: str) -> Relay:
        """Return the client of this service. Raises SyncError if it cannot be started or reached."""
        return await self._client(service)

    async def follow(self, service: str, side: SyncSide) -> None:
        loop = self._loops.get(service)
        if not self._device:  # closing: what a loop ends with must not start another
            return
        if loop is None:
            loop = self._loops[service] = SyncLoop(side, self._factory(service), moved=self._moved.set)
            loop.start()
        else:
            loop.wake()

    async def hand_over(
        self, job: Callable[[], Awaitable[None]], busy: Callable[[], Awaitable[frozenset[str]]], patience_s: float
    ) -> None:
        try:
            async with asyncio.timeout(patience_s):
                for loop in self._loops.values():
                    loop.wake()
                await job()
                while True:
                    self._moved.clear()
                    waited_for = await busy()
                    if not any(loop.is_trying for service, loop in self._loops.items() if service in waited_for):
                        return
                    await self._moved.wait()
        except TimeoutError:
            log.info("what was to go waits for the next time")

    async def close(self) -> None:
        self._device, self._sign_private = "", b""
        loops, self._loops = self._loops, {}
        for loop in loops.values():
            await loop.stop()
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.close()

    async def farewells(
        self,
        services: Iterable[str],
        device: str,
        sign_private: bytes,
        scope: str,
        logs: Mapping[str, tuple[LogToDrop, ...]] = MappingProxyType({}),
    ) -> tuple[Farewell, ...]:
        made: list[Farewell] = []
        for service in sorted(services):
            address = service
            if service == LOCAL_SERVICE:
                address = "" if self._embedded is None else await self._embedded.noted()
            try:
                signed = sign_farewell(service, address, device, sign_private, scope)
                made.append(replace(signed, logs=logs.get(service, ())))
            except (httpx.InvalidURL, ValueError):  # nobody was ever reached there
                log.warning("no farewell for a service without an address")
        return tuple(made)

    async def bring(self, farewell: Farewell) -> None:
        address = await self._address(farewell.service)
        await bring_farewell(address, farewell)
        if farewell.logs:
            await drop_logs(address, farewell.logs)

    def _factory(self, service: str) -> Callable[[], Awaitable[RelayClient]]:
        return lambda: self._client(service)

    async def _client(self, service: str) -> RelayClient:
        address = await self._address(service)
        client = self._clients.get(service)
        if client is None or client.given != address:
            if client is not None:
                await client.close()
            client = self._clients[service] = RelayClient(address, self._device, self._sign_private)
        return client

    async def _address(self, service: str) -> str:
        """Return where the service is now; the one of this computer is started if it does not run."""
        if service != LOCAL_SERVICE:
            return service
        if self._embedded is None:
            raise NoOwnService("this device cannot run a sync service of its own")
        return await self._embedded.ensure()
