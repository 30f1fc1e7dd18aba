"""Tags of a page: one tap for one that was used lately, a field for a new one, one tap to take one off."""

from collections.abc import Callable

import flet as ft

from companion.app.journal.journalling import RECENT
from companion.journal import TAG_LIMIT, with_tag
from companion.likeness import is_among
from views.journal.editing import Editing
from views.mirror.context import use_opened, use_part, use_quiet_window
from views.mirror.effects import use_task, use_told
from views.parts.buttons import button, filter_chip
from views.parts.fields import field
from views.parts.rows import section
from views.parts.safe import safe
from views.parts.surfaces import column, wrapping


@safe
def Tags(editing: Editing, key: str = "") -> ft.Control:
    journal, texts = use_opened().journal, use_quiet_window().texts
    used = use_part(lambda state: [head.tags for head in state.journal.page(0, RECENT)])
    recent, set_recent = ft.use_state(tuple[str, ...]())
    is_open, set_open = ft.use_state(False)
    tags = use_told(editing, lambda: editing.entry.tags)

    async def look() -> None:
        set_recent(await journal.recent_tags())

    use_task(look, [used])

    def add(tag: str) -> None:
        set_open(False)
        editing.mark(tags=with_tag(tags, tag))

    def take_off(tag: str) -> None:
        editing.mark(tags=tuple(one for one in tags if one != tag))

    chips = [_chip(tag, texts("journal.tag_off", tag=tag), take_off, True) for tag in tags]
    chips += [_chip(tag, texts("journal.tag_on", tag=tag), add, False) for tag in recent if not is_among(tag, tags)]
    if not is_open:
        more = button(
            texts("journal.new_tag"), lambda: set_open(True), icon=ft.Icons.ADD_ROUNDED, kind="quiet", size="slim"
        )
        chips.append(more)
    rows = [wrapping(*chips)] if chips else []
    return section(texts("journal.tags"), *rows, *([NewTag(add, key="new")] if is_open else []))


def _chip(tag: str, name: str, press: Callable[[str], None], is_on: bool) -> ft.Control:
    return filter_chip(f"#{tag}", lambda: press(tag), selected=is_on, name=name, key=f"tag-{tag}")


@safe
def NewTag(add: Callable[[str], None], key: str = "") -> ft.Control:
    """A field for a tag that was not used lately; an empty one adds nothing."""
    texts = use_quiet_window().texts
    typed, set_typed = ft.use_state("")
    entry = field(
        texts("journal.new_tag"),
        set_typed,
        value=typed,
        on_submit=lambda: add(typed),
        max_length=TAG_LIMIT,
        autofocus=True,
        key="new-tag",
    )
    return column(entry, wrapping(button(texts("journal.add_tag"), lambda: add(typed), kind="tonal", size="slim")))
