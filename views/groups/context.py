"""Beside a conversation: who is in it."""

import flet as ft

from companion.groups import Seat
from views import theme
from views.context import use_frame, use_opened, use_part, use_quiet_window
from views.groups.naming import INVITE, people, profession
from views.names import initials, look_of
from views.parts.buttons import button
from views.parts.frame import pane
from views.parts.people import person
from views.parts.rows import fact_row, section
from views.parts.safe import safe
from views.parts.surfaces import card, column, gap
from views.parts.text import soft, text
from views.texts import Texts


@safe
def GroupContext(group_id: str = "", key: str = "") -> ft.Control:
    """Who can see this, and the people; nothing while no group is chosen."""
    frame, texts, me = use_frame(), use_quiet_window().texts, use_opened().me.device
    chosen = group_id.removeprefix(INVITE)
    lines = use_part(lambda state: state.groups)
    group = next((line.group for line in lines if line.group.id == chosen), None)
    if group is None or group.state != "member":
        return pane(gap(0))
    count = people(texts, len(group.seats))
    sees = card(fact_row(ft.Icons.LOCK_ROUNDED, texts("groups.who_sees_fact", count=count)))
    invite = button(
        texts("groups.invite"),
        lambda: frame.go(f"/groups/{INVITE}{group.id}"),
        icon=ft.Icons.PERSON_ADD_ALT_ROUNDED,
        kind="outlined",
    )
    rows = [_seat_row(texts, seat, seat.member.device == me) for seat in group.seats]
    return pane(
        column(
            section(texts("groups.who_sees"), sees),
            section(texts("groups.people"), *rows, spacing=theme.GAP),
            invite,
            spacing=theme.PAD,
        )
    )


def _seat_row(texts: Texts, seat: Seat, is_me: bool) -> ft.Control:
    member = seat.member
    name = texts("groups.name_you", name=member.name) if is_me else member.name
    said: list[ft.Control] = [
        text(name, ft.TextThemeStyle.TITLE_SMALL),
        soft(profession(texts, member.profession)),
    ]
    if seat.invited_by:
        said.append(soft(texts("groups.invited_by", name=seat.invited_by)))
    mark = person(initials(member.name), look_of(member.device), 40)
    row = ft.Row([mark, column(*said, spacing=theme.HAIR, expand=True)], spacing=theme.GAP)
    return ft.MergeSemantics(row)
