"""Making an invite: one person, seven days, by link or by a short code."""

from dataclasses import replace
from typing import Any, cast

import flet as ft

from companion.errors import CompanionError
from companion.groups import Group
from companion.inviting import Invite
from companion.wire import LOCAL_SERVICE
from views import theme
from views.client import ask
from views.groups.naming import look_of_group
from views.mirror.context import use_frame, use_opened, use_quiet_window
from views.mirror.effects import use_task
from views.pages import content_page
from views.parts.buttons import button
from views.parts.frame import foot
from views.parts.people import group_mark
from views.parts.rows import section
from views.parts.safe import guarded, safe, say
from views.parts.surfaces import card, column, notice
from views.parts.text import reading_column, soft, text, words
from views.words.texts import Texts


@safe
def InvitePage(group: Group) -> ft.Control:
    opened, frame, texts = use_opened(), use_frame(), use_quiet_window().texts
    invite, set_invite = ft.use_state(cast("Invite | None", None))
    problem, set_problem = ft.use_state("")

    async def make() -> None:
        try:
            set_invite(await opened.groups.invite(group.id))
        except CompanionError as error:
            set_problem(texts.error(error))
        else:
            set_problem("")

    body: list[ft.Control] = [words(texts("groups.invite_about"), ft.TextThemeStyle.DISPLAY_MEDIUM)]
    if invite is None:
        body.append(soft(texts("groups.invite_rules"), ft.TextThemeStyle.BODY_MEDIUM))
    else:
        body += _shown(texts, invite, opened.me.name)
    body.append(OpenInvites(group, invite.code.id if invite else "", key=f"open-{invite.code.id if invite else ''}"))
    if problem:
        body.append(notice(ft.Icons.CLOUD_OFF_ROUNDED, problem))
    label = texts("groups.invite_make") if invite is None else texts("groups.invite_another")
    action = button(label, make, icon=ft.Icons.PERSON_ADD_ALT_ROUNDED, kind="filled" if invite is None else "outlined")
    back = replace(frame.back, on_press=lambda: frame.go(f"/groups/{group.id}"))
    return content_page(
        replace(frame, back=back),
        texts("groups.invite"),
        [reading_column(*body, spacing=theme.PAD)],
        subtitle=group.name,
        lead=group_mark(look_of_group(group), 40),
        foot=foot(action),
    )


@safe
def OpenInvites(group: Group, shown: str, key: str = "") -> ft.Control:
    """The other invites that somebody could still use, each with a way to take it back."""
    opened, texts = use_opened(), use_quiet_window().texts
    invites, set_invites = ft.use_state(tuple[Invite, ...]())

    async def read() -> None:
        set_invites(tuple(one for one in await opened.groups.invites(group.id) if one.code.id != shown))

    use_task(read, [group.id])

    def take_back(invite: Invite) -> Any:
        async def run() -> None:
            await opened.groups.revoke_invite(invite.code.id)
            await read()
            say(texts("groups.invite_taken"))

        return guarded(run, texts.error)

    if not invites:
        return ft.Container(height=0)
    rows = []
    for one in invites:
        until = texts("groups.until", day=texts.day_of(one.expires_ms), time=texts.time(one.expires_ms))
        words = column(
            text(one.code.short, ft.TextThemeStyle.BODY_MEDIUM),
            soft(texts("groups.invite_until", until=until)),
            spacing=theme.HAIR,
            expand=True,
        )
        back = button(texts("groups.invite_back"), take_back(one), kind="outlined", size="slim")
        rows.append(ft.Row([words, back], spacing=theme.GAP, key=one.code.id))
    return section(texts("groups.open_invites"), card(*rows))


def _shown(texts: Texts, invite: Invite, name: str) -> list[ft.Control]:
    until = texts("groups.until", day=texts.day_of(invite.expires_ms), time=texts.time(invite.expires_ms))
    parts: list[ft.Control] = [
        soft(texts("groups.invite_from", name=name, until=until), ft.TextThemeStyle.BODY_MEDIUM),
        _copyable(texts, texts("groups.code"), invite.code.short, texts("groups.copy_code")),
        _copyable(texts, texts("groups.link"), invite.code.link, texts("groups.copy_link")),
    ]
    if invite.code.service == LOCAL_SERVICE:
        parts.append(notice(ft.Icons.COMPUTER_ROUNDED, texts("groups.local_only"), kind="stone", live=False))
    return parts


def _copyable(texts: Texts, label: str, value: str, action: str) -> ft.Control:
    async def copy() -> None:
        try:
            await ask(ft.Clipboard().set(value))
        except TimeoutError:
            say(texts("groups.not_copied"))
        else:
            say(texts("groups.copied"))

    # Words that can be selected stand in the accessibility tree as an empty field, so they are said by name.
    shown = ft.Semantics(
        label=value,
        container=True,
        exclude_semantics=True,
        content=text(value, ft.TextThemeStyle.TITLE_MEDIUM, selectable=True),
    )
    return card(
        column(soft(label), shown, spacing=theme.TIGHT),
        ft.Row([button(action, copy, icon=ft.Icons.CONTENT_COPY_ROUNDED, kind="tonal")]),
    )
