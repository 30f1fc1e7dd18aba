"""What this node can do at present, found out by trying it, and said in the log when it changes.

It knows parts of the service as names and tries; what they are made of it must not know.
"""

import asyncio
import logging
import os
import random
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from services.relay.refusal import Refusal
from services.relay.trouble import Trouble

if sys.platform != "win32":
    import resource

log = logging.getLogger(__name__)

EVERY_S = (45.0, 90.0)  # each look writes a little
FRESH_S = 1.0
TRY_S = 5.0
LEAST_DESCRIPTORS = 32
DESCRIPTORS_FOLDER = "/proc/self/fd" if sys.platform == "linux" else "/dev/fd"

READING, WRITING, BLOBS, PUSHES, DESCRIPTORS = "reading", "writing", "blobs", "pushes", "descriptors"
LEAVING = "leaving"
SENTENCES = {
    READING: "the database does not answer",
    WRITING: "the database takes nothing new",
    BLOBS: "the place for blobs cannot be used",
    PUSHES: "push.key is not the key that this service began with, so no device can register for pushes",
    DESCRIPTORS: "hardly any file descriptors are left; raise ulimit -n",
}
ASKS_DATABASE = frozenset({WRITING, PUSHES})

Try = Callable[[], Awaitable[None]]


class Wrong(Exception):
    """What was tried does not work; the text says why in a word."""


class Health:
    """Tries everything every minute or so, and when somebody asks."""

    def __init__(self, tries: Mapping[str, Try]) -> None:
        self._tries = tries
        self._troubles = {name: Trouble(log, SENTENCES[name]) for name in tries}
        self._looking = asyncio.Lock()
        self._looked_s: dict[str, float] = {}
        self.is_leaving = False
        """The process was told to end: it serves those who are here, and nobody should come any more."""

    async def run(self) -> None:
        """Look until it is cancelled, so that the log says what nobody asked for."""
        while True:
            await self.wrong()
            await asyncio.sleep(random.uniform(*EVERY_S))  # noqa: S311  (spreads the nodes, protects nothing)

    async def wrong(self, *names: str) -> tuple[str, ...]:
        """Try these, or everything, unless that was done a second ago; return the names of all that does not work."""
        async with self._looking:  # however many ask, one looks
            for name in names or self._tries:
                looked_s, now_s = self._looked_s.get(name), asyncio.get_running_loop().time()
                if looked_s is None or now_s - looked_s > FRESH_S:
                    await self._look(name)
                    self._looked_s[name] = asyncio.get_running_loop().time()
            wrong = tuple(name for name, trouble in self._troubles.items() if trouble.is_on)
            return (*wrong, LEAVING) if self.is_leaving else wrong

    async def _look(self, name: str) -> None:
        if name in ASKS_DATABASE and self._troubles[READING].is_on:
            return  # it does not answer, which is said already
        try:
            async with asyncio.timeout(TRY_S):
                await self._tries[name]()
        except Exception as error:  # edge: whatever a part of the service raises, it does not work
            self._troubles[name].begins(_word(error))
        else:
            self._troubles[name].ends()


async def check_descriptors() -> None:
    """Raises Wrong where this process can hardly open anything more."""
    left = descriptors_left()
    if left is not None and left < LEAST_DESCRIPTORS:
        raise Wrong(f"{left} left")


def descriptors_left() -> int | None:
    """Return how many files and connections this process may still open, None where nobody says."""
    limit = descriptor_limit()
    with suppress(OSError):
        return None if limit is None else limit - len(os.listdir(DESCRIPTORS_FOLDER))
    return 0  # it takes one to look


def descriptor_limit() -> int | None:
    if sys.platform == "win32":
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


def raise_descriptor_limit() -> None:
    """Let this process open as much as the system allows it."""
    if sys.platform != "win32":
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _word(error: Exception) -> str:
    if isinstance(error, Wrong):
        return str(error)
    return error.code if isinstance(error, Refusal) else type(error).__name__
