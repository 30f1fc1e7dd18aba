"""The thread of an opened store: work is done in the order in which it was asked for, and to its end."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from companion.errors import StoreError

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


class Worker:
    """One thread that does one thing after the other."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._last: Future[Any] | None = None
        self._is_stopped = False

    @property
    def is_idle(self) -> bool:
        """Whether everything that was given is done."""
        return self._last is None or self._last.done()

    async def run(
        self, function: Callable[_Arguments, _Result], *args: _Arguments.args, **kwargs: _Arguments.kwargs
    ) -> _Result:
        """Run a function on the thread. It runs to its end even if the caller stops waiting.

        Raises: StoreError after `stop`.
        """
        if self._is_stopped:
            raise StoreError("the store is locked")
        future = self._last = self._executor.submit(lambda: function(*args, **kwargs))
        return await asyncio.wrap_future(future)

    def last(self, function: Callable[[], object]) -> None:
        """Run a function after everything that was given, without waiting for it, and take no more work."""
        if not self._is_stopped:
            self._executor.submit(function)
            self.stop()

    def stop(self) -> None:
        """Take no more work; what was given is still done."""
        self._is_stopped = True
        self._executor.shutdown(wait=False)
