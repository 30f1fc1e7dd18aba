"""What the core asks of the device: its keystore, its microphone, its clock.

Times are ms since the epoch, UTC. Ids are 32 lower-case hex characters.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from companion.attachments import Picture
from companion.farewells import Farewell
from companion.unlocking import Attempts


class Pictures(Protocol):
    """Makes pictures harmless."""

    async def clean(self, data: bytes) -> Picture:
        """Return the picture anew from its pixels, upright and of bounded size.

        Raises: PictureUnreadable if it is no picture, damaged, or too large to open.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One file that is on its way: where it is to be sent to, and its bytes once they are here."""

    address: str
    content: Awaitable[bytes]


class Uploads(Protocol):
    """Takes what a browser hands over, in memory."""

    def expect(self) -> Upload:
        """Return an address for one file. Waiting for its content raises PictureUnreadable if it is too large."""

    def forget(self, upload: Upload) -> None:
        """Nobody waits for this file any more."""


class Keystore(Protocol):
    """The system's safe place for a few small secrets of this profile. All may raise KeystoreUnavailable."""

    async def is_here(self) -> bool:
        """Whether there is one that keeps what it is given. Raises nothing."""

    async def load(self, name: str) -> str | None: ...

    async def save(self, name: str, value: str) -> None: ...

    async def remove(self, name: str) -> None: ...

    async def can_ask(self) -> bool:
        """Whether the device can ask who is there: by its own code, face or finger. Raises nothing."""

    async def ask(self, reason: str) -> bool:
        """Let the device ask; return whether it is its owner. Raises nothing."""


class Eraser(Protocol):
    """Takes everything of this profile from the device, and keeps what is still owed for it: its farewells."""

    async def erase(self, farewells: Iterable[Farewell] = ()) -> None:
        """The keys first. A crash on the way leaves nothing readable; the farewells are owed as soon as it has begun,
        and told by `owed` once nothing else is left. Raises StoreError.
        """

    async def is_unfinished(self) -> bool:
        """Whether a crash ended an erasure: `erase` has to be called again."""

    async def owed(self) -> tuple[Farewell, ...]:
        """Return the farewells of every profile that was erased here and not settled. Raises nothing."""

    async def settle(self, farewells: Iterable[Farewell], state: str = "") -> None:
        """Forget these; with a state, keep it for those of them that are still there instead. Raises StoreError."""


class Recorder(Protocol):
    """The microphone: signed 16-bit little-endian PCM."""

    async def start(self, take: Callable[[bytes], Awaitable[None]]) -> None:
        """Open the microphone and hand each piece of sound to `take`, one at a time, in order.

        Raises: MicrophoneUnavailable.
        """

    @property
    def sample_rate_hz(self) -> int:
        """As measured so far and never 0 once sound was handed over; browsers do not keep to the rate asked for."""

    @property
    def channels(self) -> int: ...

    @property
    def level(self) -> float:
        """Loudness of the newest sound, root mean square, 0.0 to 1.0; 0.0 while paused."""

    async def pause(self) -> None: ...

    async def resume(self) -> None: ...

    async def stop(self) -> None:
        """Close the microphone and return when `take` has had everything. Raises what `take` raised."""


class Notifier(Protocol):
    """A notice outside the app's window."""

    async def notify(self, title: str, text: str) -> bool:
        """Return whether the system took it."""


class Clock(Protocol):
    """The device's clock and a stopwatch. `companion/times.py` says what may be believed of the first."""

    def now_ms(self) -> int:
        """What the clock says. It may be wrong, and may jump either way."""

    def monotonic_ms(self) -> int:
        """A stopwatch: it never goes back, goes on while the device sleeps, and means nothing in another process."""

    def today(self) -> str:
        """The local date, ISO 8601."""

    def local_minute(self) -> int:
        """Minutes since local midnight, 0 to 1439."""

    def local_ms(self, day: str, minute: int) -> int:
        """The moment at which the clocks on the wall here show this minute of this day.

        Of two such moments it is the first; a time that a change of clocks leaves out is as much later.
        """


class TryCounter(Protocol):
    """Remembers wrong passphrases across restarts; holds nothing secret."""

    async def load(self) -> Attempts: ...

    async def save(self, attempts: Attempts) -> None: ...
