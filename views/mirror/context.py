"""What every view reads from above: the window it is shown in, and the frame that the shell put around it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import flet as ft
from flet.components.hooks.use_context import ContextProvider

from companion.app import Opened
from views.mirror.effects import Box, use_kept
from views.mirror.presence import use_presence
from views.mirror.state import ViewState, Window
from views.parts.buttons import Action
from views.parts.frame import Account
from views.theme import Layout

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What the shell offers a pane. `item` is what is open in the place, or empty. `hide` hides the app at once.

    `go` leads to a place as it was left, `begin` to the place as it is at first. `details` opens or closes the context
    pane; it is None where that always stands beside the content. `at` is the message that the address points at.
    """

    layout: Layout
    go: Callable[[str], None]
    begin: Callable[[str], None]
    back: Action
    help: Action
    account: Account
    hide: Callable[[], Awaitable[None]]
    search: Action
    item: str = ""
    at: str = ""
    details: Action | None = None
    text_scale: float = 1.0

    @property
    def is_phone(self) -> bool:
        return self.layout is Layout.PHONE

    @property
    def is_large_text(self) -> bool:
        """Words then need a line of their own."""
        return self.text_scale >= 1.5


WindowCtx: ContextProvider[Window | None] = ft.create_context(None)
FrameCtx: ContextProvider[Frame | None] = ft.create_context(None)


def use_quiet_window() -> Window:
    """A hook: the window, without listening to its state. Raises RuntimeError outside a window."""
    window = ft.use_context(WindowCtx)
    if not isinstance(window, Window):
        raise RuntimeError("this view stands outside a window")
    return window


def use_opened() -> Opened:
    """A hook: the unlocked core; the same until the component goes, also in the moment in which the app locks."""
    window = use_quiet_window()
    return use_kept(lambda: window.opened)


def use_part(select: Callable[[ViewState], T], *, in_all_phases: bool = False) -> T:
    """A hook: one part of the state; the component renders again only when that part changes."""
    state = use_quiet_window().state
    part = select(state)
    now = use_kept(lambda: Box((select, part)))
    now.value = (select, part)

    def is_news() -> bool:
        look, seen = now.value
        return look(state) != seen

    _use_changes(state, is_news, in_all_phases)
    return part


def use_news(select: Callable[[ViewState], object], hear: Callable[[], None]) -> None:
    """A hook: call `hear` when one part of the state has changed, and render nothing."""
    state = use_quiet_window().state
    seen = use_kept(lambda: Box(select(state)))

    def look() -> None:
        part = select(state)
        if part != seen.value:
            seen.value = part
            hear()

    _use_listener(state, look)


def _use_changes(state: ViewState, is_news: Callable[[], bool], in_all_phases: bool = False) -> None:
    """Render again on news. A screen of another phase is about to go: it must not render without what it showed."""
    _, renew = ft.use_state(0)
    phase = use_kept(lambda: state.phase)

    def look() -> None:
        if (in_all_phases or state.phase == phase) and is_news():
            renew(lambda count: count + 1)

    _use_listener(state, look)


def _use_listener(state: ViewState, look: Callable[[], None]) -> None:
    """Call `look` at each change of the state, and once for what changed before we listened.

    While the place is put aside nothing is called: once for all of it when it is shown.
    """
    presence = use_presence()
    listening = use_kept(lambda: Box[list[Any]]([]))

    def changed(_: object, field: str | None) -> None:
        if presence.is_shown:
            look()

    def start() -> None:
        end_it = cast(ft.Observable, state).subscribe(changed)
        stop = presence.listen(lambda: changed(state, None))
        listening.value = [end_it, stop, changed]  # the state holds its listeners weakly
        changed(state, None)

    def end() -> None:
        for end_it in listening.value[:2]:
            end_it()

    ft.use_effect(start, [], end)


def use_frame() -> Frame:
    """A hook: the frame around this pane. Raises RuntimeError outside the shell."""
    frame = ft.use_context(FrameCtx)
    if not isinstance(frame, Frame):
        raise RuntimeError("this pane stands outside the shell")
    return frame
