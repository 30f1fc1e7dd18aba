"""The ports in memory. Every fake writes what was asked of it to one shared list, `calls`.

`Desk` is one person's app on such fakes; two desks on one `FakeRelay` exchange envelopes when `deliver` is called.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from typing import Any

from companion.app import Companion
from companion.app.companion import Ports
from companion.attachments import Picture
from companion.consent import Use, Wording
from companion.errors import KeystoreUnavailable, MicrophoneUnavailable, PictureUnreadable
from companion.unlocking import Attempts
from tests.fake_relay import FakeNetwork, FakeRelay
from tests.fake_store import FakeEraser, FakeVault
from views.mirror.state import ViewState, Window
from views.words.texts import Texts, load_texts

ASSETS = Path(__file__).parents[1] / "assets"
NOW_MS = 1_796_000_000_000
PASSPHRASE = "green chair by the window"

WORDING = Wording(
    version=1,
    uses=(
        Use(id="record", title="Record my voice on this device", detail="Needed to begin."),
        Use(id="themes", title="Count my story in themes and the report", detail="As a number among others."),
    ),
)


class FakeClock:
    """Stands still until it is moved. `minute` is local, `day` ISO 8601. The stopwatch goes on only by `move`."""

    def __init__(self, now_ms: int = NOW_MS, minute: int = 10 * 60, day: str = "2026-11-30") -> None:
        self.ms, self.minute, self.day = now_ms, minute, day
        self.watch_ms = 0

    def now_ms(self) -> int:
        return self.ms

    def today(self) -> str:
        return self.day

    def local_minute(self) -> int:
        return self.minute

    def monotonic_ms(self) -> int:
        return self.watch_ms

    def local_ms(self, day: str, minute: int) -> int:
        days = (date.fromisoformat(day) - date.fromisoformat(self.day)).days
        return self.ms - self.ms % 60_000 + (days * 1_440 + minute - self.minute) * 60_000

    def move(self, ms: int) -> None:
        """Let time pass; below 0, set the clock back."""
        self.ms += ms
        self.watch_ms += max(0, ms)


class FakeKeystore:
    """A keystore in a dict. `is_there`: there is one; `owner`: what the device answers, None if it cannot ask."""

    def __init__(self, is_there: bool = True) -> None:
        self.held: dict[str, str] = {}
        self.is_there = is_there
        self.owner: bool | None = None

    async def is_here(self) -> bool:
        return self.is_there

    async def load(self, name: str) -> str | None:
        return self.held.get(name)

    async def save(self, name: str, value: str) -> None:
        if not self.is_there:
            raise KeystoreUnavailable("none")
        self.held[name] = value

    async def remove(self, name: str) -> None:
        self.held.pop(name, None)

    async def can_ask(self) -> bool:
        return self.owner is not None

    async def ask(self, reason: str) -> bool:
        return bool(self.owner)


class FakeTries:
    def __init__(self) -> None:
        self.attempts = Attempts()

    async def load(self) -> Attempts:
        return self.attempts

    async def save(self, attempts: Attempts) -> None:
        self.attempts = attempts


class FakeRecorder:
    """A microphone that says what `speak` is given: 16 kHz mono. Set `is_missing` to have none.

    `fault` is what `stop` raises because some of it could not be kept.
    """

    sample_rate_hz, channels = 16_000, 1

    def __init__(self, calls: list[Any]) -> None:
        self.calls = calls
        self.is_missing = False
        self.level = 0.0
        self.fault: Exception | None = None
        self._take: Callable[[bytes], Awaitable[None]] | None = None

    async def start(self, take: Callable[[bytes], Awaitable[None]]) -> None:
        if self.is_missing:
            raise MicrophoneUnavailable("none")
        self._take = take
        self.calls.append("microphone opened")

    async def speak(self, seconds: float) -> None:
        if self._take is not None:
            await self._take(b"\x01\x00" * int(seconds * self.sample_rate_hz))

    async def pause(self) -> None:
        self.calls.append("microphone paused")

    async def resume(self) -> None:
        self.calls.append("microphone resumed")

    async def stop(self) -> None:
        self._take = None
        self.calls.append("microphone closed")
        if self.fault is not None:
            raise self.fault


class FakePictures:
    """Takes everything for a picture of 4 by 3 pixels, except the word "broken"."""

    def __init__(self, calls: list[Any]) -> None:
        self.calls = calls

    async def clean(self, data: bytes) -> Picture:
        self.calls.append("picture cleaned")
        if data == b"broken":
            raise PictureUnreadable("broken")
        return Picture(content=b"pixels of " + data, media_type="image/png", width=4, height=3)


class FakeNotifier:
    def __init__(self, calls: list[Any]) -> None:
        self.calls = calls

    async def notify(self, title: str, text: str) -> bool:
        self.calls.append(("notified", title, text))
        return True


class Desk:
    """One person's app on fakes. `window` is what the views get."""

    def __init__(self, name: str = "Hazel Ford", relay: FakeRelay | None = None) -> None:
        self.name = name
        self.calls: list[Any] = []
        self.clock = relay.clock if relay else FakeClock()
        self.relay = relay or FakeRelay(self.clock)
        self.vault, self.tries = FakeVault(self.calls), FakeTries()
        self.network = FakeNetwork(self.relay, self.calls)
        self.keystore, self.eraser = FakeKeystore(), FakeEraser(self.vault)
        self.recorder, self.notifier = FakeRecorder(self.calls), FakeNotifier(self.calls)
        self.pictures = FakePictures(self.calls)
        self.companion = Companion(
            Ports(
                vault=self.vault,
                network=self.network,
                clock=self.clock,
                tries=self.tries,
                wording=WORDING,
                keystore=self.keystore,
                eraser=self.eraser,
            )
        )
        self.window = self.make_window(load_texts(ASSETS / "words"))

    def make_window(self, texts: Texts) -> Window:
        return Window(
            companion=self.companion,
            state=ViewState(),
            texts=texts,
            notifier=self.notifier,
            make_recorder=lambda: self.recorder,
            pictures=self.pictures,
            save_theme=self._save_theme,
            data_folder="companion-data",
        )

    def _save_theme(self, mode: str) -> None:
        self.calls.append(("theme", mode))
        self.window.state.theme = mode

    async def set_up(self, profession: str = "gp", *, has_words: bool = True) -> "Desk":
        """Make the store and leave it open. A device that is to be linked has no words of its own."""
        self.recovery, self.words = self.companion.recovery_words()
        await self.companion.create(self.name, profession, PASSPHRASE, self.recovery if has_words else None)
        return self

    async def set_up_with_a_group(self) -> "Desk":
        """The same, and with something at a service."""
        await self.set_up()
        assert self.companion.opened is not None
        await self.companion.opened.groups.create("First-year leads", "pine")
        return self


async def deliver(*desks: Desk, rounds: int = 4) -> None:
    """Let everybody send and receive until all that was said has arrived."""
    for _ in range(rounds):
        for desk in desks:
            await desk.network.exchange()


async def soon(condition: Callable[[], bool]) -> None:
    """Wait until it holds; no event says it."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def make_pair(first: Desk, second: Desk, name: str = "First-year leads") -> str:
    """Put two set-up desks on one relay into one group; return its id."""
    group = await first.companion.opened.groups.create(name, "pine")  # type: ignore[union-attr]  # set up
    await deliver(first)
    invite = await first.companion.opened.groups.invite(group.id)  # type: ignore[union-attr]  # set up
    groups = second.companion.opened.groups  # type: ignore[union-attr]  # set up
    await groups.join(await groups.look_at(invite.code.code))
    await deliver(first, second)
    return group.id
