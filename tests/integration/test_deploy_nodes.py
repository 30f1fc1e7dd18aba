"""`deploy/Caddyfile.nodes` as it is, in front of two nodes on one PostgreSQL: nobody notices that one is restarted."""

import asyncio
import secrets
import shutil

import httpx
import pytest

from tests.integration.people import until
from tests.integration.raw_device import RawDevice
from tests.integration.test_deploy import Proxy, free_port

CALLERS = 4
FAULTS_OF_A_DEATH = {"POST 502", "PUT 502", "GET cut", "POST cut", "PUT cut"}


@pytest.fixture
async def service(request, tmp_path, make_relay):
    """Two nodes, the proxy before them, and a device that comes through it."""
    if shutil.which("caddy") is None:
        pytest.skip("Caddy is not installed")
    database = request.getfixturevalue("postgres").create_database(secrets.token_hex(8))
    port = free_port()
    options = (
        "--database",
        database,
        "--origin",
        f"https://localhost:{port}",
        "--blobs",
        str(tmp_path / "blobs"),
        "--drain-seconds",
        "3",
        "--events-per-minute",
        "1000000",
    )
    nodes = [make_relay(*options) for _ in range(2)]
    proxy = Proxy(tmp_path, port, *(node.port for node in nodes), config="Caddyfile.nodes")
    proxy.start()
    trust = await asyncio.to_thread(proxy.trust)
    device = await RawDevice(proxy.url, trust=trust).open_session()
    yield nodes, proxy, device
    await device.close()
    proxy.stop()


class Callers:
    """Devices that append, read and upload all the time, and note every answer that is not a success."""

    def __init__(self, device):
        self._device = device
        self._group, self._capability = secrets.token_hex(16), secrets.token_hex(32)
        self._is_over = False
        self.seqs: list[int] = []
        self.failures: list[str] = []
        self.done = 0

    async def __aenter__(self):
        await self._device.create_group(self._group, self._capability)
        self._tasks = [asyncio.create_task(self._go_on()) for _ in range(CALLERS)]
        await self.wait_for(40)
        return self

    async def __aexit__(self, *_):
        self._is_over = True
        await asyncio.gather(*self._tasks)

    async def wait_for(self, calls):
        """Wait for so many calls more."""
        until = self.done + calls
        async with asyncio.timeout(60):
            while self.done < until:  # noqa: ASYNC110  (a count of what other tasks do)
                await asyncio.sleep(0.02)

    async def wait_for_calm(self, calls):
        """Wait until so many calls in a row went well."""
        failed = -1
        while failed < len(self.failures):
            failed = len(self.failures)
            await self.wait_for(calls)

    async def _go_on(self):
        path, capability = f"/v1/groups/{self._group}/events", {"companion-capability": self._capability}
        while not self._is_over:
            headers = {**capability, "idempotency-key": secrets.token_hex(16)}
            appended = await self._call("POST", path, headers=headers, content=secrets.token_bytes(900))
            self.seqs.append(appended.json()["seq"])
            await self._call("GET", f"{path}?since=0&limit=1", headers=capability)
            await self._call("PUT", f"/v1/blobs/{secrets.token_hex(16)}", content=secrets.token_bytes(200_000))

    async def _call(self, method, path, **options):
        """Call, and again if that failed, as the app does."""
        async with asyncio.timeout(30):
            while True:
                try:
                    answer = await self._device.call(method, path, **options)
                    if answer.is_success:
                        self.done += 1
                        return answer
                    self.failures.append(f"{method} {answer.status_code}")
                except (httpx.ReadError, httpx.RemoteProtocolError):  # the answer was on its way
                    self.failures.append(f"{method} cut")
                await asyncio.sleep(0.1)


async def until_used(node):
    """Wait until the proxy has seen that a node is back, and sends it calls."""
    async with httpx.AsyncClient(base_url=node.url, trust_env=False) as http:

        async def is_used():
            return 'call="append"' in (await http.get("/metrics")).text

        await until(is_used)


async def test_rolling_restart_is_noticed_by_nobody(service):
    nodes, _, device = service
    async with Callers(device) as callers:
        for node in nodes:
            await asyncio.to_thread(node.stop)
            await callers.wait_for(60)
            await asyncio.to_thread(node.start)
            await until_used(node)
            await callers.wait_for(60)
    assert callers.failures == []
    assert sorted(callers.seqs) == list(range(1, len(callers.seqs) + 1)), "each went in once"


async def test_death_of_a_node_costs_some_calls_a_second_try_until_the_proxy_notices(service):
    nodes, _, device = service
    async with Callers(device) as callers:
        await asyncio.to_thread(nodes[0].kill)
        await callers.wait_for(20)
        async with asyncio.timeout(60):
            await callers.wait_for_calm(60)
        before = list(callers.failures)
        await callers.wait_for(200)
    assert callers.failures == before, "it has noticed"
    assert set(before) <= FAULTS_OF_A_DEATH
    assert sorted(callers.seqs) == list(range(1, len(callers.seqs) + 1)), "each went in once"
