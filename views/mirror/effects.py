"""What a component keeps between renderings, and the work that begins when it appears."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

import flet as ft

log = logging.getLogger(__name__)
T = TypeVar("T")


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
    """A hook: what `select` returns now; the component renders again only when it returns something else."""
    _, renew = ft.use_state(0)
    now = use_kept(lambda: Box((select, select())))
    now.value = (select, select())
    ending = use_kept(lambda: Box[Callable[[], None]](lambda: None))

    def hear() -> None:
        look, seen = now.value
        if look() != seen:
            renew(lambda count: count + 1)

    def start() -> None:
        ending.value = source.listen(hear)
        hear()  # it may have changed between the rendering and this effect

    ft.use_effect(start, [], cleanup=lambda: ending.value())
    return now.value[1]


def use_task(job: Callable[[], Awaitable[None]], dependencies: Sequence[object]) -> None:
    """A hook: run `job` after the first rendering and whenever a dependency changed; end it with the component.

    An error is logged and changes nothing: the screen shows what it knew before.
    """

    async def run() -> None:
        try:
            await job()
        except Exception:
            log.exception("a task of the screen failed")

    # Flet cancels the task only where there is a clean-up to run.
    ft.use_effect(run, list(dependencies), cleanup=lambda: None)


def use_leave(job: Callable[[], Awaitable[None]]) -> None:
    """A hook: run `job` once when the component goes."""

    async def run() -> None:
        try:
            await job()
        except Exception:
            log.exception("leaving a screen failed")

    ft.use_effect(lambda: None, [], cleanup=run)
