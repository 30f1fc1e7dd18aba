"""A reflection leaves the journal: only the parts with a tick, seen first, as a copy or a text file."""

import flet as ft

from views.client import ask
from views.journal.choosing import chosen_text, paragraphs, part_rows
from views.journal.sharing import way_back
from views.mirror.context import use_frame, use_opened, use_quiet_window
from views.mirror.effects import use_kept
from views.pages import content_page
from views.parts.buttons import Action, button
from views.parts.frame import tray
from views.parts.rows import section
from views.parts.safe import guarded, safe, say
from views.parts.surfaces import card, empty_state, notice
from views.parts.text import soft, words
from views.picking import save_text


@safe
def ExportPage(page_id: str, key: str = "") -> ft.Control:
    window, frame, journal = use_quiet_window(), use_frame(), use_opened().journal
    texts, page = window.texts, journal.shown(page_id)
    parts = use_kept(lambda: paragraphs(page.text if page else ""))
    chosen, set_chosen = ft.use_state(frozenset[int]())
    text = chosen_text(parts, chosen)
    template = next((one for one in window.templates if page and one.id == page.template), None)

    async def copy() -> None:
        await ask(ft.Clipboard().set(text))
        say(texts("journal.export_copied"))

    async def save() -> None:
        if await save_text(window, texts("journal.export_file", day=page.day if page else ""), text + "\n"):
            say(texts("journal.export_saved"))

    title = texts("journal.export_title")
    if not parts:
        return content_page(frame, title, [empty_state(texts("journal.share_nothing"))])
    body: list[ft.Control] = [soft(texts("journal.export_intro"))]
    if template and template.reminder:
        body.append(notice(ft.Icons.SHIELD_OUTLINED, template.reminder, kind="honey", live=False))
    body.append(section(texts("journal.share_parts"), part_rows(parts, chosen, set_chosen)))
    if text:
        body.append(section(texts("journal.export_preview"), card(words(text, ft.TextThemeStyle.BODY_LARGE))))
    ways = (
        Action(label=texts("journal.export_copy"), on_press=copy, icon=ft.Icons.CONTENT_COPY_ROUNDED),
        Action(label=texts("journal.export_save"), on_press=save, icon=ft.Icons.DOWNLOAD_ROUNDED),
    )
    buttons = [
        button(one.label, guarded(one.on_press, texts.error), icon=one.icon, kind="outlined", disabled=not text)
        for one in ways
    ]
    actions = tray(*way_back(frame, texts, page_id), *buttons, stacked=frame.is_large_text)
    return content_page(frame, title, body, foot=actions)
