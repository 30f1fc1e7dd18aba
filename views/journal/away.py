"""What hangs on a page and lies on another device: what it is, where, and a press that brings it here."""

from collections.abc import Mapping

import flet as ft

from companion.errors import CompanionError, MessageRejected
from companion.fields import is_whole
from companion.sound import SAMPLE_BYTES
from views import theme
from views.mirror.context import use_opened, use_part, use_quiet_window
from views.parts.buttons import Action, button, icon_button
from views.parts.safe import safe
from views.parts.surfaces import column, notice, well, wrapping
from views.parts.text import soft, text
from views.words.names import device_name
from views.words.texts import Texts


@safe
def Away(page_id: str, file: Mapping[str, object], remove: Action, key: str = "") -> ft.Control:
    """One picture or voice note. It comes while one is elsewhere, too, and rests when it is told to."""
    window, opened, page = use_quiet_window(), use_opened(), ft.context.page
    texts, id = window.texts, str(file["id"])
    coming = use_part(lambda state: state.coming.get(id))
    fault, set_fault = ft.use_state("")

    async def fetch() -> None:
        try:
            await opened.own.fetch(page_id, id)
        except MessageRejected:
            set_fault(texts("journal.away_damaged"))
        except CompanionError as error:
            set_fault(texts("journal.away_failed", reason=texts.error(error)))

    def bring() -> None:  # in a task of its own: the next press, which lets it rest, must not wait for this one
        set_fault("")
        window.companion.touch()
        page.run_task(fetch)

    where = device_name(texts, opened.me, opened.device, str(file.get("device")))
    said: list[ft.Control] = [text(_what(texts, file), ft.TextThemeStyle.TITLE_SMALL)]
    if coming is None or (fault and not coming.is_running):
        line, act = texts("journal.away_on", device=where), button(texts("journal.away_bring"), bring, kind="outlined")
    elif coming.is_running:
        line = texts("journal.away_coming", percent=coming.percent)
        act = button(texts("journal.away_rest"), lambda: opened.own.bringing.rest(id), kind="outlined")
    else:
        line = texts("journal.away_resting", percent=coming.percent)
        act = button(texts("journal.away_go_on"), bring, kind="outlined")
    said.append(soft(line, ft.TextThemeStyle.BODY_MEDIUM))
    if fault and not (coming and coming.is_running):
        said.append(notice(ft.Icons.CLOUD_OFF_ROUNDED, fault, kind="stone"))
    icon = ft.Icons.IMAGE_OUTLINED if file.get("kind") == "picture" else ft.Icons.MIC_NONE_ROUNDED
    head = ft.Row(
        [
            ft.Icon(icon, size=24, color=ft.Colors.ON_SURFACE_VARIANT),
            column(*said, spacing=theme.HAIR, expand=True),
            icon_button(ft.Icons.DELETE_OUTLINE_ROUNDED, remove.label, remove.on_press),
        ],
        spacing=theme.GAP,
        vertical_alignment=ft.CrossAxisAlignment.START,
    )
    return well(head, wrapping(act), pad=theme.GAP)


def _what(texts: Texts, file: Mapping[str, object]) -> str:
    size_bytes, rate, channels = (_number(file, name) for name in ("size_bytes", "sample_rate_hz", "channels"))
    size = texts.size(size_bytes)
    if file.get("kind") == "picture":
        return texts("journal.away_picture", size=size)
    length_ms = size_bytes * 1000 // max(1, rate * channels * SAMPLE_BYTES)
    return texts("journal.away_sound", length=texts.length(length_ms), size=size)


def _number(file: Mapping[str, object], name: str) -> int:
    value = file.get(name)
    return value if is_whole(value) else 0
