"""The service a desktop runs for itself: one host, the same port, and a successor when the host goes."""

import asyncio
import importlib.util
import json
import signal
import socket
import subprocess
import sys

import httpx
import pytest

from companion.errors import NoOwnService
from services.sync.embedded import EmbeddedRelay

HOST_PROGRAM = """
import asyncio, sys
from pathlib import Path
from services.sync.embedded import EmbeddedRelay

async def main():
    relay = EmbeddedRelay(Path(sys.argv[1]))
    print(await relay.ensure(), flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture
async def app(tmp_path):
    """Make the relay side of app processes that share one folder."""
    made = []

    def make():
        made.append(EmbeddedRelay(tmp_path / "service"))
        return made[-1]

    yield make
    for relay in made:
        await relay.close()


async def answers(url):
    async with httpx.AsyncClient(trust_env=False) as http:
        return (await http.get(url + "/healthz")).status_code == 200


async def gone(url):
    """Wait until nobody listens there."""
    async with asyncio.timeout(20):
        while True:
            try:
                await answers(url)
            except httpx.TransportError:
                return


async def test_several_apps_at_once_share_one_service(app):
    urls = await asyncio.gather(*(app().ensure() for _ in range(3)))
    assert len(set(urls)) == 1
    assert await answers(urls[0])


async def test_ensure_again_keeps_the_service(app, tmp_path):
    relay = app()
    url = await relay.ensure()
    child = relay._child.pid
    assert await relay.ensure() == url
    assert relay._child.pid == child


async def test_successor_takes_over_on_the_same_port(app):
    host, guest = app(), app()
    url = await host.ensure()
    assert await guest.ensure() == url
    await host.close()
    assert await guest.ensure() == url
    assert await answers(url)
    assert guest._child is not None


async def test_other_port_when_somebody_took_the_old_one(app):
    relay = app()
    url = await relay.ensure()
    await relay.close()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", int(url.rsplit(":", 1)[1])))
        other.listen()
        second = await relay.ensure()
        assert second != url
        assert await answers(second)


async def test_killed_app_leaves_no_service_behind(tmp_path, app):
    command = [sys.executable, "-c", HOST_PROGRAM, str(tmp_path / "service")]
    host = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: ASYNC220
    url = (await asyncio.to_thread(host.stdout.readline)).strip()
    assert await answers(url)
    host.send_signal(signal.SIGKILL)
    await asyncio.to_thread(host.communicate)
    await gone(url)
    assert await app().ensure() == url


async def test_damaged_note_is_written_anew(app, tmp_path):
    folder = tmp_path / "service"
    folder.mkdir()
    for text in ("", "[]", '{"port": "x"}', '{"port": 99999999}', "\x00"):
        (folder / "relay.json").write_text(text)
        relay = app()
        assert await answers(await relay.ensure())
        assert json.loads((folder / "relay.json").read_text())["port"] == relay._noted_port()
        await relay.close()


async def test_missing_packages_are_named(app, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "apsw" else find(name))
    with pytest.raises(NoOwnService, match="apsw"):
        await app().ensure()
