"""Beside a conversation: who can see it, what holds, its topics and its people."""

import flet as ft

from companion.groups import STANDING, Group
from views import theme
from views.groups.comparing import use_verified
from views.groups.helping import AskedForHelp
from views.groups.membership import LeaveButton, MemberRow
from views.groups.naming import INVITE, people
from views.groups.pairing import AboutLine
from views.groups.settling import keep_words, use_agreement
from views.groups.shelf.ways import ShelfRow
from views.groups.topics import use_topic_chips
from views.mirror.context import use_frame, use_part, use_quiet_window
from views.parts.buttons import button
from views.parts.frame import pane
from views.parts.rows import fact_row, section
from views.parts.safe import safe
from views.parts.surfaces import card, column, gap, wrapping


@safe
def GroupContext(group_id: str = "", key: str = "") -> ft.Control:
    """Who can see this, and the people; nothing while no group is chosen."""
    chosen = group_id.removeprefix(INVITE)
    group = use_part(lambda state: next((one.group for one in state.groups if one.group.id == chosen), None))
    if group is None or (group.state != "member" and not (group.is_pair and group.state in STANDING)):
        return pane(gap(0))
    about = AboutLine if group.is_pair else About
    return about(group, key=f"about-{group.id}")


@safe
def About(group: Group, key: str = "") -> ft.Control:
    frame, texts = use_frame(), use_quiet_window().texts
    topics = use_topic_chips(group, "about-topic")
    agreement = use_agreement(group)
    verified, _ = use_verified(group)
    count = people(texts, len(group.seats))
    facts = [
        fact_row(ft.Icons.LOCK_ROUNDED, texts("groups.who_sees_fact", count=count)),
        fact_row(ft.Icons.TIMER_OUTLINED, keep_words(texts, agreement.keep_days)),
    ]

    def go(words: str, where: str, icon: ft.IconData) -> ft.Control:
        return button(texts(words), lambda: frame.go(f"/groups/{where}"), icon=icon, kind="outlined", size="slim")

    parts: list[ft.Control] = [ShelfRow(group, key="shelf"), section(texts("groups.who_sees"), card(*facts))]
    if topics and not frame.is_phone:
        parts.append(section(texts("groups.topics"), wrapping(*topics, spacing=theme.TIGHT)))
    rows = [MemberRow(group, seat, seat.member.person in verified, key=seat.member.person) for seat in group.seats]
    parts += [
        section(texts("groups.people"), *rows, spacing=theme.GAP),
        column(
            go("groups.invite", f"{INVITE}{group.id}", ft.Icons.PERSON_ADD_ALT_ROUNDED),
            go("groups.rules_title", f"{group.id}/rules", ft.Icons.HANDSHAKE_OUTLINED),
            go("groups.ways", f"{group.id}/ways", ft.Icons.NOTIFICATIONS_NONE_ROUNDED),
        ),
        AskedForHelp(group, key="asked"),
        LeaveButton(group, key="leave"),
    ]
    return pane(column(*parts, spacing=theme.PAD))
