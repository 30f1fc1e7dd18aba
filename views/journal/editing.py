"""What the parts of an open page share: the entry as it is now, and how it is changed and saved."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Unpack

import flet as ft

from companion.app import Opened
from companion.errors import ReadOnly
from companion.journal import Entry, Marks
from views.journal.page_text import PageText, Part
from views.mirror.autosave import Autosave, Saving
from views.mirror.context import use_news, use_opened, use_part, use_quiet_window
from views.mirror.effects import Told, use_kept, use_leave, use_task
from views.mirror.state import ViewState, Window
from views.words.texts import Texts

TODAY = ("", "today")
REST_S = 0.7
"""A part that has become too long is cut when nobody has pressed a key for this long."""


def use_page_id(entry_id: str) -> str | None:
    """A hook: the id of the page to show, opened for writing; None while it is being read, empty if it is gone.

    Today's page is the newest one. It is looked for again only if this window has opened another one since: what
    somebody is typing on must not be changed for a page that was begun elsewhere.
    """
    window, journal = use_quiet_window(), use_opened().journal
    found, set_found = ft.use_state(entry_id if journal.shown(entry_id) else None)

    def news(state: ViewState) -> tuple[bool, object]:
        may_be_another = entry_id in TODAY and window.last_page not in ("", found)
        was_removed = bool(found) and journal.shown(found or "") is None
        return was_removed, state.journal if may_be_another else None

    was_removed, commits = use_part(news)

    async def find() -> None:
        if entry_id in TODAY:
            set_found((await journal.page_of_today()).id)
        else:
            page = await journal.page(entry_id)
            set_found(page.id if page else "")

    use_task(find, [entry_id, was_removed, commits])
    return found


class Editing(Told):
    """One open page on this screen. Its parts show what they need of it with `use_told`, so that a key renders nothing.

    `mark` changes what is beside the words and returns at once; the disk follows by itself.
    """

    def __init__(
        self, window: Window, opened: Opened, id: str, spawn: Callable[[Callable[[], Awaitable[None]]], object]
    ):
        super().__init__()
        self._window, self._journal, self._spawn = window, opened.journal, spawn
        self.id = id
        entry = self._journal.shown(id)
        if entry is None:
            raise RuntimeError("the page was never opened")
        self.entry: Entry = entry
        self.saving = Saving()
        self.saves = 0
        """When all words were last known to be on the disk."""
        self.saver = Autosave(self._journal.save_drafts, self._saved, spawn)
        self.text = PageText(entry.text)
        self._typed_s = 0.0
        self._is_resting = False

    def look(self) -> None:
        """Take over what other parts of the screen and other windows have made of the page."""
        self.entry = self._journal.shown(self.id) or self.entry
        if self.entry.text != self.text.text:
            self.text.put(self.entry.text)
        self.tell()

    def mark(self, **marks: Unpack[Marks]) -> None:
        self._window.companion.touch()
        self._draft(None, **marks)
        self.tell()

    def typed(self, part: Part, text: str, asked: str | None) -> None:
        """Take a key. `asked` is the question that the page answers."""
        before = self._shown()
        self.text.typed(part, text)
        self._draft(self.text.text, prompt=asked or self.entry.prompt)
        self._typed_s = time.monotonic()
        self._rest()
        if self._shown() != before:
            self.tell()

    def left(self, part: Part) -> None:
        """The cursor has left this part."""
        self.text.left(part)
        self._rest()

    def put(self, text: str) -> None:
        """Replace all words, as one step."""
        self._step(partial(self.text.put, text))

    def undo(self) -> None:
        self._step(self.text.undo)

    def redo(self) -> None:
        self._step(self.text.redo)

    def _step(self, step: Callable[[], None]) -> None:
        self._window.companion.touch()
        step()
        self._draft(self.text.text)
        self.tell()

    def _draft(self, text: str | None, **marks: Unpack[Marks]) -> None:
        self._journal.draft(self.id, text, **marks)
        self.entry = self._journal.shown(self.id) or self.entry
        self.saver.typed()

    def _saved(self, saving: Saving) -> None:
        self.saving, self.saves = saving, self.saves + (saving.state == "saved")
        self.tell()

    def _shown(self) -> object:
        """What a key may change of what the screen shows."""
        return self.text.steps, self.text.layout

    def _rest(self) -> None:
        if self.text.is_due and not self._is_resting:
            self._is_resting = True
            self._spawn(self._lay)

    async def _lay(self) -> None:
        try:
            while (wait_s := self._typed_s + REST_S - time.monotonic()) > 0:  # noqa: ASYNC110  # keys put it off
                await asyncio.sleep(wait_s)
            self.text.lay()
            self.tell()
        finally:
            self._is_resting = False


def use_editing(id: str) -> Editing:
    """A hook: the opened page, in any part of the screen; it follows what other parts and windows save."""
    window, opened, page = use_quiet_window(), use_opened(), ft.context.page
    editing = use_kept(lambda: Editing(window, opened, id, page.run_task))
    use_news(lambda state: state.journal, editing.look)
    use_leave(editing.saver.flush)
    return editing


def status_line(texts: Texts, saving: Saving, entry: Entry) -> str:
    """Return in words where the text is; empty while there is none."""
    if saving.state == "saving":
        return texts("journal.saving")
    if saving.state == "failed" and isinstance(saving.error, ReadOnly):
        return texts("journal.not_kept")  # a store that was opened for reading takes nothing until it is opened again
    if saving.state == "failed" and saving.error is not None:
        return texts("journal.not_saved", reason=texts.error(saving.error))
    at_ms = entry.changed_ms
    if not at_ms:
        return ""
    is_today = texts.day_of(at_ms) == texts.date(texts.today())
    return (
        texts("journal.saved", time=texts.time(at_ms))
        if is_today
        else texts("journal.saved_earlier", day=texts.day_of(at_ms))
    )
