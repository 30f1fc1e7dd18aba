"""The field of an open page, or the fields of a long one. A key renders none of them."""

from typing import cast

import flet as ft

from views import theme
from views.client import BUSY_S, focus
from views.journal.editing import Editing
from views.journal.page_text import Part
from views.mirror.context import use_frame, use_quiet_window
from views.mirror.effects import use_return, use_told
from views.parts.fields import bare_field
from views.parts.safe import guarded, remembered, safe
from views.parts.surfaces import column
from views.parts.text import soft


@safe
def PageField(editing: Editing, is_today: bool, lines: int, key: str = "") -> ft.Control:
    """Where the words are written; a long page says that it stands in parts."""
    texts, frame = use_quiet_window().texts, use_frame()
    use_told(editing, lambda: editing.text.layout)
    parts = editing.text.parts

    async def write_on() -> None:
        if is_today and not frame.is_phone:  # on a phone the keyboard would come up over the pages
            await focus(parts[0].box)

    use_return(write_on)
    count = len(parts)
    fields = [
        PartField(editing, part, part.turn, number, count, is_today, lines if count == 1 else 1, key=f"part-{part.id}")
        for number, part in enumerate(parts, 1)
    ]
    about = [soft(texts("journal.parts_about"))] if count > 1 else []
    return column(*about, *fields, spacing=theme.PAD)


@remembered
def PartField(
    editing: Editing, part: Part, turn: int, number: int, count: int, is_today: bool, lines: int, key: str = ""
) -> ft.Control:
    """One field. `turn` says that words came into it from elsewhere."""
    window = use_quiet_window()
    texts, is_whole = window.texts, count == 1
    cursor, set_cursor = ft.use_state(cast("int | None", None))

    def typed(text: str) -> None:
        editing.typed(part, text, window.state.journal_prompt if is_today else None)

    async def go_on() -> None:
        """The client shows what was put in. Was the part cut under the cursor, let that stand where it stood."""
        part.settled(turn)
        at = part.taken_cursor()
        if at is not None:
            if not part.is_left:
                await focus(part.box, BUSY_S)
            set_cursor(at)

    place = texts("journal.part", number=number, count=count)
    entry = bare_field(
        texts("journal.page_name") if is_whole else texts("journal.part_name", part=place),
        texts("journal.empty") if is_whole else "",
        part.value(),
        typed,
        serif=True,
        lines=(lines, None),
        autofocus=is_today and number == 1,
        cursor=cursor,
        on_blur=lambda: editing.left(part),
        ref=part.box,
        key=f"page-{part.id}",
    )
    above = [] if is_whole else [ft.Semantics(exclude_semantics=True, content=soft(place), key="place")]
    # A new control, which the client lays out together with the new words: it then says so.
    mark = ft.Container(height=1, key=f"turn-{turn}", on_size_change=guarded(go_on))
    return column(*above, entry, mark, spacing=theme.HAIR)
