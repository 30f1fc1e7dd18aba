"""Readers who take nothing, or are no longer there: they cost nobody else anything, and are sent away after a while."""

import asyncio
import json
import os
import re
import secrets
import socket
import statistics

import psutil
import pytest

from services.relay.log.stream import SEND_TIMEOUT_S
from tests.integration.people import until
from tests.integration.raw_device import RawDevice

LAZY = 24
EVENTS = 150
BODY = os.urandom(32_768)
ROUNDS = 20
MEMORY_MOST_BYTES = 48 * 1024 * 1024  # 24 readers with a queue of their own would need 150 MB and more


@pytest.fixture
async def group(make_relay):
    relay = make_relay("--events-per-minute", "100000")
    device = await RawDevice(relay.url).open_session()
    name, capability = secrets.token_hex(16), secrets.token_hex(32)
    await device.create_group(name, capability)
    yield relay, device, name, capability
    await device.close()


async def lazy_reader(relay, name, capability):
    """Open a stream as a device of its own and never read from it."""
    device = await RawDevice(relay.url).open_session()
    await device.close()
    body = json.dumps({"groups": [{"group": name, "capability": capability, "since": 0}]}).encode()
    head = [
        "POST /v1/stream HTTP/1.1",
        f"host: 127.0.0.1:{relay.port}",
        f"authorization: {device.headers['authorization']}",
        f"content-length: {len(body)}",
    ]
    lazy = socket.socket()
    lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    lazy.connect(("127.0.0.1", relay.port))
    lazy.sendall("\r\n".join([*head, "", ""]).encode() + body)
    return lazy


async def delays(device, frames, name, capability):
    """How long each of some messages took from its sending to the reader, in seconds."""
    loop = asyncio.get_running_loop()
    found = []
    for _ in range(ROUNDS):
        begun = loop.time()
        assert (await device.append(name, capability, b"x")).status_code == 201
        while (await anext(frames))[0] != "event":
            pass
        found.append(loop.time() - begun)
    return found


async def readers(device):
    """How many streams the relay has open, by its own figures."""
    figures = (await device.call("GET", "/metrics")).text
    return float(re.search(r"^relay_readers (.+)$", figures, re.MULTILINE)[1])


async def test_readers_who_take_nothing_slow_nobody_and_hold_no_memory(group):
    relay, device, name, capability = group
    async with device.stream((name, capability, 0)) as frames:
        assert (await anext(frames))[0] == "live"
        before = await delays(device, frames, name, capability)
        process = psutil.Process(relay.process.pid)
        memory = process.memory_info().rss
        lazy = [await lazy_reader(relay, name, capability) for _ in range(LAZY)]
        try:
            for _ in range(EVENTS):
                assert (await device.append(name, capability, BODY)).status_code == 201
                assert (await anext(frames))[0] == "event"
            after = await delays(device, frames, name, capability)
            grown = process.memory_info().rss - memory
        finally:
            for one in lazy:
                one.close()
    assert statistics.median(after) < 3 * statistics.median(before) + 0.02
    assert grown < MEMORY_MOST_BYTES


async def test_reader_who_takes_nothing_is_sent_away(group):
    relay, device, name, capability = group
    for _ in range(EVENTS):
        assert (await device.append(name, capability, BODY)).status_code == 201
    lazy = await lazy_reader(relay, name, capability)

    async def is_there():
        return await readers(device) == 1

    async def is_gone():
        return await readers(device) == 0

    with lazy:
        await until(is_there, 10)
        await until(is_gone, SEND_TIMEOUT_S + 15)
        assert (await device.append(name, capability, b"x")).status_code == 201
