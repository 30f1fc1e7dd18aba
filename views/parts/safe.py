"""The two edges where anything may go wrong without freezing the app: rendering, and event handlers.

Flet ends a session's update loop silently when a component raises, and covers the whole app with a red card when
a handler does. `safe` and `guarded` log instead and leave a small notice. Logs hold the error, never content.

`guarded` is also the one place that makes a press one act: pressed again while the first press is still at work, the
same control, or another one that does the same, does nothing.
"""

import contextlib
import functools
import inspect
import logging
import time
from collections.abc import Awaitable, Callable, Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any

import flet as ft
from flet.components.utils import current_component

from views.parts.surfaces import notice
from views.parts.text import text

Handler = Callable[[], Any] | Callable[[Any], Any]
"""What a control calls: with the event, or with nothing; sync or async."""
Explain = Callable[[Exception], str]


RENDER_FAILED = "This part cannot be shown at the moment. The rest of the app works."
HANDLER_FAILED = "That did not work. Please try it again."
PRESSES = frozenset({"click", "tap", "double_tap", "long_press", "submit"})
"""Events that ask for an act. All others tell how something is now, and the newest of them must not be lost."""
STUCK_S = 20.0
"""A press at work for so long waits for an answer that may never come, and no longer keeps its control from working."""


def safe(render: Callable[..., ft.Control]) -> Callable[..., ft.Control]:
    """Make a component of `render` that shows a small notice instead of raising.

    The component also takes a `key`, which the type of `render` cannot say.
    """

    @functools.wraps(render)
    def bounded(*args: Any, **kwargs: Any) -> ft.Control:
        try:
            return render(*args, **kwargs)
        except Exception:
            logging.getLogger(__name__).exception("rendering %s failed", render.__qualname__)
            return notice(ft.Icons.BROKEN_IMAGE_OUTLINED, RENDER_FAILED, kind="stone")

    return ft.component(bounded)


def remembered(render: Callable[..., ft.Control]) -> Callable[..., ft.Control]:
    """Make a `safe` component that is rendered again only with other arguments: rows of a list, whole places."""

    @functools.wraps(render)
    def reachable(*args: Any, **kwargs: Any) -> ft.Control:
        _stay_reachable()
        return render(*args, **kwargs)

    return ft.memo(safe(reachable))  # type: ignore[no-any-return, no-untyped-call]  # Flet leaves it unannotated


def _stay_reachable() -> None:
    """A hook: keep the way up for what is inside a remembered component.

    Flet gives a component that is left as it is a new object, while what is inside knows only, and weakly, the object
    that rendered it. So that one is kept, and it holds all that components read from above.
    """
    this = current_component()
    ft.use_memo(lambda: [this], [])[0] = this
    above = this._parent_component and this._parent_component()
    while above:
        this._contexts = {**above._contexts, **this._contexts}
        above = above._parent_component and above._parent_component()


def guarded(handler: Handler, explain: Explain | None = None) -> Callable[[Any], Awaitable[None]]:
    """Return an event handler that logs an error and says it in a snackbar, and runs once at a time.

    `explain` turns the error into a sentence for the person. Guarding twice is the same as guarding once.
    """
    if getattr(handler, "is_guarded", False):
        return handler  # type: ignore[return-value]  # made by this function, so it has its type

    own = Presses()

    async def run(event: Any) -> None:
        in_use = _in_use()
        if in_use is not None:
            in_use.touch()
        presses = own if in_use is None else in_use.presses
        with presses.one(event, handler) as is_first:
            if not is_first:
                return
            try:
                takes_event = _takes_event(handler)
                answer = handler(event) if takes_event else handler()  # type: ignore[call-arg]  # as its signature says
                if inspect.isawaitable(answer):
                    await answer
            except Exception as error:
                logging.getLogger(__name__).exception("handling %s failed", getattr(event, "name", "an event"))
                say(explain(error) if explain else HANDLER_FAILED)

    run.is_guarded = True  # type: ignore[attr-defined]  # a mark, so that parts may guard what screens have guarded
    return run


class Presses:
    """Which presses of one window are at work. A control keeps its id when it is rendered anew, so that counts too."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._at_work: dict[Hashable, float] = {}

    @contextlib.contextmanager
    def one(self, event: Any, handler: Handler) -> Iterator[bool]:
        """Say whether this is a press of its own, or one more of what is at work already."""
        if getattr(event, "name", "") not in PRESSES:
            yield True
            return
        begun_s, target = self._now_s(), getattr(event, "target", None)
        keys: tuple[Hashable, ...] = (handler,) if target is None else (handler, target)
        if any(begun_s - self._at_work.get(key, -STUCK_S) < STUCK_S for key in keys):
            yield False
            return
        self._at_work.update(dict.fromkeys(keys, begun_s))
        try:
            yield True
        finally:
            for key in keys:
                if self._at_work.get(key) == begun_s:
                    del self._at_work[key]


@dataclass(frozen=True, slots=True)
class InUse:
    """What the page's `data` holds: every handled event puts off the auto-lock, and presses know of each other."""

    touch: Callable[[], None]
    presses: Presses = field(default_factory=Presses)


def _in_use() -> InUse | None:
    with contextlib.suppress(RuntimeError):  # no page: a part on its own
        in_use = ft.context.page.data
        if isinstance(in_use, InUse):
            return in_use
    return None


def say(sentence: str) -> None:
    """Show a sentence at the foot of the current page for four seconds; screen readers announce it."""
    words = text(sentence, ft.TextThemeStyle.BODY_MEDIUM, ft.Colors.ON_INVERSE_SURFACE)
    ft.context.page.show_dialog(ft.SnackBar(words, behavior=ft.SnackBarBehavior.FLOATING))


def _takes_event(handler: Handler) -> bool:
    """Return whether the handler has a positional parameter that must be given. Too slow to ask at each rendering."""
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return any(
        parameter.kind in positional and parameter.default is inspect.Parameter.empty
        for parameter in inspect.signature(handler).parameters.values()
    )
