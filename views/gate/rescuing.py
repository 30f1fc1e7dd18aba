"""What is said of damaged data, and what could be saved of it. Nothing here deletes anything."""

from collections.abc import Callable
from typing import Final

import flet as ft

from companion.errors import DAMAGES
from companion.ports import APART, Rescue
from views import theme
from views.mirror.context import use_part, use_quiet_window
from views.mirror.state import Window
from views.parts.buttons import button
from views.parts.rows import fact_row
from views.parts.safe import remembered
from views.parts.surfaces import card, column, equal, notice
from views.parts.text import heading, soft
from views.words.texts import Texts

PARTS: Final = (
    "journal",
    "msg",
    "groups",
    "stories",
    "receipts",
    "checkins",
    "nudges",
    "settings",
    "outbox",
    "me",
    "blobs",
)


def part_name(texts: Texts, part: str) -> str:
    """Return what a kind of documents is called."""
    known = "groups" if part in APART else part
    return texts(f"errors.part_{known if known in PARTS else 'other'}")


def damage_sentence(texts: Texts, kind: str) -> str:
    """Return the sentence for one of `errors.DAMAGES`."""
    return texts(f"errors.damage_{kind if kind in DAMAGES else 'changed'}")


def clock_sentence(texts: Texts, ahead_ms: int) -> str:
    """Return that the clock is off, and by how much. `ahead_ms` is below 0 if it is behind."""
    return texts("errors.clock_ahead" if ahead_ms > 0 else "errors.clock_behind", amount=texts.amount(abs(ahead_ms)))


def _damage_notice() -> ft.Control:
    """The strip over every screen while something is damaged, the store may only be read, or the clock is off."""
    window = use_quiet_window()
    texts = window.texts
    damages, unread, read_only, ahead_ms = use_part(lambda s: (s.damages, s.unread, s.read_only, s.clock_ahead_ms))
    strips: list[ft.Control] = []
    if damages:
        names = ", ".join(dict.fromkeys(part_name(texts, damage.part) for damage in damages))
        more = button(texts("errors.damage_more"), lambda: window.go("/account/damage"), kind="outlined", size="slim")
        is_blob = all(damage.kind == "blob" for damage in damages)  # which keeps nothing from being saved
        words = texts("errors.damage_notice_blob" if is_blob else "errors.damage_notice", parts=names)
        strips.append(notice(ft.Icons.REPORT_OUTLINED, words, kind="alert", action=more))
    if unread:
        names = ", ".join(part_name(texts, part) for part in sorted(unread))
        strips.append(notice(ft.Icons.BROKEN_IMAGE_OUTLINED, texts("errors.unread_notice", parts=names), kind="honey"))
    if read_only:
        strips.append(_read_only_strip(texts, read_only))
    if ahead_ms:
        strips.append(notice(ft.Icons.SCHEDULE_ROUNDED, clock_sentence(texts, ahead_ms), kind="honey"))
    if not strips:
        return ft.Container()
    return ft.Container(column(*strips, spacing=theme.SMALL), padding=theme.SMALL)


DamageNotice = remembered(_damage_notice)


def _read_only_strip(texts: Texts, why: str) -> ft.Control:
    if why == "folder":
        return notice(ft.Icons.EDIT_OFF_OUTLINED, texts("errors.read_only_folder"), kind="honey")
    return notice(ft.Icons.HISTORY_ROUNDED, texts("errors.read_only"), kind="honey")


def _read_only_notice() -> ft.Control:
    """The strip over an opened thing on a phone, whose page hides the places and their strip: here one writes."""
    texts, why = use_quiet_window().texts, use_part(lambda s: s.read_only)
    return ft.Container(_read_only_strip(texts, why), padding=theme.SMALL) if why else ft.Container()


ReadOnlyNotice = remembered(_read_only_notice)


def saved_copy(window: Window, rescue: Rescue, leave: Callable[[], None]) -> list[ft.Control]:
    """Return what came along, where it lies, and the two ways to go on."""
    texts = window.texts

    async def use_it() -> None:
        await window.companion.adopt(rescue)
        window.state.fault, window.state.fault_kind = "", ""
        window.state.phase = await window.companion.phase()

    parts = [
        fact_row(ft.Icons.DONE_ROUNDED, _amount(texts, part.readable, part.promised), part_name(texts, part.part))
        for part in rescue.parts
        if part.readable or part.promised
    ]
    return [
        heading(texts("errors.saved_title"), 2, ft.TextThemeStyle.TITLE_MEDIUM),
        card(*parts, spacing=theme.GAP),
        card(fact_row(ft.Icons.FOLDER_OUTLINED, rescue.folder, texts("errors.saved_where"))),
        soft(texts("errors.saved_about"), ft.TextThemeStyle.BODY_MEDIUM),
        equal(
            button(texts("errors.saved_use"), use_it, kind="outlined"),
            button(texts("errors.saved_leave"), leave, kind="outlined"),
        ),
    ]


def _amount(texts: Texts, readable: int, promised: int | None) -> str:
    if promised is None:
        return texts("errors.saved_some", count=readable)
    return texts("errors.saved_of", count=readable, promised=promised)
