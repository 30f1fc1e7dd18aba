"""One conversation: the newest messages, what is under way, and the composer."""

from collections.abc import Sequence
from itertools import groupby

import flet as ft

from companion.groups import Group, Message
from views import theme
from views.context import use_frame, use_opened, use_part, use_quiet_window
from views.effects import Box, use_kept, use_task
from views.groups.drafting import use_draft
from views.groups.naming import INVITE, look_of_group, people, profession
from views.names import initials, look_of
from views.pages import content_page
from views.parts.buttons import button, icon_button
from views.parts.messages import bubble, composer, conversation, divider, message, own_message
from views.parts.people import group_mark
from views.parts.rows import State
from views.parts.safe import guarded, safe
from views.parts.surfaces import empty_state, notice
from views.state import MESSAGE_WINDOW
from views.texts import Texts

STATES: dict[str, State] = {"waiting": "waiting", "sent": "sent", "refused": "needs-you"}


def in_order(messages: Sequence[Message]) -> list[Message]:
    """Return each message once, in the order all members share; mine that still wait come last."""
    return sorted({m.id: m for m in messages}.values(), key=lambda m: (m.seq == 0, m.seq or m.at_ms))


@safe
def Chat(group: Group) -> ft.Control:
    window, frame = use_quiet_window(), use_frame()
    texts = window.texts

    async def watch() -> None:
        window.watch_chat(group.id)

    use_task(watch, [group.id])
    invite = icon_button(
        ft.Icons.PERSON_ADD_ALT_ROUNDED, texts("groups.invite"), lambda: frame.go(f"/groups/{INVITE}{group.id}")
    )
    return content_page(
        frame,
        group.name,
        [Conversation(group)],
        subtitle=people(texts, len(group.seats)),
        lead=group_mark(look_of_group(group), 40),
        tools=[] if frame.is_phone else [invite],
        foot=ft.Column([Waiting(group), Composer(group)], spacing=0, tight=True),
        scroll=False,
    )


@safe
def Conversation(group: Group) -> ft.Control:
    opened, frame, texts = use_opened(), use_frame(), use_quiet_window().texts
    newest = use_part(lambda state: state.chat if state.chat_group == group.id else ())
    earlier, set_earlier = ft.use_state(tuple[Message, ...]())
    has_more, set_more = ft.use_state(True)
    # Once earlier messages are shown, what the newest ones push out of their window has to stay.
    seen: Box[tuple[Message, ...]] = use_kept(lambda: Box(()))
    seen.value = tuple(in_order((*seen.value, *newest))) if earlier else newest
    shown = in_order((*earlier, *seen.value))

    async def load() -> None:
        older = await opened.groups.messages(group.id, MESSAGE_WINDOW, shown[0].id)
        set_more(len(older) == MESSAGE_WINDOW)
        set_earlier((*older, *earlier))

    if not shown:
        invite = button(
            texts("groups.invite"),
            lambda: frame.go(f"/groups/{INVITE}{group.id}"),
            icon=ft.Icons.PERSON_ADD_ALT_ROUNDED,
            kind="tonal",
        )
        return ft.Column(
            [empty_state(texts("groups.empty"), *([invite] if len(group.seats) == 1 else []))],
            expand=True,
            alignment=ft.MainAxisAlignment.CENTER,
        )
    rows = _rows(texts, opened.me.device, group, shown)
    if has_more and len(shown) >= MESSAGE_WINDOW:
        more = button(texts("groups.earlier"), guarded(load, texts.error), kind="outlined", size="slim")
        rows.insert(0, ft.Row([more], alignment=ft.MainAxisAlignment.CENTER, key="earlier"))
    return conversation(rows, side=0)


def _rows(texts: Texts, me: str, group: Group, messages: Sequence[Message]) -> list[ft.Control]:
    """Return days, newcomers, and what each person said in one go."""
    rows: list[ft.Control] = []
    for day, of_day in groupby(messages, key=lambda m: texts.day_of(m.at_ms)):
        rows.append(ft.Container(divider(day), key=f"day-{day}"))
        for (kind, sender), run in groupby(of_day, key=lambda m: (m.kind, m.sender)):
            said = list(run)
            if kind == "joined":
                rows += [_joined(texts, m) for m in said]
            elif sender == me:
                rows += [own_message(_bubble(texts, m, True), key=m.id) for m in said]
            else:
                rows.append(_said(texts, group, said))
    return rows


def _said(texts: Texts, group: Group, run: Sequence[Message]) -> ft.Control:
    first = run[0]
    return message(
        first.name,
        profession(texts, first.profession),
        initials(first.name),
        look_of(first.sender),
        *(_bubble(texts, m, False) for m in run),
        key=first.id,
    )


def _bubble(texts: Texts, one: Message, is_mine: bool) -> ft.Control:
    state = STATES.get(one.state) if is_mine else None
    return bubble(
        one.text,
        texts.time(one.at_ms),
        by=texts("groups.you") if is_mine else one.name,
        mine=is_mine,
        state=state,
        state_label=texts(f"groups.state_{one.state}") if state else "",
        key=f"bubble-{one.id}",
    )


def _joined(texts: Texts, one: Message) -> ft.Control:
    words = (
        texts("groups.joined_by", name=one.name, by=one.text)
        if one.text
        else texts("groups.joined_line", name=one.name)
    )
    return ft.Container(divider(words, ft.Icons.PERSON_ADD_ALT_ROUNDED), key=one.id)


@safe
def Waiting(group: Group) -> ft.Control:
    """What a missing connection means for this conversation; nothing while there is one."""
    texts = use_quiet_window().texts
    sync = use_part(lambda state: next((one.sync for one in state.groups if one.group.id == group.id), ""))
    waits = use_part(lambda state: state.chat_group == group.id and any(m.state == "waiting" for m in state.chat))
    refused = use_part(lambda state: state.chat_group == group.id and any(m.state == "refused" for m in state.chat))
    parts: list[ft.Control] = []
    if refused:
        parts.append(notice(ft.Icons.ERROR_OUTLINE_ROUNDED, texts("groups.refused"), kind="alert"))
    if sync == "waiting":
        words = texts("groups.waiting") if waits else texts("groups.offline")
        parts.append(notice(ft.Icons.CLOUD_OFF_ROUNDED, words, kind="honey" if waits else "stone"))
    pad = ft.Padding.symmetric(horizontal=theme.GAP, vertical=theme.TIGHT) if parts else 0
    return ft.Container(ft.Column(parts, spacing=theme.SMALL, tight=True), padding=pad)


@safe
def Composer(group: Group) -> ft.Control:
    """The field, in the group's colour, with its name and who can see what is sent."""
    frame, texts, draft = use_frame(), use_quiet_window().texts, use_draft(group)
    count = people(texts, len(group.seats))
    return composer(
        group.name,
        look_of_group(group),
        value=draft.value,
        on_change=draft.typed,
        on_send=guarded(draft.send, texts.error),
        name=texts("groups.message_name", group=group.name),
        hint=texts("groups.message_hint"),
        send_name=texts("groups.send"),
        who_label=count,
        who_name=texts("groups.who_name", count=count, group=group.name),
        enter_sends=not frame.is_phone,
        ref=draft.box,
        key=f"composer-{group.id}",
    )
