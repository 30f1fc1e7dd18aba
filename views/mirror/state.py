"""`ViewState`, what the screen shows, and `Mirror`, which keeps it equal to the core.

Fields hold immutable values and are assigned whole. Each window has its own pair; the core may serve several windows.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

import flet as ft

from companion.app import Companion, Opened
from companion.app.farewells import CHANGED, Remains
from companion.app.own.bringing import COMING, Coming
from companion.app.own.own_space import Progress
from companion.app.parting import Left
from companion.app.searching import Wanted
from companion.checkins import CheckIn
from companion.errors import CompanionError, StoreError
from companion.journal_index import JournalIndex
from companion.nudges import Nudge
from companion.pairs import REQUESTS
from companion.people import Member
from companion.ports import Damage, Notifier, Pictures, Recorder, Uploads
from companion.stories import Story
from companion.times import MINUTE_MS
from views.mirror.chat_state import CHAT_TABLES, Attention, ChatWindow, Composing, Conversation, GroupLine, alert_words
from views.words.library import ASSETS, Library, load_library
from views.words.prompts import Prompt, load_prompts
from views.words.templates import Template, load_templates
from views.words.texts import Texts

log = logging.getLogger(__name__)


LISTS: Final = MappingProxyType(
    {
        "stories": frozenset({"stories"}),
        "checkins": frozenset({"checkins"}),
        "groups": frozenset({"reports", REQUESTS}),
        "journal": frozenset({"journal"}),
    }
)
"""The tables of each part that are shown as lists without what cannot be read."""
OWN_TABLES: Final = frozenset({"own_records", "own_changed", "sayings", "spaces", "settings", "sync", COMING})


SHELF_TABLES: Final = frozenset({"spaces", "sayings", "book_items", "shelf_items", "pins", "moves"})


async def _stay(where: str) -> None:
    """There is no conversation to move in."""


@ft.observable
@dataclass
class ViewState:
    """`phase` is "", "first_start", "locked", "restored", "hidden", "open" or "broken".

    When it is "broken", `fault` is the error's class name and `fault_kind` one of `errors.DAMAGES` or empty. `left` is
    what could not go before the app was locked.

    `journal` is how every entry begins, empty until `is_journal_read`.
    """

    phase: str = ""
    fault: str = ""
    fault_kind: str = ""
    left: Left = field(default_factory=Left)
    remains: Remains = field(default_factory=Remains)
    """What services still hold of profiles that were erased here."""
    damages: tuple[Damage, ...] = ()
    read_only: str = ""
    """See `Opened.why_read_only`."""
    theme: str = "system"
    text_scale: float = 1.0
    me: Member | None = None
    journal: JournalIndex = field(default_factory=JournalIndex)
    is_journal_read: bool = False
    journal_fault: StoreError | None = None
    unread: frozenset[str] = frozenset()
    """Parts that could not be read whole last: "groups", "stories", "checkins", "journal", "other"."""
    wanted: Wanted = field(default_factory=Wanted)
    own: Progress = field(default_factory=Progress)
    parted: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The pages whose versions stand side by side; see `Parted.pages`."""
    coming: Mapping[str, Coming] = field(default_factory=dict)
    """What is on its way to this device, by the id of what hangs somewhere."""
    journal_prompt: str = ""
    is_asking: bool = True
    groups: tuple[GroupLine, ...] = ()
    shelves_turn: int = 0
    """How often what stands on a group's shelf may have changed: who shows one reads it again."""
    chat: Conversation = field(default_factory=Conversation)
    composing: Composing = field(default_factory=Composing)
    attention: Attention = field(default_factory=Attention)
    stories: tuple[Story, ...] = ()
    is_recording: bool = False
    is_check_in_due: bool = False
    checkins: tuple[CheckIn, ...] = ()
    nudge: Nudge | None = None
    auto_lock_minutes: int = 5
    clock_ahead_ms: int = 0
    """By how much this device's clock is off, below 0 if it is behind; 0 while it is not."""
    locks_hidden: bool | None = None


@dataclass
class Window:
    """What a view may act with: the core, the person's device, and this window's state. Handed down as context."""

    companion: Companion
    state: ViewState
    texts: Texts
    notifier: Notifier
    make_recorder: Callable[[], Recorder]
    pictures: Pictures
    save_theme: Callable[[str], None]
    data_folder: str
    shared_by: str = ""
    """What copies that folder to other computers: a cloud drive's name, "cloud" or "network"; usually nothing."""
    hides_itself: bool = False
    """On this kind of device the app is locked when it goes out of sight, unless that was switched off."""
    uploads: Uploads | None = None
    """In a browser: the way of a chosen file into this process."""
    prompts: tuple[Prompt, ...] = field(default_factory=lambda: load_prompts(ASSETS / "prompts.json"))
    go: Callable[[str], None] = field(default=lambda path: None)
    """Leads to a path of the app, as `Frame.go` does."""
    begin: Callable[[str], None] = field(default=lambda path: None)
    watch_chat: Callable[[str, str, str], None] = field(default=lambda group, target, topic: None)
    move_chat: Callable[[str], Awaitable[None]] = field(default=_stay)
    library: Library = field(default_factory=load_library)
    templates: tuple[Template, ...] = field(default_factory=lambda: load_templates(ASSETS / "templates.json"))
    keeps_places: bool = True
    """Places that were left stay built; without it each visit builds one anew, as `benchmarks.screens` compares."""
    last_page: str = ""
    """The page of the journal that was opened last as a page of its own."""
    link_code: str = ""
    """The other device's code, which first start was given and nobody has used yet."""
    is_picking: bool = False
    """The system's own screen for choosing a file is in front: hiding the app for it is no reason to lock."""

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
        self._chat = ChatWindow()
        window.watch_chat, window.move_chat = self._watch_chat, self._move_chat

    def close(self) -> None:
        self._stop()

    def note(self, what: frozenset[str] = frozenset({"phase"})) -> None:
        """Something changed; "phase" stands for everything. While the client is away it is kept for its return."""
        self._pending |= what
        if not self._is_running and self._page.session.connection is not None:
            self._is_running = True
            self._page.run_task(self._refresh)

    def _watch_chat(self, group: str, target: str = "", topic: str = "") -> None:
        """Show a group from its newest message or `target`, or none."""
        self._window.state.chat = self._chat.watch(group, target, topic)
        if group:
            self.note(frozenset({"groups"}))

    async def _move_chat(self, where: str) -> None:
        """Show what is "earlier" or "later", in this window's conversation."""
        opened = self._window.opened
        move = self._chat.earlier if where == "earlier" else self._chat.later
        self._window.state.chat = await move(opened)

    async def _refresh(self) -> None:
        try:
            while self._pending:
                what, self._pending = frozenset(self._pending), set()
                await self._show_what(what)
        finally:
            self._is_running = False

    async def _show_what(self, what: frozenset[str]) -> None:
        opened = self._window.companion.opened
        if what & {"phase", CHANGED}:
            remains = await self._window.companion.farewells.remains()
            if remains != self._window.state.remains:
                self._window.state.remains = remains
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
        if everything or what & CHAT_TABLES or any(w.startswith("msg:") for w in what):
            await self._try("groups", opened, self._refresh_groups(opened))
        if everything or what & SHELF_TABLES:
            state.shelves_turn += 1
        if everything or "stories" in what:
            await self._try("stories", opened, self._refresh_stories(opened))
        if everything or what & {"checkins", "nudges", "groups"}:
            await self._try("checkins", opened, self._refresh_today(opened))
        if everything or "settings" in what:
            state.auto_lock_minutes, state.locks_hidden = opened.auto_lock_minutes, opened.locks_hidden
            state.is_asking = opened.journal.is_asking
        if everything or "me" in what:
            state.me = opened.me
        if everything or what & OWN_TABLES:
            await self._try("other", opened, self._refresh_own(opened))
        if everything:
            state.fault, state.fault_kind = "", ""
            state.read_only = opened.why_read_only
            state.phase = "open"
        if everything or "journal" in what:  # last, because the first reading of a long journal takes its time
            await self._try("journal", opened, self._refresh_journal(opened))
        if state.damages != opened.security.damages:
            state.damages = opened.security.damages
        if everything:
            await self._try("other", opened, opened.searching.start())

    async def _try(self, part: str, opened: Opened, refreshing: Awaitable[None]) -> None:
        """A part that cannot be read shows what it showed before and says so; everything else goes on."""
        unread = self._window.state.unread - {part}
        try:
            await refreshing
        except CompanionError as error:
            log.warning("%s cannot be read: %s", part, type(error).__name__)
            unread |= {part}
        if opened.unread & LISTS.get(part, frozenset()):
            unread |= {part}
        if self._window.companion.opened is opened and unread != self._window.state.unread:
            self._window.state.unread = unread

    async def _refresh_journal(self, opened: Opened) -> None:
        """A journal that cannot be read says so in its place; everything else goes on."""
        state = self._window.state
        try:
            index = await opened.timeline.index()
        except StoreError as error:
            if self._window.companion.opened is opened:
                log.warning("the journal cannot be read: %s", type(error).__name__)
                state.journal_fault = error
        else:
            if self._window.companion.opened is opened:
                state.journal, state.is_journal_read, state.journal_fault = index, True, None

    async def _refresh_groups(self, opened: Opened) -> None:
        """The conversation first: it is what somebody looks at."""
        state = self._window.state
        chat = await self._chat.refresh(opened)
        if chat != state.chat:
            state.chat = chat
        if chat.group and chat.is_loaded and not chat.has_newer:
            await opened.attention.mark_seen(chat.group)
        lines, attention = await self._chat.lines(opened), await self._chat.attention(opened)
        if lines != state.groups:
            state.groups = lines
        if attention != state.attention:
            state.attention = attention
        state.clock_ahead_ms = opened.groups.clock_ahead_ms() // MINUTE_MS * MINUTE_MS
        alert = await opened.attention.alert(chat.group)
        if alert is not None:
            words = alert_words(self._window.texts, alert)
            self._page.run_task(self._window.notifier.notify, self._window.texts("start.app_name"), words)

    async def _refresh_stories(self, opened: Opened) -> None:
        self._window.state.stories = await opened.stories.stories()
        self._window.state.is_recording = opened.stories.is_recording

    async def _refresh_today(self, opened: Opened) -> None:
        state = self._window.state
        state.checkins = await opened.today.checkins()
        state.is_check_in_due = await opened.today.check_in_due()
        nudge, is_new = await opened.today.nudge()
        state.nudge = nudge
        if nudge is not None and is_new:
            self._announce(nudge)

    async def _refresh_own(self, opened: Opened) -> None:
        state = self._window.state
        own, parted, coming = await opened.own.progress(), await opened.own.parted.pages(), opened.own.bringing.coming()
        if own != state.own:
            state.own = own
        if parted != state.parted:
            state.parted = parted
        if coming != state.coming:
            state.coming = coming

    async def _show_closed(self) -> None:
        """Nothing of what was open stays in the tree."""
        state = self._window.state
        state.left = self._window.companion.left
        state.phase = await self._window.companion.phase()
        state.me, state.nudge, state.damages, state.read_only = None, None, (), ""
        state.groups, state.stories, state.checkins = (), (), ()
        state.chat, state.composing, state.attention = self._chat.watch(""), Composing(), Attention()
        state.journal_prompt, state.is_recording, state.clock_ahead_ms = "", False, 0
        state.journal, state.is_journal_read, state.journal_fault = JournalIndex(), False, None
        state.unread, state.wanted = frozenset(), Wanted()
        state.own, state.parted, state.coming = Progress(), {}, {}
