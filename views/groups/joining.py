"""Joining a group: first who invites to what, then the decision."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import flet as ft

from companion.errors import CompanionError, InviteError
from companion.groups import Group
from companion.inviting import Invitation
from companion.wire import parse_invite
from views import theme
from views.groups.naming import inviter, look_of_group, people, profession
from views.mirror.context import use_frame, use_opened, use_quiet_window
from views.mirror.typed import Field, use_field
from views.pages import content_page
from views.parts.buttons import button
from views.parts.fields import field
from views.parts.frame import foot, tray
from views.parts.people import Look, group_mark, person
from views.parts.rows import fact_row
from views.parts.safe import Handler, safe
from views.parts.surfaces import card, column, gap, notice
from views.parts.text import heading, reading_column, soft, words
from views.words.names import initials
from views.words.texts import Texts


@dataclass(frozen=True, slots=True, kw_only=True)
class _Invite:
    """An invite as it is typed: what it leads to once it was looked at, or what is wrong with it."""

    typed: Field
    found: Invitation | None
    problem: str
    type_in: Callable[[str], Any]
    look: Handler
    join: Handler


def use_invite() -> _Invite:
    """A hook: look at an invite, then join."""
    groups, frame, texts = use_opened().groups, use_frame(), use_quiet_window().texts
    typed = use_field(lambda text: bool(text.strip()))
    found, set_found = ft.use_state(cast("Invitation | None", None))
    problem, set_problem = ft.use_state("")

    async def type_in(value: str) -> None:
        """A whole link needs no further press: what it invites to is shown at once."""
        typed.typed(value)
        if problem or found:
            set_problem("")
            set_found(None)
        if is_whole_link(value):
            await look_at(value)

    async def look() -> None:
        await look_at(typed.text)

    async def look_at(value: str) -> None:
        try:
            set_found(await groups.look_at(value))
        except CompanionError as error:
            set_problem(texts.error(error))

    async def join() -> None:
        if found is None:
            return
        try:
            group = await groups.join(found)
        except CompanionError as error:
            set_problem(texts.error(error))
        else:
            frame.go(f"/groups/{group.id}")

    return _Invite(typed=typed, found=found, problem=problem, type_in=type_in, look=look, join=join)


@safe
def JoinPage() -> ft.Control:
    frame, texts, invite = use_frame(), use_quiet_window().texts, use_invite()
    entry = field(
        texts("groups.join_field"),
        invite.type_in,
        value=invite.typed.value(),
        helper=texts("groups.join_help"),
        error=invite.problem or None,
        on_submit=invite.look,
        autofocus=True,
        ref=invite.typed.box,
        key="invite",
    )
    body: list[ft.Control] = [gap(theme.TIGHT), entry]
    answers = foot(button(texts("groups.look_at"), invite.look, disabled=not invite.typed.text.strip()))
    if invite.found is not None:
        body.append(_preview(texts, invite.found))
        answers = _answers(texts, invite.join, lambda: frame.go("/groups"))
    return content_page(frame, texts("groups.join_title"), [reading_column(*body, spacing=theme.PAD)], foot=answers)


def is_whole_link(typed: str) -> bool:
    """Return whether this is a link with a code whose letters fit together."""
    try:
        return bool(parse_invite(typed).service)
    except InviteError:
        return False


def _answers(texts: Texts, join: Handler, leave: Handler) -> ft.Container:
    return tray(
        button(texts("groups.not_now"), leave, kind="outlined", size="tray"),
        button(texts("groups.join_now"), join, icon=ft.Icons.CHECK_ROUNDED, size="tray"),
    )


def _preview(texts: Texts, invitation: Invitation) -> ft.Control:
    who = invitation.inviter
    until = texts("groups.until", day=texts.day_of(invitation.expires_ms), time=texts.time(invitation.expires_ms))
    head = ft.Row(
        [
            group_mark(cast(Look, invitation.look), 48),
            column(
                heading(texts("groups.invited_to", name=who.name, group=invitation.name), 2),
                soft(profession(texts, who.profession)),
                spacing=theme.HAIR,
                expand=True,
            ),
        ],
        spacing=theme.GAP,
    )
    facts = [
        fact_row(ft.Icons.GROUP_ROUNDED, texts("groups.people_in", count=people(texts, invitation.people))),
        fact_row(ft.Icons.VISIBILITY_ROUNDED, texts("groups.they_see")),
        fact_row(ft.Icons.SCHEDULE_ROUNDED, texts("groups.works_until", until=until)),
    ]
    return ft.Semantics(content=card(head, *facts), live_region=True, container=True)


@safe
def WaitingToJoin(group: Group) -> ft.Control:
    """What happens between Join and the first message: somebody's app has to open the door."""
    frame, texts = use_frame(), use_quiet_window().texts
    who = inviter(group)
    name = who.name if who else texts("groups.the_inviter")
    is_waiting = group.state == "joining"
    mine = "_mine" if is_waiting and who is None else ""
    about = f"groups.joining{mine}_about" if is_waiting else "groups.out_declined"
    by = ft.Row([person(initials(name), "ember"), soft(texts("groups.invited_by", name=name))], spacing=theme.GAP)
    body = reading_column(
        words(texts(about, name=name), ft.TextThemeStyle.DISPLAY_MEDIUM),
        *([notice(ft.Icons.SCHEDULE_ROUNDED, texts(f"groups.joining{mine}_wait", name=name))] if is_waiting else []),
        *([] if mine else [by]),
        spacing=theme.PAD,
    )
    mark = group_mark(look_of_group(group), 40)
    return content_page(frame, group.name, [body], subtitle=texts(f"groups.state_{group.state}"), lead=mark)
