"""What the parts of an open page share: the entry as it is now, and how it is changed and saved."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Unpack

import flet as ft

from companion.app.journal.journalling import Journalling
from companion.journal import Entry, Marks
from views.journal.history import History
from views.mirror.autosave import Autosave, Saving
from views.mirror.context import use_opened, use_part, use_quiet_window
from views.mirror.effects import Box, use_kept, use_leave, use_task
from views.parts.fields import live
from views.words.texts import Texts

TODAY = ("", "today")


def use_page_id(entry_id: str) -> str | None:
    """A hook: the id of the page to show, opened for writing; None while it is being read, empty if it is gone.

    Today's page is the newest one. It is looked for again only if this window has opened another one since: what
    somebody is typing on must not be changed for a page that was begun elsewhere.
    """
    window, journal = use_quiet_window(), use_opened().journal
    index = use_part(lambda state: state.journal)
    found, set_found = ft.use_state(entry_id if journal.shown(entry_id) else None)
    was_removed = bool(found) and journal.shown(found or "") is None

    async def find() -> None:
        if entry_id in TODAY:
            set_found((await journal.page_of_today()).id)
        else:
            page = await journal.page(entry_id)
            set_found(page.id if page else "")

    may_be_another = entry_id in TODAY and window.last_page not in ("", found)
    use_task(find, [entry_id, was_removed, index if may_be_another else None])
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Editing:
    """One open page.

    `mark` changes what is beside the words and returns at once; the disk follows by itself. `save` says that the core
    has news to save, `renew` shows them.
    """

    id: str
    entry: Entry
    saving: Saving
    mark: Callable[..., None]
    save: Callable[[], None]
    renew: Callable[[], None]


def use_editing(id: str) -> Editing:
    """A hook: the opened page, in any part of the screen; it follows what other parts and windows save."""
    window, page = use_quiet_window(), ft.context.page
    journal = use_opened().journal
    use_part(lambda state: state.journal)
    _, renew = ft.use_state(0)
    saving, show = ft.use_state(Saving())
    saver = use_kept(lambda: Autosave(journal.save_drafts, show, page.run_task))
    last = use_kept(lambda: Box(journal.shown(id)))
    last.value = journal.shown(id) or last.value
    if last.value is None:
        raise RuntimeError("the page was never opened")
    use_leave(saver.flush)

    def renewed() -> None:
        renew(lambda count: count + 1)

    def mark(text: str | None = None, **marks: Unpack[Marks]) -> None:
        window.companion.touch()
        journal.draft(id, text, **marks)
        saver.typed()
        renewed()

    return Editing(id=id, entry=last.value, saving=saving, mark=mark, save=saver.typed, renew=renewed)


class Words:
    """The text of one field: its steps, and a text that the screen must take over from us."""

    def __init__(self, text: str) -> None:
        self.known = text
        self.history = History(text)
        self.forced: str | None = None
        self.turn = 0

    def typed(self, text: str) -> None:
        self.known = text
        self.history.typed(text, time.monotonic())

    def force(self, text: str) -> None:
        """Let the field show this text at the next rendering."""
        self.known, self.forced, self.turn = text, text, self.turn + 1

    def taken_over(self) -> None:
        """The field shows it: from here on the field's own text counts again."""
        self.forced = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Typing:
    """The words of an open page. `put` replaces them all, as one step."""

    box: ft.Ref[ft.TextField]
    value: str
    typed: Callable[[str], None]
    put: Callable[[str], None]
    undo: Callable[[], None]
    redo: Callable[[], None]
    can_undo: bool
    can_redo: bool


def use_typing(journal: Journalling, editing: Editing, is_today: bool) -> Typing:
    """A hook: the field's text. What is in it is never taken back, unless the words came from elsewhere."""
    state = use_quiet_window().state
    box = use_kept(ft.Ref[ft.TextField])
    words = use_kept(lambda: Words(editing.entry.text))
    history = words.history
    if editing.entry.text != words.known:  # another field or window of ours has saved newer words
        history.put(editing.entry.text)
        words.force(editing.entry.text)
    value = live(box, words.known) if words.forced is None else words.forced
    ft.use_effect(words.taken_over, [words.turn])

    def typed(text: str) -> None:
        could = (history.can_undo, history.can_redo)
        words.typed(text)
        asked = (state.journal_prompt or None) if is_today else None
        journal.draft(editing.id, text, prompt=asked or editing.entry.prompt)
        editing.save()
        if could != (history.can_undo, history.can_redo):
            editing.renew()

    def show(text: str) -> None:
        words.force(text)
        editing.mark(text)

    def put(text: str) -> None:
        history.put(text)
        show(text)

    return Typing(
        box=box,
        value=value,
        typed=typed,
        put=put,
        undo=lambda: show(history.undo()),
        redo=lambda: show(history.redo()),
        can_undo=history.can_undo,
        can_redo=history.can_redo,
    )


def status_line(texts: Texts, saving: Saving, entry: Entry) -> str:
    """Return in words where the text is; empty while there is none."""
    if saving.state == "saving":
        return texts("journal.saving")
    if saving.state == "failed" and saving.error is not None:
        return texts("journal.not_saved", reason=texts.error(saving.error))
    at_ms = saving.at_ms or entry.changed_ms
    if not at_ms:
        return ""
    is_today = texts.day_of(at_ms) == texts.day_of(time.time_ns() // 1_000_000)
    return (
        texts("journal.saved", time=texts.time(at_ms))
        if is_today
        else texts("journal.saved_earlier", day=texts.day_of(at_ms))
    )
