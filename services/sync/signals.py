"""What the parts of one sync loop tell each other: that something changed, and the relay as they see it."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from typing import Any, Protocol, TypeVar

from companion.ports import Appended, GroupCursor, InboxItem, Limits, RelayEvent
from services.sync.answers import About, StreamItem

T = TypeVar("T")


class Signals:
    """Each is set by who knows of it, and cleared by the one part that waits for it."""

    def __init__(self) -> None:
        self.outbox = asyncio.Event()
        """Something may go now."""
        self.groups = asyncio.Event()
        """The groups to read may be others."""
        self.try_now = asyncio.Event()
        """Somebody wants something: no more waiting for a better moment."""
        self.sent = asyncio.Event()
        """Something of ours is at the service, and comes back from there."""


class SyncRelay(Protocol):
    """What the loop asks of a relay; `RelayClient` is one."""

    async def about(self) -> About: ...

    async def create_group(
        self,
        group: str,
        capability: str,
        *,
        keeper: str | None = None,
        keep_days: int | None = None,
        limits: Limits | None = None,
    ) -> None: ...

    async def append(
        self,
        group: str,
        capability: str,
        cid: str,
        body: bytes,
        epoch: int | None = None,
        *,
        next_capability: str | None = None,
        blobs: tuple[str, ...] = (),
        keeper: str | None = None,
        next_keeper: str | None = None,
        erase: str | None = None,
    ) -> Appended: ...

    async def post_to_inbox(self, device: str, cid: str, body: bytes) -> None: ...

    async def acknowledge_inbox(self, upto: int) -> None: ...

    async def events(
        self, group: str, capability: str, since: int, limit: int = ..., *, cid: str = "", at_ms: int = 0
    ) -> tuple[RelayEvent, ...]: ...

    async def inbox(self, since: int) -> tuple[InboxItem, ...]: ...

    def stream(
        self,
        groups: tuple[GroupCursor, ...],
        *,
        inbox: int | None = None,
        incarnation: str = "",
        is_brief: bool = False,
    ) -> AsyncGenerator[StreamItem, None]: ...


async def finish(work: Coroutine[Any, Any, T]) -> T:
    """Await `work` to its end, also when this task is cancelled meanwhile: half a commit helps nobody."""
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise
