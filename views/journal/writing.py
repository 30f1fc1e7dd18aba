"""The page that is being written: ready for typing, kept by itself, and honest about it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import flet as ft

from views import theme
from views.caring import CareFor
from views.groups.pairing import use_buddy
from views.journal.beside import Beside, PartedNotice
from views.journal.editing import TODAY, Editing, status_line, use_editing, use_page_id
from views.journal.exporting import ExportPage
from views.journal.hanging import Hung, use_hanging
from views.journal.marks import PageMarks
from views.journal.page_field import PageField
from views.journal.sharing import SharePage
from views.journal.tagging import Tags
from views.mirror.context import Frame, use_frame, use_opened, use_part, use_quiet_window
from views.mirror.effects import use_task, use_told
from views.pages import content_page
from views.parts.buttons import Action, button, icon_button, pressable, who_chip
from views.parts.frame import foot
from views.parts.rows import section, state_mark
from views.parts.safe import guarded, remembered, safe
from views.parts.surfaces import card, column, empty_state, gap, notice, ruled, spread, wrapping
from views.parts.text import reading_column, soft, text, words
from views.words.templates import Template
from views.words.texts import Texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """The parts of an open page, to be laid out."""

    day: str
    status: ft.Control
    above: tuple[ft.Control, ...]
    field: ft.Control
    tools: ft.Control
    below: tuple[ft.Control, ...]
    marks: ft.Control


def use_writing(page_id: str, is_today: bool, lines: int) -> Writing:
    """A hook: the opened page. Keys go to the core at once and to the disk by themselves.

    Each part renders by itself when what it shows has changed; nothing here does at a key.
    """
    window, frame = use_quiet_window(), use_frame()
    texts = window.texts
    editing = use_editing(page_id)
    prompt, template_id = use_told(editing, lambda: (editing.entry.prompt, editing.entry.template))
    taken, is_parted = use_part(lambda state: (state.journal_prompt, page_id in state.parted))
    is_choosing, set_choosing = ft.use_state(False)

    def go(path: str) -> None:
        frame.go(f"/journal/{path}")

    def begin(template: Template) -> None:
        set_choosing(False)
        editing.mark(template=template.id)
        editing.put(template.begin(editing.text.text))

    asked = prompt or (taken if is_today else "")
    template = next((one for one in window.templates if one.id == template_id), None)
    above = [*([_quote(asked)] if asked else []), *(_reminder(texts, template, page_id, go) if template else [])]
    if is_choosing:
        above.append(template_list(texts, window.templates, begin))
    return Writing(
        day=texts.date(editing.entry.day),
        status=Status(editing, key=f"status-{page_id}"),
        above=(*([PartedNotice(page_id, key=f"parted-{page_id}")] if is_parted else []), *above),
        field=PageField(editing, is_today, 3 if is_parted else lines, key=f"field-{page_id}"),
        tools=Tools(
            editing, lambda: set_choosing(not is_choosing), lambda: go(f"{page_id}/share"), key=f"tools-{page_id}"
        ),
        below=(
            *([Beside(editing, key=f"beside-{page_id}")] if is_parted else []),
            Cared(editing, key=f"care-{page_id}"),
            Hung(editing, key=f"hung-{page_id}"),
            Tags(editing, key=f"tags-{page_id}"),
        ),
        marks=PageMarks(editing, key=f"marks-{page_id}"),
    )


@safe
def Status(editing: Editing, key: str = "") -> ft.Control:
    """The quiet line; what went wrong is no quiet line."""
    texts = use_quiet_window().texts
    line, state = use_told(editing, lambda: (status_line(texts, editing.saving, editing.entry), editing.saving.state))
    if state == "failed":
        return notice(ft.Icons.ERROR_OUTLINE_ROUNDED, line, kind="alert")
    mark = state_mark("saved", line) if line else gap(theme.SMALL)
    return ft.Semantics(content=mark, container=True)


@safe
def Tools(editing: Editing, choose: Callable[[], None], share: Callable[[], None], key: str = "") -> ft.Control:
    """What can be done with the page, each with its name."""
    texts = use_quiet_window().texts
    hanging = use_hanging(editing)
    can_undo, can_redo = use_told(editing, lambda: editing.text.steps)
    undo, redo, begin = texts("journal.undo"), texts("journal.redo"), texts("journal.templates")
    actions = (
        hanging.record,
        hanging.picture,
        Action(label=begin, on_press=choose, icon=ft.Icons.LIGHTBULB_OUTLINE_ROUNDED),
        Action(label=undo, on_press=editing.undo, icon=ft.Icons.UNDO_ROUNDED, disabled=not can_undo),
        Action(label=redo, on_press=editing.redo, icon=ft.Icons.REDO_ROUNDED, disabled=not can_redo),
        Action(label=texts("journal.share"), on_press=share, icon=ft.Icons.FORWARD_TO_INBOX_OUTLINED),
    )
    buttons = (
        icon_button(one.icon or ft.Icons.EDIT_ROUNDED, one.label, one.on_press, disabled=one.disabled)
        for one in actions
    )
    return ft.Semantics(container=True, content=wrapping(*buttons, spacing=theme.TIGHT))


@safe
def Cared(editing: Editing, key: str = "") -> ft.Control:
    """The kind card, for words that are saved."""
    frame = use_frame()
    saves = use_told(editing, lambda: editing.saves)
    return CareFor(lambda: editing.text.text, saves, lambda: frame.go("/help"), use_buddy())


def template_list(texts: Texts, templates: Sequence[Template], choose: Callable[[Template], None]) -> ft.Control:
    """Return the templates as rows to press."""

    def row(one: Template) -> ft.Control:
        said = column(text(one.title, ft.TextThemeStyle.TITLE_MEDIUM), soft(one.detail), spacing=theme.HAIR)
        return pressable(
            said,
            f"{one.title}. {one.detail}",
            lambda: choose(one),
            pad=ft.Padding.symmetric(horizontal=theme.GAP, vertical=10),
            key=f"template-{one.id}",
        )

    return section(texts("journal.templates"), card(*ruled([row(one) for one in templates]), pad=theme.TIGHT))


def _quote(question: str) -> ft.Container:
    return ft.Container(
        words(question, color=ft.Colors.ON_SURFACE_VARIANT),
        padding=ft.Padding.only(left=theme.PAD, top=theme.TIGHT, bottom=theme.TIGHT),
        border=ft.Border.only(left=ft.BorderSide(3, ft.Colors.SECONDARY)),
    )


def _reminder(texts: Texts, template: Template, page_id: str, go: Callable[[str], None]) -> list[ft.Control]:
    if not template.reminder:
        return []
    export = button(
        texts("journal.export"), lambda: go(f"{page_id}/export"), icon=ft.Icons.IOS_SHARE_ROUNDED, kind="outlined"
    )
    return [notice(ft.Icons.SHIELD_OUTLINED, template.reminder, kind="honey", live=False), wrapping(export)]


def _only_me(texts: Texts) -> ft.Control:
    return who_chip("me", texts("common.only_me"), texts("journal.who_name"))


# Where it stands ---------------------------------------------------------------------------------------


@safe
def TodayPage(key: str = "") -> ft.Control:
    """Today's page at the top of a phone's journal."""
    page_id = use_page_id("today")
    return TodayCard(page_id, key=f"today-{page_id}") if page_id else card(gap(theme.BREATH))


@remembered
def TodayCard(page_id: str, key: str = "") -> ft.Control:
    frame, texts, journal = use_frame(), use_quiet_window().texts, use_opened().journal
    writing = use_writing(page_id, True, 7)
    another = button(
        texts("journal.new_page"),
        lambda: frame.go(f"/journal/{journal.new_page()}"),
        icon=ft.Icons.NOTE_ADD_OUTLINED,
        kind="quiet",
        size="slim",
    )
    return card(
        spread(soft(writing.day, ft.TextThemeStyle.TITLE_SMALL), _only_me(texts)),
        *writing.above,
        writing.field,
        writing.status,
        writing.tools,
        *writing.below,
        writing.marks,
        wrapping(another),
        spacing=theme.GAP,
    )


@remembered
def OpenPage(page_id: str, is_today: bool, key: str = "") -> ft.Control:
    """One entry, whole."""
    window, frame, journal = use_quiet_window(), use_frame(), use_opened().journal
    texts = window.texts

    async def note() -> None:
        window.last_page = page_id

    use_task(note, [page_id])
    writing = use_writing(page_id, is_today, 8 if frame.is_phone else 14)
    if frame.is_phone:
        done = button(texts("journal.done"), lambda: frame.go("/journal"), icon=ft.Icons.CHECK_ROUNDED)
        body = [
            wrapping(_only_me(texts), writing.status),
            *writing.above,
            writing.field,
            *writing.below,
            writing.marks,
            wrapping(Delete(page_id, key="delete")),
        ]
        return content_page(frame, writing.day, body, foot=foot(writing.tools, done, pad=theme.GAP))
    another = button(
        texts("journal.new_page"),
        lambda: frame.go(f"/journal/{journal.new_page()}"),
        icon=ft.Icons.NOTE_ADD_OUTLINED,
        kind="quiet",
        size="slim",
    )
    middle = reading_column(
        *writing.above,
        writing.field,
        *writing.below,
        wrapping(another, Delete(page_id, key="delete")),
        spacing=theme.PAD,
    )
    head = spread(wrapping(_only_me(texts), writing.status), writing.tools)
    fill = ft.Colors.SURFACE_CONTAINER_LOWEST
    return content_page(frame, writing.day, [head, gap(theme.GAP), middle], fill=fill)


@safe
def Delete(page_id: str, key: str = "") -> ft.Control:
    """Delete the page, after a question with two answers of the same weight."""
    frame, texts, journal = use_frame(), use_quiet_window().texts, use_opened().journal
    is_asked, ask = ft.use_state(False)
    question = use_part(lambda state: "journal.delete_question_all" if state.own.is_on else "journal.delete_question")

    async def delete() -> None:
        frame.go("/journal")
        await journal.remove(page_id)

    if not is_asked:
        return button(
            texts("journal.delete"), lambda: ask(True), icon=ft.Icons.DELETE_OUTLINE_ROUNDED, kind="quiet", size="slim"
        )
    answers = wrapping(
        button(texts("journal.keep"), lambda: ask(False), kind="outlined", size="slim"),
        button(texts("journal.delete_really"), guarded(delete, texts.error), kind="outlined", size="slim"),
    )
    return ft.Semantics(live_region=True, container=True, content=column(text(texts(question)), answers))


@safe
def JournalContent(entry_id: str = "", key: str = "") -> ft.Control:
    """The page of an entry, today's when none was chosen; or what is done with it."""
    texts, frame = use_quiet_window().texts, use_frame()
    wanted, _, deed = entry_id.partition("/")
    page_id = use_page_id(wanted)
    if page_id is None:
        return _alone(frame, texts, gap(theme.BREATH))
    if not page_id:
        return _alone(frame, texts, empty_state(texts("journal.missing")))
    if deed == "share":
        return SharePage(page_id, key=f"share-{page_id}")
    if deed == "export":
        return ExportPage(page_id, key=f"export-{page_id}")
    return OpenPage(page_id, wanted in TODAY, key=f"open-{page_id}")


def _alone(frame: Frame, texts: Texts, control: ft.Control) -> ft.Control:
    return content_page(frame, texts("journal.title"), [control])
