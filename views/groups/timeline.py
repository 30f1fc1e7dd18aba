"""The messages of one conversation: a bounded window that grows when somebody scrolls to its end."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import flet as ft

from companion.groups import Group
from views import theme
from views.groups.lines import Divider, Said, rows
from views.groups.naming import INVITE
from views.groups.said import SaidRow
from views.mirror.chat_state import Composing, Conversation
from views.mirror.context import use_frame, use_opened, use_part, use_quiet_window
from views.mirror.effects import Box, use_kept
from views.parts.buttons import button
from views.parts.messages import conversation, divider
from views.parts.safe import Handler, guarded, safe
from views.parts.surfaces import empty_state
from views.words.names import first_name
from views.words.texts import Texts

SCREENFUL = 12
"""Messages that may fit on a screen: with more of them the newest may be out of sight."""
NEAR = 700
"""How many logical pixels before the end of what is there more is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acts:
    """What pressing a row does; the same object for as long as the conversation is shown."""

    open: Callable[[str], Any] = field(compare=False)
    react: Callable[[str, str, bool], Any] = field(compare=False)
    vote: Callable[[str, int], Any] = field(compare=False)
    close_poll: Callable[[str], Any] = field(compare=False)
    unfold: Callable[[str], Any] = field(compare=False)
    find: Callable[[str], Any] = field(compare=False)


def use_acts(group: Group) -> Acts:
    """A hook: what can be done from the rows of this group."""
    window, opened, frame = use_quiet_window(), use_opened(), use_frame()
    state, chat, id = window.state, opened.chat, group.id

    def make() -> Acts:
        def open_(message: str) -> None:
            state.composing = replace(_of(state.composing, id), mode="message", about=message)

        async def react(message: str, emoji: str, is_on: bool) -> None:
            await chat.react(id, message, emoji, is_on)

        async def vote(poll: str, option: int) -> None:
            await opened.polls.vote(id, poll, option)

        async def close_poll(poll: str) -> None:
            await opened.polls.close(id, poll)

        async def unfold(person: str) -> None:
            await opened.attention.fold(id, person, False)

        return Acts(
            open=open_,
            react=react,
            vote=vote,
            close_poll=close_poll,
            unfold=unfold,
            find=lambda message: frame.go(f"/groups/{id}?at={message}"),
        )

    return use_kept(make)


def _of(composing: Composing, group: str) -> Composing:
    return composing if composing.group == group else Composing(group=group)


@safe
def Timeline(group: Group, acts: Acts) -> ft.Control:
    window, opened, frame = use_quiet_window(), use_opened(), use_frame()
    texts = window.texts
    shown = use_part(lambda state: state.chat if state.chat.group == group.id else Conversation(group=group.id))
    moving = use_kept(lambda: Box(False))

    async def move(where: str) -> None:
        if moving.value:
            return
        moving.value = True
        try:
            await window.move_chat(where)
        finally:
            moving.value = False

    async def scrolled(event: ft.OnScrollEvent) -> None:
        room = event.max_scroll_extent - event.min_scroll_extent
        to_start, to_end = event.pixels - event.min_scroll_extent, event.max_scroll_extent - event.pixels
        older, newer = (to_start, to_end) if shown.is_from_top else (to_end, to_start)
        if room <= 0:
            return
        if older < NEAR and shown.has_older and (not shown.is_from_top or older < 1):
            await move("earlier")
        elif newer < NEAR and shown.has_newer and (shown.is_from_top or newer < 1):
            await move("later")

    if not shown.is_loaded:
        return ft.Container(expand=True)
    if not shown.messages:
        return _nothing(texts, group, shown, lambda: frame.go(f"/groups/{INVITE}{group.id}"))
    now = opened.groups.time_at(group)
    built: list[ft.Control] = [_row(row, acts) for row in rows(texts, group, shown, opened.me.person, now)]
    if shown.has_older:
        built.insert(0, _step(texts("groups.earlier"), guarded(lambda: move("earlier"), texts.error), "earlier"))
    if shown.has_newer:
        built.append(_step(texts("groups.later"), guarded(lambda: move("later"), texts.error), "later"))
    lines = conversation(
        built, side=0, is_from_top=shown.is_from_top, on_scroll=scrolled, key=f"{group.id}-{shown.page}"
    )

    async def to_first_new() -> None:
        window.watch_chat(group.id, await opened.chat.first_new(group.id, shown.seen_seq), "")

    jumps = _jumps(texts, shown, window.watch_chat, guarded(to_first_new, texts.error))
    if not jumps:
        return lines
    over = ft.Container(ft.Row(jumps, alignment=ft.MainAxisAlignment.CENTER), left=0, right=0, bottom=theme.SMALL)
    return ft.Stack([ft.Container(lines, left=0, right=0, top=0, bottom=0), over], expand=True)


def _row(row: Divider | Said, acts: Acts) -> ft.Control:
    if isinstance(row, Divider):
        pad = ft.Padding.symmetric(vertical=theme.GAP)
        return ft.Container(divider(row.words, row.icon, is_strong=row.is_news), padding=pad, key=row.key)
    return SaidRow(row, acts, key=row.message.id)


def _step(label: str, on_press: Handler, key: str) -> ft.Control:
    more = button(label, on_press, kind="outlined", size="slim")
    return ft.Container(
        ft.Row([more], alignment=ft.MainAxisAlignment.CENTER),
        padding=ft.Padding.symmetric(vertical=theme.SMALL),
        key=key,
    )


def _jumps(
    texts: Texts, shown: Conversation, watch: Callable[..., None], to_first_new: Callable[[Any], Any]
) -> list[ft.Control]:
    """Return the ways to the newest message, and to the first new one while that is not here."""
    if shown.has_newer or (shown.is_from_top and len(shown.messages) > SCREENFUL):
        newest = button(
            texts("groups.to_newest"),
            lambda: watch(shown.group, "", shown.topic),
            icon=ft.Icons.ARROW_DOWNWARD_ROUNDED,
            kind="tonal",
            size="slim",
        )
        return [newest]
    oldest = shown.messages[0].seq
    if shown.page_is_first and shown.has_older and 0 < shown.seen_seq < oldest - 1:
        words = texts("groups.to_first_new")
        return [button(words, to_first_new, icon=ft.Icons.ARROW_UPWARD_ROUNDED, kind="tonal", size="slim")]
    return []


def _nothing(texts: Texts, group: Group, shown: Conversation, invite: Callable[[], Any]) -> ft.Control:
    if shown.topic:
        said = empty_state(texts("groups.topic_empty", topic=shown.topic))
    elif group.peer is not None:
        said = empty_state(texts("lines.empty", name=first_name(group.peer.name)))
    else:
        more = button(texts("groups.invite"), invite, icon=ft.Icons.PERSON_ADD_ALT_ROUNDED, kind="tonal")
        said = empty_state(texts("groups.empty"), *([more] if len(group.seats) == 1 else []))
    return ft.Column([said], expand=True, alignment=ft.MainAxisAlignment.CENTER)
