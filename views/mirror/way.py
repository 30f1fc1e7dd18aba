"""Where this window is. It goes there at once; the address in the browser follows."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import flet as ft

from views.client import ask
from views.routes import parse_route


class Way:
    """Of one window. `path` is what is shown; the client's address is behind it for a moment.

    `turns` counts, for each place, how often it was to begin anew.
    """

    def __init__(self, page: ft.Page, show: Callable[[str], None]) -> None:
        self._page = page
        self._show = show
        self.path = page.route or "/"
        self.turns: Counter[str] = Counter()
        self._told: list[str] = []

    def go(self, path: str) -> None:
        """Show the screen of a path, and tell the client."""
        if path != self.path:
            self._put(path)
            self._page.run_task(self._tell, path)

    def begin(self, path: str) -> None:
        """Go to a place as it is at first, not as it was left."""
        if path != self.path:
            self.turns[parse_route(path).place] += 1
            self.go(path)

    def heard(self, path: str) -> None:
        """The client's address changed: by what we told it, or by a link or the browser's way back."""
        if path not in self._told:
            self._put(path)

    async def _tell(self, path: str) -> None:
        """The client says that its address changed before it answers: until then that is no news."""
        self._told.append(path)
        with suppress(TimeoutError):  # nobody is there to be told
            await ask(self._page.push_route(path))
        self._told.remove(path)

    def _put(self, path: str) -> None:
        self.path = path
        self._show(path)
