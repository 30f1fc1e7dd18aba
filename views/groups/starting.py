"""Starting a group: its name, its colour and its symbol."""

from collections.abc import Callable

import flet as ft

from companion.groups import NAME_LIMIT
from views import theme
from views.groups.naming import LOOKS
from views.mirror.context import use_frame, use_opened, use_quiet_window
from views.mirror.typed import use_field
from views.pages import content_page
from views.parts.buttons import button, pressable
from views.parts.fields import field
from views.parts.frame import foot
from views.parts.people import Look, group_mark
from views.parts.rows import section
from views.parts.safe import guarded, safe
from views.parts.surfaces import column, gap, wrapping
from views.parts.text import reading_column, soft, text


@safe
def StartPage() -> ft.Control:
    groups, frame, texts = use_opened().groups, use_frame(), use_quiet_window().texts
    name = use_field(lambda typed: None)
    look, set_look = ft.use_state(LOOKS[0])
    problem, set_problem = ft.use_state("")

    def type_in(value: str) -> None:
        name.typed(value)
        if problem:
            set_problem("")

    async def start() -> None:
        if not 0 < len(" ".join(name.text.split())) <= NAME_LIMIT:
            set_problem(texts("groups.name_problem"))
            return
        group = await groups.create(name.text, look)
        frame.go(f"/groups/{group.id}")

    entry = field(
        texts("groups.name"),
        type_in,
        value=name.value(),
        helper=texts("groups.name_help"),
        error=problem or None,
        on_submit=guarded(start, texts.error),
        max_length=NAME_LIMIT,
        autofocus=True,
        ref=name.box,
        key="group-name",
    )
    looks = wrapping(*(_look(one, texts(f"groups.look_{one}"), one == look, set_look) for one in LOOKS))
    body = reading_column(
        gap(theme.TIGHT),
        entry,
        section(texts("groups.look"), looks),
        soft(texts("groups.start_about"), ft.TextThemeStyle.BODY_MEDIUM),
        spacing=theme.PAD,
    )
    action = button(texts("groups.start_now"), guarded(start, texts.error), icon=ft.Icons.CHECK_ROUNDED)
    return content_page(frame, texts("groups.start"), [body], foot=foot(action))


def _look(look: Look, label: str, is_chosen: bool, choose: Callable[[Look], None]) -> ft.Control:
    tick = ft.Icon(ft.Icons.CHECK_CIRCLE_ROUNDED, size=20, color=ft.Colors.PRIMARY, right=0, bottom=0)
    face = column(
        ft.Stack([group_mark(look, 56), *([tick] if is_chosen else [])]),
        text(label, ft.TextThemeStyle.LABEL_SMALL, align=ft.TextAlign.CENTER),
        spacing=theme.TIGHT,
        align=ft.CrossAxisAlignment.CENTER,
    )
    return pressable(
        face,
        label,
        lambda: choose(look),
        edge=ft.BorderSide(2, ft.Colors.PRIMARY) if is_chosen else ft.BorderSide(1, ft.Colors.OUTLINE_VARIANT),
        pad=ft.Padding.all(theme.GAP),
        selected=is_chosen,
        in_middle=True,
        key=f"look-{look}",
    )
