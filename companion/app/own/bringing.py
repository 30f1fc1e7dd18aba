"""Files on their way from the service to this device: one at a time, in pieces, so that one can rest and go on.

What has come of a file lies in memory only, and goes with the lock: a file that rested then begins again.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from companion.app.chat.sharing import PIECE_BYTES
from companion.app.context import Context
from companion.errors import MessageRejected
from companion.ports import Network

COMING = "own_coming"
"""What the screens are told when one of these has come further."""
MEMORY_BYTES = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """How much of a file has come, in per cent. `is_running`: more of it is on its way, or waits for another one."""

    percent: int
    is_running: bool


class Bringing:
    """Everything goes by the id of what hangs somewhere. `is_running` of one ends by `rest`, or with `bring`."""

    def __init__(self, context: Context, network: Network) -> None:
        self._context = context
        self._network = network
        self._come: dict[str, bytearray] = {}
        self._promised: dict[str, int] = {}
        self._runs: dict[str, object] = {}

    def coming(self) -> Mapping[str, Coming]:
        """Return what has begun and is not here yet."""
        return {id: self._how_far(id) for id in self._promised}

    def _how_far(self, id: str) -> Coming:
        percent = len(self._come.get(id, b"")) * 100 // self._promised[id]
        return Coming(percent=min(percent, 99), is_running=id in self._runs)

    async def bring(self, id: str, service: str, blob: str, promised: int, line: str = COMING) -> bytes | None:
        """Return all octets of a blob, None if it was told to rest, or is on its way already. One of a line at a time.

        Raises: SyncError; what has come stays for the next time. MessageRejected if there is less than was promised.
        """
        if id in self._runs:
            return None
        run = self._runs[id] = object()
        self._promised[id] = promised
        self._tell()
        try:
            async with self._context.store.turn(line):
                return await self._pieces(id, run, service, blob)
        finally:
            if self._runs.get(id) is run:
                self.rest(id)

    async def _pieces(self, id: str, run: object, service: str, blob: str) -> bytes | None:
        promised = self._promised.get(id)
        if promised is None:
            return None  # an earlier run, which was to rest, has come to its end all the same
        self._make_room(id, promised)
        come = self._come.setdefault(id, bytearray())
        relay = await self._network.relay(service)
        while self._runs.get(id) is run:
            if len(come) == promised:
                self.forget(id)
                return bytes(come)
            piece = await relay.get_blob(blob, len(come), min(PIECE_BYTES, promised - len(come)))
            if not piece or len(come) + len(piece) > promised:
                self.forget(id)
                raise MessageRejected(f"a file of {len(come) + len(piece)} bytes in place of {promised}")
            come += piece
            self._tell()
        return None

    def rest(self, id: str) -> None:
        """Let it rest: the piece that is under way comes, and no more."""
        self._runs.pop(id, None)
        self._tell()

    def forget(self, id: str) -> None:
        """Nothing of it is kept in memory from now on."""
        self._come.pop(id, None)
        self._promised.pop(id, None)

    def _make_room(self, id: str, promised: int) -> None:
        """What others have gathered goes, the oldest first, where memory would be short."""
        for other in [one for one in self._come if one != id]:
            if promised + sum(len(come) for one, come in self._come.items() if one != id) > MEMORY_BYTES:
                self._come.pop(other)

    def _tell(self) -> None:
        self._context.tell(frozenset({COMING}))
