"""Being in a group, and no longer: leaving, who looks after it, who goes, and what one plain sentence says of each."""

from typing import Any

import flet as ft

from companion.groups import Group, Seat
from views import theme
from views.groups.comparing import SAFETY
from views.groups.naming import profession
from views.groups.pairing import shares, write_action
from views.mirror.context import use_frame, use_opened, use_part, use_quiet_window
from views.parts.buttons import Action, button, icon_button
from views.parts.people import badge, person
from views.parts.safe import guarded, safe, say
from views.parts.surfaces import card, column, notice
from views.parts.text import soft, text
from views.sure import Sure
from views.words.names import first_name, initials, look_of

ENDED = frozenset({"left", "removed", "declined"})
"""States of a line that goes on nowhere: another one may be opened with the same person."""


@safe
def OutNotice(group: Group, key: str = "") -> ft.Control:
    """Why nothing can be written here now, and the one next step, if there is one."""
    window, opened, frame = use_quiet_window(), use_opened(), use_frame()
    texts, peer = window.texts, group.peer
    is_near = use_part(lambda s: peer is not None and any(shares(one.group, peer.person) for one in s.groups))

    async def again() -> None:
        await opened.groups.rejoin(group.id)

    action = None
    if peer is not None and is_near and group.state in ENDED:
        action = write_action(window, frame, peer.person, peer.name)
    if group.state == "rejoining":
        action = button(texts("groups.rejoin"), guarded(again, texts.error), kind="outlined", size="slim")
    said = texts(f"groups.out_{group.state}")
    if peer is not None:
        said = texts(f"lines.out_{group.state}", name=first_name(peer.name))
    words = notice(ft.Icons.INFO_OUTLINE_ROUNDED, said, kind="stone", action=action)
    return ft.Container(words, padding=theme.GAP)


@safe
def AsideNotice(group: Group, key: str = "") -> ft.Control:
    """This conversation is damaged and waits; the others go on. The one next step takes it up again."""
    opened, texts = use_opened(), use_quiet_window().texts

    async def go_on() -> None:
        await opened.mending.go_on(group.id)

    action = button(texts("groups.aside_go_on"), guarded(go_on, texts.error), kind="outlined", size="slim")
    words = notice(ft.Icons.REPORT_OUTLINED, texts("groups.aside"), kind="alert", action=action)
    return ft.Container(words, padding=theme.GAP)


@safe
def NewKeyNotice(group: Group, key: str = "") -> ft.Control:
    """Somebody's identity key is another one: nothing goes before the person has decided."""
    opened, texts = use_opened(), use_quiet_window().texts
    changed = [seat.member for seat in group.seats if not seat.accepted]

    def accept(who: str) -> Any:
        async def run() -> None:
            await opened.groups.accept_identity(group.id, who)
            say(texts("groups.key_accepted"))

        return guarded(run, texts.error)

    rows = [
        notice(
            ft.Icons.KEY_ROUNDED,
            texts("groups.key_changed", name=member.name),
            action=button(texts("groups.accept_key"), accept(member.person), kind="outlined", size="slim"),
        )
        for member in changed
    ]
    return ft.Container(column(*rows), padding=theme.GAP)


@safe
def MemberRow(group: Group, seat: Seat, is_verified: bool, key: str = "") -> ft.Control:
    """One person of the group: who they are, who invited them, whether I compared codes, and what I can do."""
    opened, texts = use_opened(), use_quiet_window().texts
    is_open, set_open = ft.use_state(False)
    member, me = seat.member, opened.me.person
    is_me = member.person == me
    said: list[ft.Control] = [
        text(texts("groups.name_you", name=member.name) if is_me else member.name, ft.TextThemeStyle.TITLE_SMALL),
        soft(profession(texts, member.profession)),
    ]
    if seat.invited_by:
        said.append(soft(texts("groups.invited_by", name=seat.invited_by)))
    if member.person in group.facilitators:
        said.append(ft.Row([badge(texts("groups.facilitator"), "pine", ft.Icons.SUPPORT_AGENT_ROUNDED)], wrap=True))
    if is_verified:
        said.append(ft.Row([badge(texts("groups.safety_done"), "sky", ft.Icons.VERIFIED_USER_OUTLINED)], wrap=True))
    who = ft.Row(
        [
            person(initials(member.name), look_of(member.person), 40),
            ft.MergeSemantics(column(*said, spacing=theme.HAIR), expand=True),
        ],
        spacing=theme.GAP,
        vertical_alignment=ft.CrossAxisAlignment.START,
    )
    row: ft.Control = who
    if not is_me:

        def turn() -> None:
            set_open(not is_open)

        name = texts("groups.person_more", name=member.name)
        more = icon_button(ft.Icons.MORE_HORIZ_ROUNDED, name, turn, target=theme.TARGET_FLOOR)
        # A finger may press the name itself; keys and screen readers have the button, which says what it does.
        face = ft.GestureDetector(who, on_tap=guarded(turn), exclude_from_semantics=True, expand=True)
        row = ft.Row([face, more], spacing=theme.GAP, vertical_alignment=ft.CrossAxisAlignment.START)
    if not is_open:
        return row
    return column(row, MemberActions(group, seat, lambda: set_open(False), key=f"actions-{member.person}"))


@safe
def MemberActions(group: Group, seat: Seat, leave: Any, key: str = "") -> ft.Control:
    window, opened, frame = use_quiet_window(), use_opened(), use_frame()
    texts, member = window.texts, seat.member
    write = write_action(window, frame, member.person, member.name)
    compare = button(
        texts("groups.safety_compare"),
        lambda: frame.go(f"/groups/{group.id}/{SAFETY}{member.person}"),
        icon=ft.Icons.VERIFIED_USER_OUTLINED,
        kind="outlined",
        size="slim",
    )
    if opened.me.person not in group.facilitators:
        return card(write, compare)
    is_facilitator = member.person in group.facilitators

    async def remove() -> None:
        await opened.groups.remove_member(group.id, member.person)
        leave()
        say(texts("groups.removed_now", name=member.name))

    async def turn() -> None:
        others = tuple(one for one in group.facilitators if one != member.person)
        await opened.groups.set_administrators(group.id, others if is_facilitator else (*others, member.person))
        leave()
        say(texts("groups.facilitators_now"))

    label = texts("groups.end_facilitator" if is_facilitator else "groups.make_facilitator", name=member.name)
    return card(
        write,
        compare,
        button(label, guarded(turn, texts.error), icon=ft.Icons.SUPPORT_AGENT_ROUNDED, kind="outlined", size="slim"),
        Sure(
            Action(label=texts("groups.remove_member"), on_press=remove, icon=ft.Icons.PERSON_REMOVE_ALT_1_ROUNDED),
            texts("groups.remove_question", name=member.name),
            texts("groups.remove_member"),
            texts("groups.cancel"),
            key="remove",
        ),
    )


@safe
def LeaveButton(group: Group, key: str = "") -> ft.Control:
    opened, frame, texts = use_opened(), use_frame(), use_quiet_window().texts

    async def leave() -> None:
        await opened.groups.leave(group.id)
        frame.go("/groups")

    return Sure(
        Action(label=texts("groups.leave"), on_press=leave, icon=ft.Icons.LOGOUT_ROUNDED),
        texts("groups.leave_question"),
        texts("groups.leave_now"),
        texts("groups.stay_in"),
        key="leave",
    )
