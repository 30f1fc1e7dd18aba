"""Sent, and put away at once: what goes before the keys do, over a real service, and over ones that fail."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from companion.app.chat.chatting import UNDO_MS, Ways
from companion.app.parting import Left
from companion.attachments import Picture
from tests.integration.people import PASSPHRASE, Person
from tests.integration.test_thread import befriend, has_line
from tests.relay_process import RelayProcess

HELD = Ways(hold_ms=UNDO_MS)
OUT_OF_PATIENCE = "what was to go waits for the next time"
SENT = ("Ann", "Ring me now", "received")


@pytest.fixture
async def people(tmp_path: Path, relay: RelayProcess) -> AsyncIterator[tuple[Person, Person, str]]:
    ann, bob = Person(tmp_path / "ann", relay.url), Person(tmp_path / "bob", relay.url)
    await ann.begin("Ann")
    await bob.begin("Bob")
    yield ann, bob, await befriend(ann, bob)
    for one in (ann, bob):
        await one.companion.lock(hands_over=False)


async def test_a_message_sent_a_moment_before_the_lock_arrives_while_it_is_locked(people) -> None:
    ann, bob, group = people
    await ann.opened.chat.post(group, "Ring me now", HELD)
    await ann.companion.lock()
    assert ann.companion.left == Left()
    await has_line(bob, group, SENT)


async def test_a_picture_sent_a_moment_before_the_lock_is_uploaded_and_arrives(people) -> None:
    ann, bob, group = people
    picture = Picture(content=b"pixels " * 40_000, media_type="image/png", width=40, height=30)
    one = await ann.opened.sharing.seal(group, picture)
    await ann.opened.sharing.post(group, "Ring me now", (one,), HELD)
    await ann.companion.lock()
    assert ann.companion.left == Left()
    await has_line(bob, group, SENT)


async def test_where_no_service_answers_the_lock_does_not_wait(people, relay: RelayProcess, caplog) -> None:
    ann, bob, group = people
    relay.stop()
    await ann.opened.chat.post(group, "Ring me now", HELD)
    with caplog.at_level(logging.INFO, "services.sync.network"):
        await ann.companion.lock()
    assert OUT_OF_PATIENCE not in caplog.text
    assert ann.companion.left == Left(messages=1)
    relay.start()
    await ann.companion.unlock(passphrase=PASSPHRASE)
    await has_line(bob, group, SENT)


async def test_where_a_service_takes_and_never_answers_the_lock_falls_in_time(
    people, relay: RelayProcess, caplog
) -> None:
    ann, bob, group = people
    await bob.companion.lock()  # so that it is Ann who calls
    port = int(relay.url.rsplit(":", 1)[1])
    relay.stop()
    is_called = asyncio.Event()

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_called.set()
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()

    server = await asyncio.start_server(mute, "127.0.0.1", port)
    try:
        await ann.opened.chat.post(group, "Ring me now", HELD)
        async with asyncio.timeout(60):
            await is_called.wait()
        async with asyncio.timeout(60):
            with caplog.at_level(logging.INFO, "services.sync.network"):
                await ann.companion.lock()
        assert OUT_OF_PATIENCE in caplog.text
        assert ann.companion.left == Left(messages=1)
    finally:
        server.close()
