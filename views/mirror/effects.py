"""What a component keeps between renderings, and the work that begins when it appears."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

import flet as ft

from views.mirror.presence import Presence, use_presence

log = logging.getLogger(__name__)
T = TypeVar("T")
Job = Callable[[], Awaitable[None]]


class Box(Generic[T]):
    """A value that outlives renderings and whose change shows nothing."""

    def __init__(self, value: T) -> None:
        self.value = value


def use_kept(make: Callable[[], T]) -> T:
    """A hook: what `make` returned at the first rendering."""
    return ft.use_memo(make, [])


class Told:
    """Something that several parts of the screen show parts of. `tell` lets each look whether its own has changed."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[], None]] = []

    def listen(self, hear: Callable[[], None]) -> Callable[[], None]:
        """Call `hear` at each change; return what ends it."""
        self._listeners.append(hear)
        return lambda: self._listeners.remove(hear)

    def tell(self) -> None:
        for hear in tuple(self._listeners):
            hear()


def use_told(source: Told, select: Callable[[], T]) -> T:
    """A hook: what `select` returns now; the component renders again only when it returns something else.

    While its place is put aside it waits with that.
    """
    presence = use_presence()
    _, renew = ft.use_state(0)
    now = use_kept(lambda: Box((select, select())))
    now.value = (select, select())
    endings = use_kept(lambda: Box[tuple[Callable[[], None], ...]](()))

    def hear() -> None:
        look, seen = now.value
        if presence.is_shown and look() != seen:
            renew(lambda count: count + 1)

    def start() -> None:
        endings.value = (source.listen(hear), presence.listen(hear))
        hear()  # it may have changed between the rendering and this effect

    def end() -> None:
        for end_it in endings.value:
            end_it()

    ft.use_effect(start, [], cleanup=end)
    return now.value[1]


def use_task(job: Job, dependencies: Sequence[object]) -> None:
    """A hook: run `job` after the first rendering and whenever a dependency changed; end it with the component.

    While its place is put aside it rests: a job that was not done by then begins again when the place is shown.
    An error is logged and changes nothing: the screen shows what it knew before.
    """
    presence = use_presence()

    async def run() -> None:
        while not await _done_while_shown(presence, job):
            pass

    # Flet cancels the task only where there is a clean-up to run.
    ft.use_effect(run, list(dependencies), cleanup=lambda: None)


async def _done_while_shown(presence: Presence, job: Job) -> bool:
    await presence.wait_shown()
    work = asyncio.ensure_future(_logged(job, "a task of the screen failed"))
    stop = presence.listen(work.cancel)
    try:
        await work
    except asyncio.CancelledError:
        this = asyncio.current_task()
        if this is None or this.cancelling():  # the component goes
            raise
        return False
    finally:
        stop()
    return True


async def _logged(job: Job, failed: str) -> None:
    try:
        await job()
    except Exception:
        log.exception(failed)


def use_leave(job: Job) -> None:
    """A hook: run `job` when the component goes, and when its place is put aside; not twice for both."""
    presence, page = use_presence(), ft.context.page
    listening = use_kept(lambda: Box[Callable[[], None] | None](None))

    async def leave() -> None:
        await _logged(job, "leaving a screen failed")

    def turned() -> None:
        if not presence.is_shown:
            page.run_task(leave)

    def start() -> None:
        listening.value = presence.listen(turned)

    async def end() -> None:
        if listening.value is not None:
            listening.value()
        if presence.is_shown:
            await leave()

    ft.use_effect(start, [], cleanup=end)


def use_return(job: Job) -> None:
    """A hook: run `job` each time the component's place, which had been put aside, is shown again."""
    presence, page = use_presence(), ft.context.page
    listening = use_kept(lambda: Box[Callable[[], None] | None](None))

    def turned() -> None:
        if presence.is_shown:
            page.run_task(_logged, job, "coming back to a screen failed")

    def start() -> None:
        listening.value = presence.listen(turned)

    def end() -> None:
        if listening.value is not None:
            listening.value()

    ft.use_effect(start, [], cleanup=end)
