"""Alice, Bob and Carol: the real core over real files and a real relay. Only the microphone is a stand-in."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from companion.app import Companion, Opened, Ports
from companion.app.upgrades import STEPS
from companion.consent import Use, Wording
from companion.crypto.keyslots import KdfParameters
from companion.errors import MicrophoneUnavailable
from services.clock import SystemClock
from services.erasing import ProfileEraser
from services.keystore import FletKeystore
from services.profile import FileTries
from services.store.migrations import Migrations
from services.store.vault import SealedVault
from services.sync.embedded import EmbeddedRelay
from services.sync.network import RelayNetwork

PASSPHRASE = "three kettles and a lantern"
QUICK = KdfParameters(t=1, m_kib=64, p=1)  # the derivation itself has its own tests
WORDING = Wording(version=1, uses=(Use(id="record", title="Record my voice", detail="Nothing leaves this device."),))


class Noon(SystemClock):
    """The real clock in a place where it is noon: nudges rest in quiet hours."""

    def local_minute(self) -> int:
        return 12 * 60


class Person:
    """One profile that can be opened, locked, and opened again."""

    def __init__(
        self, folder: Path, service: str, embedded: EmbeddedRelay | None = None, *, clock: SystemClock | None = None
    ) -> None:
        self.folder, self.service = folder, service
        self.companion = Companion(
            Ports(
                vault=SealedVault(folder / "vault", kdf=QUICK, migrations=Migrations(STEPS)),
                network=RelayNetwork(service, embedded),
                clock=clock or Noon(),
                tries=FileTries(folder),
                wording=WORDING,
                keystore=FletKeystore("nobody"),
                eraser=ProfileEraser(folder),
            )
        )

    @property
    def opened(self) -> Opened:
        assert self.companion.opened is not None
        return self.companion.opened

    async def begin(self, name: str, profession: str = "gp") -> "Person":
        key, self.words = self.companion.recovery_words()
        await self.companion.create(name, profession, PASSPHRASE, key)
        return self

    async def lines(self, group: str) -> list[tuple[str, str, str]]:
        return [(m.name, m.text, m.state) for m in await self.opened.chat.messages(group) if m.kind == "message"]


async def until(condition: Callable[[], Awaitable[bool]], timeout_s: float = 60.0) -> None:
    """Poll until the condition holds."""
    end = time.monotonic() + timeout_s
    while not await condition():
        assert time.monotonic() < end, "the condition did not come true"
        await asyncio.sleep(0.02)


class PlainRecorder:
    """A microphone that says what the test gives it."""

    sample_rate_hz = 16_000
    channels = 1
    level = 0.0

    def __init__(self, is_there: bool = True) -> None:
        self._is_there = is_there
        self.take: Callable[[bytes], Awaitable[None]] | None = None

    async def start(self, take: Callable[[bytes], Awaitable[None]]) -> None:
        if not self._is_there:
            raise MicrophoneUnavailable("none")
        self.take = take

    async def hear(self, sound: bytes) -> None:
        assert self.take is not None
        await self.take(sound)

    async def pause(self) -> None: ...

    async def resume(self) -> None: ...

    async def stop(self) -> None:
        self.take = None
