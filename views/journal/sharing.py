"""A passage of a page goes into a group: chosen words, seen first as they will stand there. Nothing leads back."""

from collections.abc import Callable, Sequence

import flet as ft

from companion.chat.message import TEXT_LIMIT
from companion.groups import Group
from views.groups.naming import mark_of, people
from views.journal.choosing import chosen_text, paragraphs, part_rows
from views.mirror.context import Frame, use_frame, use_opened, use_part, use_quiet_window
from views.mirror.effects import use_kept, use_told
from views.mirror.typed import Field, use_field
from views.pages import content_page
from views.parts.buttons import button
from views.parts.choices import choice_row
from views.parts.fields import field
from views.parts.frame import tray
from views.parts.messages import bubble
from views.parts.rows import section
from views.parts.safe import guarded, safe, say
from views.parts.surfaces import empty_state, notice
from views.parts.text import soft
from views.words.texts import Texts


@safe
def SharePage(page_id: str, key: str = "") -> ft.Control:
    """Choose words, then a group, look, share."""
    texts, frame, opened = use_quiet_window().texts, use_frame(), use_opened()
    lines = use_part(lambda state: state.groups)
    page = opened.journal.shown(page_id)
    parts = use_kept(lambda: paragraphs(page.text if page else ""))
    chosen, set_chosen = ft.use_state(frozenset[int]())
    passage = use_field(lambda typed: bool(typed.strip()))
    target, set_target = ft.use_state("")
    groups = [line.group for line in lines if line.group.state == "member"]
    group = next((one for one in groups if one.id == target), None)

    def choose(numbers: frozenset[int]) -> None:
        set_chosen(numbers)
        passage.put(chosen_text(parts, numbers))

    async def share() -> None:
        if group is not None and len(passage.text) > TEXT_LIMIT:
            say(texts("groups.too_long", limit=f"{TEXT_LIMIT:,}"))
        elif group is not None and passage.text.strip():
            await opened.chat.post(group.id, passage.text)
            frame.go(f"/groups/{group.id}")

    title = texts("journal.share_title")
    if not parts or not groups:
        return content_page(frame, title, [empty_state(_nothing(texts, bool(parts)))])
    body: list[ft.Control] = [soft(texts("journal.share_intro"))]
    body.append(section(texts("journal.share_parts"), part_rows(parts, chosen, choose)))
    if chosen or passage.text:
        body += [_words(texts, passage, chosen), _groups(texts, groups, target, set_target)]
    is_ready = group is not None and bool(passage.text.strip())
    if group is not None and is_ready:
        body.append(Preview(passage, group, key=f"preview-{group.id}"))
    send = button(
        texts("journal.share_now"), guarded(share, texts.error), icon=ft.Icons.SEND_ROUNDED, disabled=not is_ready
    )
    return content_page(frame, title, body, foot=tray(*way_back(frame, texts, page_id), send))


def way_back(frame: Frame, texts: Texts, page_id: str) -> list[ft.Control]:
    """Return a button back to the page, where no bar has one."""
    if frame.is_phone:
        return []
    return [button(texts("journal.back_to_page"), lambda: frame.go(f"/journal/{page_id}"), kind="outlined")]


def _nothing(texts: Texts, has_words: bool) -> str:
    return texts("journal.share_no_group") if has_words else texts("journal.share_nothing")


def _words(texts: Texts, passage: Field, chosen: frozenset[int]) -> ft.Control:
    """Return the chosen words, which may still be shortened; other parts begin them anew."""
    return field(
        texts("journal.share_words"),
        passage.typed,
        value=passage.value(),
        ref=passage.box,
        helper=texts("journal.share_words_help"),
        lines=(2, 8),
        key=f"passage-{sorted(chosen)}",
    )


def _groups(texts: Texts, groups: Sequence[Group], target: str, choose: Callable[[str], object]) -> ft.Control:
    def row(one: Group) -> ft.Control:
        mark = mark_of(one, 32)
        return choice_row(mark, one.name, lambda: choose(one.id), chosen=one.id == target, key=f"to-{one.id}")

    return section(texts("journal.share_group"), *(row(one) for one in groups))


@safe
def Preview(passage: Field, group: Group, key: str = "") -> ft.Control:
    """The words as they will stand in the group, and who will see them."""
    texts = use_quiet_window().texts
    said = use_told(passage, lambda: passage.text.strip())
    box = bubble(said, texts("journal.share_time"), by=texts("groups.you"), mine=True, key="preview")
    seen = texts("journal.share_seen", group=group.name, count=people(texts, len(group.seats)))
    seen = texts("lines.share_seen", name=group.name) if group.is_pair else seen
    return section(
        texts("journal.share_preview"),
        ft.Row([box], alignment=ft.MainAxisAlignment.END, wrap=True),
        notice(ft.Icons.GROUP_ROUNDED, seen, kind="stone", live=False),
    )
