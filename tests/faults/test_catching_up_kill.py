"""kill -9 while many messages come in: what is there is the first of them in their order, each once."""

import asyncio
import os
import random
import subprocess
import sys
from pathlib import Path

from services.store.store import SealedStore
from tests.integration.people import PASSPHRASE, Person
from tests.integration.test_thread import befriend
from tests.many_envelopes import leave_waiting, lines
from tests.relay_process import RelayProcess

CHILD = Path(__file__).with_name("catching_up_child.py")
ROOT = Path(__file__).parents[2]
COUNT = 1_500
KILLS = 4


async def test_kill_9_while_catching_up_leaves_the_first_messages_each_once(tmp_path):
    relay = RelayProcess(tmp_path / "relay")
    relay.start()
    alice, bob = [Person(tmp_path / name, relay.url) for name in ("alice", "bob")]
    try:
        for person in (alice, bob):
            await person.begin(person.folder.name.title())
        group = await befriend(alice, bob)
        await bob.companion.lock()
        first = (await alice.opened.groups.group(group)).cursor
        await leave_waiting(relay, alice.opened, group, lines(COUNT, 1_796_000_000_000))
        await alice.companion.lock()
        chance, found = random.Random(11), [0]
        steps = [*sorted(chance.sample(range(1, COUNT), KILLS)), COUNT]
        for step in steps:
            await asyncio.to_thread(catch_up_and_kill, bob, relay, group, first + step)
            found.append(await asyncio.to_thread(count_of_a_prefix, bob, group, first))
        assert found == sorted(found)
        assert sum(0 < count < COUNT for count in found) > KILLS // 2
        assert found[-1] == COUNT
    finally:
        for person in (alice, bob):
            await person.companion.lock()
        relay.close()


def catch_up_and_kill(person, relay, group, cursor):
    """Let the device catch up in a process of its own, and kill that as soon as it is as far as this."""
    child = subprocess.Popen(
        [sys.executable, str(CHILD), str(person.folder), relay.url, group],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        assert any(int(said) >= cursor for said in child.stdout)
    finally:
        child.kill()
        child.stdout.close()
        child.wait()


def count_of_a_prefix(person, group, first):
    """Return how many messages are there, after seeing that nothing else is, and that everything says the same."""
    store = SealedStore.unlock(person.folder / "vault", passphrase=PASSPHRASE)
    try:
        assert store.verify().is_sound
        texts = [doc["text"] for doc in store.table(f"msg:{group}") if doc["kind"] == "message"]
        [known] = list(store.table(f"groups:{group}"))
        assert texts == [f"line {number}" for number in range(len(texts))]
        assert known["cursor"] == first + len(texts)
        counted = [doc["received"] for doc in store.table(f"standings:{group}")]
        assert sum(counted) == len(texts)
        return len(texts)
    finally:
        store.lock()
