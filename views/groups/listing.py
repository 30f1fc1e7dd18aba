"""The list of groups, newest first."""

import flet as ft

from companion.groups import Message
from views.context import use_frame, use_opened, use_part, use_quiet_window
from views.groups.naming import INVITE, inviter, look_of_group
from views.pages import list_page
from views.parts.buttons import button
from views.parts.frame import tray
from views.parts.people import badge, group_mark
from views.parts.rows import list_row
from views.parts.safe import safe
from views.parts.surfaces import card, empty_state, ruled
from views.state import GroupLine
from views.texts import Texts


@safe
def GroupList(key: str = "") -> ft.Control:
    """Every group with its newest line; starting and joining stand at the foot."""
    frame, texts = use_frame(), use_quiet_window().texts
    lines = use_part(lambda state: state.groups)
    chosen = frame.item.removeprefix(INVITE)
    rows = [GroupRow(line, line.group.id == chosen, key=line.group.id) for line in lines]
    body: list[ft.Control] = rows
    if frame.is_phone:
        body = [card(*ruled(rows), pad=4, spacing=0)] if rows else []
    if not rows:
        body = [empty_state(texts("groups.list_empty"), hint=texts("groups.list_empty_hint"))]
    foot = tray(
        button(texts("groups.join"), lambda: frame.go("/groups/join"), kind="outlined", size="tray"),
        button(texts("groups.start"), lambda: frame.go("/groups/new"), size="tray"),
        stacked=frame.is_large_text,
    )
    return list_page(frame, texts("groups.title"), body, foot=foot)


@safe
def GroupRow(line: GroupLine, is_chosen: bool, key: str = "") -> ft.Control:
    frame, texts, opened = use_frame(), use_quiet_window().texts, use_opened()
    group, newest = line.group, line.newest
    said = newest_line(texts, line, opened.me.device)
    state = row_state(texts, line)
    when = texts.when(newest.at_ms if newest else group.created_ms)
    return list_row(
        group_mark(look_of_group(group)),
        group.name,
        lambda: frame.go(f"/groups/{group.id}"),
        line=said,
        time=when,
        mark=badge(state, "honey", ft.Icons.SCHEDULE_ROUNDED) if state else None,
        name=". ".join(part for part in (group.name, said, state, when) if part),
        selected=is_chosen,
        key=f"group-{group.id}",
    )


def newest_line(texts: Texts, line: GroupLine, me: str) -> str:
    """Return what happened last in this group, in one line."""
    if line.group.state == "joining":
        who = inviter(line.group)
        return texts("groups.joining_line", name=who.name if who else "")
    if line.newest is None:
        return texts("groups.nothing_yet")
    return one_line(texts, line.newest, me)


def one_line(texts: Texts, message: Message, me: str) -> str:
    if message.kind == "joined":
        return texts("groups.joined_line", name=message.name)
    by = texts("groups.you") if message.sender == me else message.name
    return texts("groups.said_line", name=by, said=" ".join(message.text.split())[:160])


def row_state(texts: Texts, line: GroupLine) -> str:
    """Return what is still under way, or nothing."""
    if line.group.state == "joining":
        return texts("groups.state_joining")
    if line.newest is not None and line.newest.state == "waiting":
        return texts("groups.state_waiting")
    return ""
