"""`ViewState`, what the screen shows, and `Mirror`, which keeps it equal to the core.

Fields hold immutable values and are assigned whole. Each window has its own pair; the core may serve several windows.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

import flet as ft

from companion.app import Companion, Opened
from companion.checkins import CheckIn
from companion.errors import StoreError
from companion.groups import Group, Message
from companion.journal import Entry
from companion.nudges import Nudge
from companion.people import Member
from companion.ports import Notifier, Recorder
from companion.stories import Story
from views.library import ASSETS, Library, load_library
from views.prompts import Prompt, load_prompts
from views.texts import Texts

log = logging.getLogger(__name__)
MESSAGE_WINDOW = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupLine:
    """A group in the list: its newest message, and whether its service can be reached."""

    group: Group
    newest: Message | None
    sync: str


@ft.observable
@dataclass
class ViewState:
    """`phase` is "", "first_start", "locked", "open" or "broken" (then `fault` is the error's class name)."""

    phase: str = ""
    fault: str = ""
    theme: str = "system"
    text_scale: float = 1.0
    me: Member | None = None
    entries: tuple[Entry, ...] = ()
    journal_prompt: str = ""
    groups: tuple[GroupLine, ...] = ()
    chat_group: str = ""
    chat: tuple[Message, ...] = ()
    stories: tuple[Story, ...] = ()
    is_recording: bool = False
    is_check_in_due: bool = False
    checkins: tuple[CheckIn, ...] = ()
    nudge: Nudge | None = None
    auto_lock_minutes: int = 5


@dataclass
class Window:
    """What a view may act with: the core, the person's device, and this window's state. Handed down as context."""

    companion: Companion
    state: ViewState
    texts: Texts
    notifier: Notifier
    make_recorder: Callable[[], Recorder]
    save_theme: Callable[[str], None]
    data_folder: str
    prompts: tuple[Prompt, ...] = field(default_factory=lambda: load_prompts(ASSETS / "prompts.json"))
    watch_chat: Callable[[str], None] = field(default=lambda group: None)
    library: Library = field(default_factory=load_library)

    @property
    def opened(self) -> Opened:
        """The unlocked core. Raises RuntimeError while locked: no screen that needs it is shown then."""
        if self.companion.opened is None:
            raise RuntimeError("locked")
        return self.companion.opened


class Mirror:
    """Refreshes the parts of the state that a change touched; a burst of changes is one refresh."""

    def __init__(self, page: ft.Page, window: Window, announce: Callable[[Nudge], None]) -> None:
        self._page = page
        self._window = window
        self._announce = announce
        self._pending: set[str] = set()
        self._is_running = False
        self._stop = window.companion.subscribe(self.note)
        window.watch_chat = self._watch_chat

    def close(self) -> None:
        self._stop()

    def note(self, what: frozenset[str] = frozenset({"phase"})) -> None:
        """Something changed; "phase" stands for everything. While the client is away it is kept for its return."""
        self._pending |= what
        if not self._is_running and self._page.session.connection is not None:
            self._is_running = True
            self._page.run_task(self._refresh)

    def _watch_chat(self, group: str) -> None:
        if group != self._window.state.chat_group:
            self._window.state.chat_group = group
            self._window.state.chat = ()
            self.note(frozenset({f"msg:{group}"}))

    async def _refresh(self) -> None:
        try:
            while self._pending:
                what, self._pending = frozenset(self._pending), set()
                await self._show_what(what)
        finally:
            self._is_running = False

    async def _show_what(self, what: frozenset[str]) -> None:
        opened = self._window.companion.opened
        try:
            if opened is None:
                await self._show_closed()
            else:
                await self._show(opened, what)
        except StoreError:
            if self._window.companion.opened is opened:  # otherwise it was locked while we were reading
                raise

    async def _show(self, opened: Opened, what: frozenset[str]) -> None:
        state = self._window.state
        everything = "phase" in what
        if everything or "journal" in what:
            state.entries = await opened.journal.entries()
        if everything or what & {"groups", "sync"} or any(w.startswith("msg:") for w in what):
            await self._refresh_groups(opened)
        if everything or "stories" in what:
            state.stories = await opened.stories.stories()
            state.is_recording = opened.stories.is_recording
        if everything or what & {"checkins", "nudges", "groups"}:
            await self._refresh_today(opened)
        if everything or "settings" in what:
            state.auto_lock_minutes = opened.auto_lock_minutes
        if everything:
            state.me = opened.me
            state.fault = ""
            state.phase = "open"

    async def _refresh_groups(self, opened: Opened) -> None:
        lines = []
        for group in await opened.groups.groups():
            newest = await opened.groups.messages(group.id, 1)
            sync = opened.groups.sync_state(group.service)
            lines.append(GroupLine(group=group, newest=newest[-1] if newest else None, sync=sync))
        lines.sort(
            key=lambda line: line.newest.at_ms if line.newest else line.group.created_ms,
            reverse=True,
        )
        self._window.state.groups = tuple(lines)
        if self._window.state.chat_group:
            self._window.state.chat = await opened.groups.messages(self._window.state.chat_group, MESSAGE_WINDOW)

    async def _refresh_today(self, opened: Opened) -> None:
        state = self._window.state
        state.checkins = await opened.today.checkins()
        state.is_check_in_due = await opened.today.check_in_due()
        nudge, is_new = await opened.today.nudge()
        state.nudge = nudge
        if nudge is not None and is_new:
            self._announce(nudge)

    async def _show_closed(self) -> None:
        """Nothing of what was open stays in the tree."""
        state = self._window.state
        state.phase = await self._window.companion.phase()
        state.me, state.nudge = None, None
        state.entries, state.groups, state.chat, state.stories, state.checkins = (
            (),
            (),
            (),
            (),
            (),
        )
        state.chat_group, state.journal_prompt, state.is_recording = "", "", False
