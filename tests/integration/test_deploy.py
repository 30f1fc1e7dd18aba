"""The files in `deploy/` work as they are: Caddy in front of a real relay on loopback, and a sound systemd unit."""

import asyncio
import os
import secrets
import shutil
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.integration.raw_device import RawDevice

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
START_S = 30


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Proxy:
    """Caddy with the project's Caddyfile, on loopback, with an authority of its own."""

    def __init__(self, folder, port, *upstreams, config="Caddyfile"):
        self.url = f"https://localhost:{port}"
        self._config = DEPLOY / config
        self.port = port
        self.authority = folder / "data" / "caddy" / "pki" / "authorities" / "local" / "root.crt"
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "XDG_DATA_HOME": str(folder / "data"),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "RELAY_SITE": self.url,
            "RELAY_BIND": "127.0.0.1",
            "RELAY_HTTP_PORT": str(free_port()),
            "RELAY_UPSTREAM": f"127.0.0.1:{upstreams[0]}",
            "RELAY_UPSTREAMS": " ".join(f"127.0.0.1:{upstream}" for upstream in upstreams),
        }

    def start(self):
        command = ["caddy", "run", "--config", str(self._config), "--adapter", "caddyfile"]
        self.process = subprocess.Popen(command, env=self._environment, stderr=subprocess.PIPE, text=True)

    def trust(self):
        """Wait until it answers, and return what makes its certificate count."""
        deadline = time.monotonic() + START_S
        while True:
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline, "the proxy did not come up"
            try:
                trust = ssl.create_default_context(cafile=self.authority)
                httpx.get(self.url, verify=trust, trust_env=False)
                return trust
            except (OSError, httpx.TransportError):
                time.sleep(0.05)

    def stop(self):
        self.process.terminate()
        return self.process.communicate(timeout=START_S)[1]


@pytest.fixture
async def behind_proxy(tmp_path, make_relay):
    """A relay, the proxy before it, and a device that comes through the proxy."""
    if shutil.which("caddy") is None:
        pytest.skip("Caddy is not installed")
    port = free_port()
    relay = make_relay("--origin", f"https://localhost:{port}")
    proxy = Proxy(tmp_path, port, relay.port)
    proxy.start()
    trust = await asyncio.to_thread(proxy.trust)
    device = await RawDevice(proxy.url, trust=trust).open_session()
    yield relay, proxy, device
    await device.close()
    if proxy.process.poll() is None:
        proxy.stop()


async def test_stream_comes_through_the_proxy_as_it_happens(behind_proxy):
    _, _, device = behind_proxy
    group, capability = secrets.token_hex(16), secrets.token_hex(32)
    await device.create_group(group, capability)
    async with asyncio.timeout(60), device.stream((group, capability, 0)) as frames:
        assert (await anext(frames))[0] == "live"
        for number in range(1, 6):
            assert (await device.append(group, capability, b"x" * 20)).status_code == 201
            kind, fields = await anext(frames)  # nothing is kept back until a buffer is full
            assert (kind, fields["seq"]) == ("event", number)


async def test_part_of_a_blob_comes_through_the_proxy(behind_proxy):
    _, _, device = behind_proxy
    content, path = secrets.token_bytes(900_000), f"/v1/blobs/{secrets.token_hex(16)}"
    assert (await device.call("PUT", path, content=content)).status_code == 201
    part = await device.call("GET", path, headers={"range": "bytes=100000-100999"})
    assert part.status_code == 206
    assert part.headers["content-range"] == "bytes 100000-100999/900000"
    assert part.content == content[100_000:101_000]


async def test_what_is_the_operators_is_not_served_outside(behind_proxy):
    relay, _, device = behind_proxy
    for path in ("/metrics", "/healthz", "/readyz"):
        assert (await device.call("GET", path)).status_code == 404
        async with httpx.AsyncClient(trust_env=False) as http:
            assert (await http.get(relay.url + path)).status_code == 200


async def test_proxy_writes_no_address_of_a_caller_into_its_log(behind_proxy):
    relay, proxy, device = behind_proxy
    await asyncio.to_thread(relay.kill)
    assert (await device.call("GET", "/v1/about")).status_code == 502
    errors = await asyncio.to_thread(proxy.stop)
    assert "127.0.0.1" not in errors
    assert "remote" not in errors


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
def test_unit_is_sound(tmp_path):
    command = Path(sys.executable).with_name("companion-relay")
    text = (DEPLOY / "companion-relay.service").read_text(encoding="utf-8")
    unit = tmp_path / "companion-relay.service"
    unit.write_text(text.replace("/opt/companion/bin/companion-relay", str(command)), encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", str(unit)],  # noqa: S607  (wherever the system has it)
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    problems = [line for line in done.stderr.splitlines() if "companion-relay" in line]
    assert (done.returncode, problems) == (0, [])
