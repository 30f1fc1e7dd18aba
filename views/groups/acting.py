"""What can be done with one message: react, answer, change, and ask for help about it."""

from dataclasses import replace
from typing import Any

import flet as ft

from companion.app.chat.chatting import can_delete
from companion.care import patient_details
from companion.chat.message import REACTIONS, Message
from companion.groups import Group
from views import theme
from views.caring import guard_card
from views.client import ask
from views.groups.drafting import composing_of, take_back_message
from views.groups.lines import gist
from views.groups.naming import name_of
from views.groups.pairing import writing_to
from views.groups.shelf.looking import fates, pinned_from, use_shelf
from views.groups.shelf.pinning import may_pin, shelf_action
from views.mirror.context import use_frame, use_opened, use_part, use_quiet_window
from views.parts.buttons import Action, button, pressable
from views.parts.safe import guarded, safe, say
from views.parts.surfaces import column, equal, wrapping
from views.parts.text import soft, text
from views.words.names import first_name


@safe
def MessagePanel(group: Group, key: str = "") -> ft.Control:
    window, opened, frame = use_quiet_window(), use_opened(), use_frame()
    texts, state = window.texts, window.state
    about = use_part(lambda s: composing_of(s.composing, group).about)
    one = use_part(lambda s: next((m for m in s.chat.messages if m.id == about), None))
    is_sure, set_sure = ft.use_state(False)
    found, set_found = ft.use_state(tuple[str, ...]())
    shelf, me = use_shelf(group), opened.me.person

    def change(**parts: Any) -> None:
        state.composing = replace(composing_of(state.composing, group), **{"mode": "", "about": "", **parts})

    leave = button(texts("groups.close"), change, icon=ft.Icons.CLOSE_ROUNDED, kind="outlined", size="slim")
    if one is None:
        return ft.Row([leave])

    def then(job: Any, said: str = "") -> Any:
        async def run() -> None:
            await job()
            change()
            if said:
                say(said)

        return guarded(run, texts.error)

    if is_sure:
        delete = then(lambda: opened.chat.delete(group.id, one.id), texts("groups.deleted_now"))
        notes = fates(texts, shelf, one.id)
        return _delete_question(texts, delete, lambda: set_sure(False), stacked=frame.is_large_text, notes=notes)

    async def pin() -> None:
        change(pinned=await opened.shelves.pin(group.id, one.id))

    if found:
        anyway, instead = texts("shelf.pin_anyway"), texts("shelf.pin_not")
        return guard_card(texts, found, guarded(pin, texts.error), change, anyway=anyway, instead=instead)

    async def look_and_pin() -> None:
        details = patient_details(one.text)
        set_found(details) if details else await pin()

    async def take_back() -> None:
        await take_back_message(window, opened, group, one)

    actions = _actions(texts, opened, group, one, me, change, then, lambda: set_sure(True), take_back)
    if one.author != me and not group.is_pair and group.seat(one.author) is not None:
        label = texts("lines.write", name=first_name(one.name))
        write = then(writing_to(window, frame, one.author))
        actions.insert(1, Action(label=label, on_press=write, icon=ft.Icons.SEND_ROUNDED))
    if may_pin(group, opened, one):
        keep = guarded(look_and_pin, texts.error)
        actions.insert(2, shelf_action(texts, frame, group, pinned_from(shelf, one.id), keep))
    buttons = [
        button(act.label, act.on_press, icon=act.icon, kind="tonal" if not number else "outlined", size="slim")
        for number, act in enumerate(actions)
    ]
    parts: list[ft.Control] = [_head(texts, one, me, leave)]
    if one.seq and not one.is_deleted:
        parts.append(_reactions(texts, opened, group, one, me, then))
    return ft.Semantics(container=True, content=column(*parts, wrapping(*buttons), spacing=theme.GAP))


def _head(texts: Any, one: Message, me: str, leave: ft.Control) -> ft.Control:
    """Return who said what, and the way out."""
    name = text(name_of(texts, one, me), ft.TextThemeStyle.LABEL_MEDIUM)
    about = column(name, soft(gist(texts, one), max_lines=1), spacing=0, expand=True)
    return ft.Row([about, leave], spacing=theme.SMALL)


def _delete_question(texts: Any, delete: Any, keep: Any, *, stacked: bool, notes: tuple[str, ...]) -> ft.Control:
    """`notes`: what becomes of those on the shelf that were made of it."""
    return column(
        text(texts("groups.delete_question")),
        *(soft(said) for said in notes),
        equal(
            button(texts("groups.keep"), keep, kind="outlined"),
            button(texts("groups.delete_now"), delete, kind="outlined", icon=ft.Icons.DELETE_OUTLINE_ROUNDED),
            stacked=stacked,
        ),
    )


def _reactions(texts: Any, opened: Any, group: Group, one: Message, me: str, then: Any) -> ft.Control:
    mine = {reaction.emoji for reaction in one.reactions if reaction.person == me}

    def react(emoji: str) -> Any:
        return then(lambda: opened.chat.react(group.id, one.id, emoji, emoji not in mine))

    return ft.Row(
        [
            pressable(
                text(emoji, ft.TextThemeStyle.TITLE_LARGE, align=ft.TextAlign.CENTER),
                texts("groups.react_with", emoji=emoji),
                react(emoji),
                fill=ft.Colors.PRIMARY_CONTAINER if emoji in mine else ft.Colors.TRANSPARENT,
                edge=ft.BorderSide(2, ft.Colors.PRIMARY) if emoji in mine else None,
                radius=theme.ROUND,
                pad=ft.Padding.symmetric(vertical=theme.SMALL + 4),
                selected=emoji in mine,
                in_middle=True,
                narrow=True,
                key=f"react-{emoji}",
            )
            for emoji in REACTIONS
        ],
        spacing=0,
        run_spacing=0,
        wrap=True,
    )


def _actions(
    texts: Any,
    opened: Any,
    group: Group,
    one: Message,
    me: str,
    change: Any,
    then: Any,
    sure: Any,
    take_back: Any,
) -> list[Action]:
    """Return what fits this message, the most wanted first."""
    is_mine, is_said = one.author == me, one.seq > 0 and not one.is_deleted
    found: list[Action] = []

    def add(key: str, on_press: Any, icon: ft.IconData) -> None:
        found.append(Action(label=texts(key), on_press=on_press, icon=icon))

    async def copy() -> None:
        await ask(ft.Clipboard().set(one.text))

    if is_said:
        add("groups.reply", lambda: change(reply_to=one.id), ft.Icons.REPLY_ROUNDED)
    if is_mine and is_said and one.kind == "message":
        add("groups.edit", lambda: change(editing=one.id), ft.Icons.EDIT_ROUNDED)
    if can_delete(one, me, opened.groups.time_at(group)):
        add("groups.delete", sure, ft.Icons.DELETE_OUTLINE_ROUNDED)
    if one.state == "held":
        add("groups.undo", then(take_back), ft.Icons.UNDO_ROUNDED)
    if one.state == "refused":
        add("groups.send_again", then(lambda: opened.chat.send_again(one.id)), ft.Icons.REFRESH_ROUNDED)
        add("groups.remove_refused", then(lambda: opened.chat.remove_refused(one.id)), ft.Icons.CLOSE_ROUNDED)
    if one.text and not one.is_deleted:
        add("groups.copy", then(copy, texts("groups.copied")), ft.Icons.CONTENT_COPY_ROUNDED)
    if is_said and one.text:
        noted = then(lambda: opened.chat.note_decision(group.id, one.id))
        add("groups.decide", noted, ft.Icons.TASK_ALT_ROUNDED)
    if not is_mine:
        add("groups.worried", lambda: change(mode="worry", about=one.id), ft.Icons.FAVORITE_BORDER_ROUNDED)
    if not is_mine and not group.is_pair:
        add("groups.report", lambda: change(mode="report", about=one.id), ft.Icons.FLAG_OUTLINED)
        fold = then(lambda: opened.attention.fold(group.id, one.author, True), texts("groups.folded_now"))
        add("groups.fold", fold, ft.Icons.UNFOLD_LESS_ROUNDED)
    return found
