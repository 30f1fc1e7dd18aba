"""What the nodes in front of one PostgreSQL tell each other: which groups have something new.

Hints only save time. Whatever gets lost here is found by the regular look at the heads of the groups that are read.
"""

import asyncio
import contextlib
import logging
import secrets

import asyncpg

from services.relay.devices.store import inbox_key
from services.relay.hub import Listener
from services.relay.trouble import Trouble

log = logging.getLogger(__name__)

CHANNEL = "companion_relay"
GATHER_S = 0.005
LOOK_S = 3.0
AGAIN_S = 1.0
NAMES_MOST = 150  # a NOTIFY carries at most 8,000 bytes
CALL_S = 10
FAULTS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)
GROUP_BYTES = 16  # all that is longer begins with a word that says what it is
GONE_KEY = b"gone\0"
GROUP_HEADS = "select gid, head from grp where gid = any($1::bytea[])"
INBOX_HEADS = """
select device, inbox, is_gone or exists (select 1 from blocked b where b.device = d.device) as is_gone
from device d where device = any($1::bytea[])
"""


class Hints:
    """Sends and hears hints on connections of their own, never inside an append."""

    def __init__(self, url: str, pool: asyncpg.Pool, listener: Listener) -> None:
        self._url = url
        self._pool = pool
        self._listener = listener
        self._node = secrets.token_hex(4)
        self._changed: set[bytes] = set()
        self._has_changed = asyncio.Event()
        self._heads: dict[bytes, int] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.create_task(work()) for work in (self._speak, self._hear, self._look)]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def tell_others(self, key: bytes) -> None:
        """There is news in this group or inbox."""
        self._changed.add(key)
        self._has_changed.set()

    def tell_gone(self, device: bytes) -> None:
        """This device was deleted."""
        self.tell_others(GONE_KEY + device)

    async def _speak(self) -> None:
        while True:
            await self._has_changed.wait()
            await asyncio.sleep(GATHER_S)
            self._has_changed.clear()
            names = [group.hex() for group in self._changed]
            self._changed.clear()
            with contextlib.suppress(*FAULTS):
                for start in range(0, len(names), NAMES_MOST):
                    text = ",".join([self._node, *names[start : start + NAMES_MOST]])
                    await self._pool.execute("select pg_notify($1, $2)", CHANNEL, text)

    async def _hear(self) -> None:
        deaf = Trouble(log, "hints from other nodes are not heard at present")
        while True:
            try:
                await self._hear_once(deaf)
            except FAULTS as error:
                deaf.begins(type(error).__name__)
            await asyncio.sleep(AGAIN_S)

    async def _hear_once(self, deaf: Trouble) -> None:
        """Listen until the connection ends."""
        ended = asyncio.Event()
        connection = await asyncpg.connect(self._url, timeout=CALL_S)
        try:
            connection.add_termination_listener(lambda _: ended.set())
            await connection.add_listener(CHANNEL, self._take)
            deaf.ends()
            await self._look_once()  # at what was said while nobody here listened
            await ended.wait()
        finally:
            connection.terminate()

    def _take(self, connection: object, pid: int, channel: str, text: object) -> None:
        node, *names = str(text).split(",")
        if node != self._node:
            for key in map(bytes.fromhex, names):
                if key.startswith(GONE_KEY) and len(key) > GROUP_BYTES:
                    self._listener.gone(key.removeprefix(GONE_KEY))
                else:
                    self._listener.hint(key)

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            with contextlib.suppress(*FAULTS):
                await self._look_once()

    async def _look_once(self) -> None:
        keys, devices = self._listener.groups(), list(self._listener.devices())
        if not keys and not devices:
            self._heads.clear()
            return
        groups = [key for key in keys if len(key) == GROUP_BYTES]
        heads = {row["gid"]: row["head"] for row in await self._pool.fetch(GROUP_HEADS, groups)}
        for row in await self._pool.fetch(INBOX_HEADS, devices):
            if row["is_gone"]:
                self._listener.gone(row["device"])
            else:
                heads[inbox_key(row["device"])] = row["inbox"]
        for group, head in heads.items():
            if self._heads.get(group) != head:
                self._listener.hint(group)
        self._heads = heads
