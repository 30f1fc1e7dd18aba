"""Writing a note, or new words for one of mine. What is typed is a draft like that of a message: never lost."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import flet as ft

from companion.app.together.shelves import ShelfNote
from companion.care import patient_details
from companion.groups import Group
from companion.space.shelf import TEXT_LIMIT, TITLE_LIMIT
from views.caring import guard_card
from views.groups.shelf.looking import SHELF, shelf_path, shelf_screen, way_back
from views.mirror.autosave import Autosave
from views.mirror.context import use_frame, use_opened, use_quiet_window
from views.mirror.effects import use_kept, use_leave, use_task
from views.mirror.typed import Field, use_field
from views.parts.buttons import button
from views.parts.fields import field
from views.parts.rows import fact_row
from views.parts.safe import guarded, safe
from views.parts.surfaces import equal, notice
from views.words.texts import Texts


def draft_key(group: Group, name: str) -> str:
    """Return under which name a note is kept while it is written; `name` is its own one, empty for a new note."""
    return ":".join(part for part in (SHELF, group.id, name) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteDraft:
    """The two fields of a note that is being written. `typed` takes a key in one of them; `done`: it was put up."""

    title: Field
    words: Field
    is_loaded: bool
    typed: Callable[[Field, str], None]
    done: Callable[[], Awaitable[None]]

    def said(self) -> tuple[str, str]:
        """Return the title and the text as they go up."""
        return " ".join(self.title.text.split()), self.words.text.strip()


def use_note_draft(group: Group, name: str, note: ShelfNote | None) -> NoteDraft:
    """A hook: what is typed is kept at each key, saved soon after, and there again after a lock or a crash."""
    chat, page, key = use_opened().chat, ft.context.page, draft_key(group, name)
    before = use_kept(lambda: f"{note.title}\n{note.text}" if note else "\n")
    title, words = use_field(lambda typed: None), use_field(lambda typed: None)
    is_loaded, set_loaded = ft.use_state(False)
    saver = use_kept(lambda: Autosave(chat.save_drafts, lambda saving: None, page.run_task))
    use_leave(saver.flush)

    async def load() -> None:
        first, _, rest = (await chat.draft_of(key) or before).partition("\n")
        title.put(first)
        words.put(rest)
        set_loaded(True)

    use_task(load, [key])

    def typed(one: Field, value: str) -> None:
        one.typed(value)
        now = f"{' '.join(title.text.splitlines())}\n{words.text}"
        chat.draft(key, "" if now == before else now)
        saver.typed()

    async def done() -> None:
        chat.draft(key, "")
        await chat.save_drafts()

    return NoteDraft(title=title, words=words, is_loaded=is_loaded, typed=typed, done=done)


@safe
def NoteEditor(group: Group, name: str, note: ShelfNote | None, is_gone: bool, key: str = "") -> ft.Control:
    """A title and a text. With `is_gone` the note was taken down meanwhile: the words then go up as a new one."""
    frame, opened, texts = use_frame(), use_opened(), use_quiet_window().texts
    draft = use_note_draft(group, name, note)
    problem, set_problem = ft.use_state("")
    found, set_found = ft.use_state(tuple[str, ...]())

    def typed(one: Field, value: str) -> None:
        draft.typed(one, value)
        if problem or found:
            set_problem("")
            set_found(())

    async def put() -> None:
        head, text = draft.said()
        is_titled, details = 0 < len(head) <= TITLE_LIMIT, patient_details(f"{head}\n{text}")
        if not is_titled or len(text) > TEXT_LIMIT:
            set_problem("text" if is_titled else "title")
        elif details:
            set_found(details)
        else:
            await put_anyway()

    async def put_anyway() -> None:
        await opened.shelves.write(group.id, *draft.said(), note=note.id if note else "")
        await draft.done()
        frame.go(shelf_path(group, *([name] if note else [])))

    up = shelf_path(group, *([name] if name and not is_gone else []))
    body = way_back(frame, texts("shelf.back"), up)
    if is_gone:
        body.append(notice(ft.Icons.INFO_OUTLINE_ROUNDED, texts("shelf.gone_words"), kind="stone"))
    if draft.is_loaded:
        body += _fields(texts, draft, typed, problem)
    do = texts("shelf.save" if note else "shelf.put")
    below: ft.Control = equal(
        button(texts("groups.not_now"), lambda: frame.go(up), kind="outlined"),
        button(do, guarded(put, texts.error), icon=ft.Icons.CHECK_ROUNDED),
        stacked=frame.is_large_text,
    )
    if found:
        anyway = guarded(put_anyway, texts.error)
        below = guard_card(texts, found, anyway, lambda: set_found(()), anyway=texts("shelf.put_anyway"))
    return shelf_screen(frame, group, texts("shelf.change" if name else "shelf.new"), body, below)


def _fields(texts: Texts, draft: NoteDraft, typed: Callable[[Field, str], None], problem: str) -> list[ft.Control]:
    """Return the two fields, who will read them, and that they are kept meanwhile."""
    return [
        field(
            texts("shelf.note_title"),
            lambda value: typed(draft.title, value),
            value=draft.title.value(),
            max_length=TITLE_LIMIT,
            error=texts("shelf.title_problem", limit=TITLE_LIMIT) if problem == "title" else None,
            autofocus=True,
            ref=draft.title.box,
            key="note-title",
        ),
        field(
            texts("shelf.note_text"),
            lambda value: typed(draft.words, value),
            value=draft.words.value(),
            lines=(6, 14),
            max_length=TEXT_LIMIT,
            error=texts("shelf.text_problem", limit=f"{TEXT_LIMIT:,}") if problem == "text" else None,
            ref=draft.words.box,
            key="note-text",
        ),
        fact_row(ft.Icons.GROUP_ROUNDED, texts("shelf.who")),
        fact_row(ft.Icons.SAVE_OUTLINED, texts("shelf.drafted")),
    ]
