"""Since you were last here: what is for you, before everything else."""

from dataclasses import replace
from typing import Any

import flet as ft

from companion.app.chat.attending import Since
from companion.chat.message import Message
from views import theme
from views.groups.lines import gist
from views.groups.naming import counted, mark_of
from views.mirror.chat_state import Composing
from views.mirror.context import use_frame, use_part, use_quiet_window
from views.parts.buttons import pressable
from views.parts.people import badge
from views.parts.safe import safe
from views.parts.surfaces import card, column, rule
from views.parts.text import heading, soft, text
from views.words.texts import Texts

SHOWN = 3
"""Questions, mentions and decisions of each group; the rest is in the group."""


@safe
def SinceCard(key: str = "") -> ft.Control:
    """Questions to you, mentions and decisions, each one press from its answer; nothing while there are none."""
    window, frame = use_quiet_window(), use_frame()
    texts, state = window.texts, window.state
    since = use_part(lambda s: s.attention.since)

    def answer(group: str, message: Message) -> None:
        state.composing = replace(Composing(group=group, reply_to=message.id, topic=message.topic), is_catching_up=True)
        frame.go(f"/groups/{group}?at={message.id}")

    rows: list[ft.Control] = []
    for one in since:
        rows += [
            _row(texts, one, m, "question", lambda one=one, m=m: answer(one.group.id, m))
            for m in one.questions[-SHOWN:]
        ]
        rows += [_row(texts, one, m, "mention", _open(frame, one, m)) for m in one.mentions[-SHOWN:]]
        rows += [_row(texts, one, m, "decision", _open(frame, one, m)) for m in one.decisions[-SHOWN:]]
    if not rows:
        return ft.Container(height=0)
    unread = sum(one.news.unread for one in since)
    title = heading(texts("groups.since"), 2, ft.TextThemeStyle.TITLE_MEDIUM)
    lead = column(title, soft(counted(texts, unread, "groups.one_new", "groups.new")), spacing=theme.HAIR)
    parts: list[ft.Control] = [ft.Container(lead, padding=ft.Padding.only(left=theme.SMALL, top=theme.SMALL))]
    for row in rows:
        parts += [rule(), row]
    return ft.Semantics(container=True, content=card(*parts, pad=4, spacing=0))


def _open(frame: Any, one: Since, message: Message) -> Any:
    target = message.reply_to if message.kind == "decision" and message.reply_to else message.id
    return lambda: frame.go(f"/groups/{one.group.id}?at={target}")


def _row(texts: Texts, one: Since, message: Message, kind: str, on_press: Any) -> ft.Control:
    icons = {
        "question": (ft.Icons.HELP_OUTLINE_ROUNDED, "ember"),
        "mention": (ft.Icons.ALTERNATE_EMAIL_ROUNDED, "honey"),
        "decision": (ft.Icons.TASK_ALT_ROUNDED, "stone"),
    }
    icon, look = icons[kind]
    label = texts(f"groups.since_{kind}")
    said = gist(texts, message)
    is_pair = one.group.is_pair
    by = texts("lines.in_line" if is_pair else "groups.in_group", name=message.name, group=one.group.name)
    face = ft.Row(
        [
            mark_of(one.group, 40),
            column(
                ft.Row([badge(label, look, icon)], wrap=True),  # type: ignore[arg-type]  # the looks above are looks
                text(said, ft.TextThemeStyle.BODY_MEDIUM, max_lines=2),
                soft(by),
                spacing=theme.HAIR,
                expand=True,
            ),
        ],
        spacing=theme.GAP,
        vertical_alignment=ft.CrossAxisAlignment.START,
    )
    step = f" {texts('groups.since_answer')}" if kind == "question" else ""
    return pressable(
        face, f"{label}: {said}. {by}.{step}", on_press, pad=ft.Padding.all(theme.GAP), key=f"since-{message.id}"
    )
