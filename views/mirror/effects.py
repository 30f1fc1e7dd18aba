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
