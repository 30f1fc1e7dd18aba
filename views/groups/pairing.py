"""Direct lines on the screen: who asks for one, what a line waits for, ready words, the way from a name to a line."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import flet as ft

from companion.app.groups.pairing import Wanted
from companion.groups import STANDING, Group
from views import theme
from views.groups.comparing import SAFETY, use_verified
from views.groups.naming import mark_of, profession
from views.mirror.chat_state import GroupLine
from views.mirror.context import Frame, use_frame, use_opened, use_part, use_quiet_window
from views.mirror.state import Window
from views.parts.buttons import Action, button, filter_chip
from views.parts.frame import pane
from views.parts.people import badge, person
from views.parts.rows import fact_row, section
from views.parts.safe import guarded, safe, say
from views.parts.surfaces import card, column, equal, notice
from views.parts.text import soft, text
from views.sure import Sure
from views.words.names import first_name, initials, look_of
from views.words.texts import Texts

READY = ("chat", "thinking", "later")
"""Words that are ready to be sent, by their keys."""


def writing_to(window: Window, frame: Frame, who: str, ready: str = "") -> Callable[[], Awaitable[None]]:
    """Return the handler that opens the line with somebody. `ready` stands in its field, unless words do already."""

    async def write() -> None:
        opened = window.opened
        group = await opened.pairs.open(who)
        if ready and not (await opened.chat.draft_of(group.id)).strip():
            opened.chat.draft(group.id, ready)
        frame.go(f"/groups/{group.id}")

    return write


def standing_line(lines: Iterable[GroupLine], who: str) -> Group | None:
    """Return the line with this person that stands, or None. There are two for a moment only, while one gives way."""
    groups = (one.group for one in lines)
    found = (g for g in groups if g.peer is not None and g.peer.person == who and g.state in STANDING)
    return min(found, key=lambda group: group.awaits_peer, default=None)


def shares(group: Group, who: str) -> bool:
    """Whether this is a group in which I am with somebody, so that either may ask for a line."""
    return not group.is_pair and group.state == "member" and group.seat(who) is not None


def use_buddy(but: str = "") -> Action | None:
    """A hook: the way to the person with whom I spoke last in a line that is open, another one than the group `but`."""
    window, frame = use_quiet_window(), use_frame()
    group = use_part(lambda s: next((g for one in s.groups if (g := one.group).id != but and _is_open(g)), None))
    if group is None or group.peer is None:
        return None
    label = window.texts("care.write", name=first_name(group.peer.name))
    return Action(label=label, on_press=lambda: frame.go(f"/groups/{group.id}"), icon=ft.Icons.SEND_ROUNDED)


def _is_open(group: Group) -> bool:
    return group.is_pair and group.state == "member" and not group.awaits_peer


# Being asked -------------------------------------------------------------------------------------------


@safe
def WantedLines(key: str = "") -> ft.Control:
    """Who asks me for a line, each with two answers that weigh the same; nothing while nobody does."""
    wanted = use_part(lambda s: s.attention.wanted)
    if not wanted:
        return ft.Container(height=0)
    return column(*(WantedLine(one, key=one.request.person) for one in wanted), spacing=theme.GAP)


@safe
def WantedLine(one: Wanted, key: str = "") -> ft.Control:
    window, frame = use_quiet_window(), use_frame()
    texts, opened, member = window.texts, window.opened, one.request.member

    async def accept() -> None:
        group = await opened.pairs.accept(member.person)
        frame.go(f"/groups/{group.id}")

    async def put_off() -> None:
        await opened.pairs.put_off(member.person)
        say(texts("lines.put_off", name=first_name(member.name)))

    said = column(
        text(texts("lines.wanted", name=member.name), ft.TextThemeStyle.TITLE_MEDIUM),
        soft(profession(texts, member.profession)),
        soft(texts("lines.wanted_shared", groups=", ".join(group.name for group in one.shared))),
        spacing=theme.HAIR,
        expand=True,
    )
    mark = person(initials(member.name), look_of(member.person), theme.TARGET_FLOOR)
    head = ft.Row([mark, said], spacing=theme.GAP, vertical_alignment=ft.CrossAxisAlignment.START)
    answers = equal(
        button(texts("lines.not_now"), guarded(put_off, texts.error), kind="outlined"),
        button(texts("lines.yes"), guarded(accept, texts.error), kind="outlined"),
        stacked=frame.is_large_text,
    )
    box = card(head, soft(texts("lines.wanted_about")), answers, spacing=theme.GAP)
    return ft.Semantics(container=True, content=box)


# A line that is not open yet ---------------------------------------------------------------------------


@safe
def AskedNotice(group: Group, key: str = "") -> ft.Control:
    """What a line waits for, and what happens to words until then; nothing above one that is open."""
    window = use_quiet_window()
    texts, opened = window.texts, window.opened
    asked_ms, may_ask = use_part(lambda s: _asked(s.groups, group.id))
    if group.peer is None or not group.awaits_peer:
        return ft.Container(height=0)
    name, action = first_name(group.peer.name), None

    async def ask_again() -> None:
        await opened.pairs.ask_again(group.id)
        say(texts("lines.asked_again", name=name))

    if may_ask:
        action = button(texts("lines.ask_again"), guarded(ask_again, texts.error), kind="outlined", size="slim")
    if group.state == "joining":
        said, title = texts("lines.opening", name=name), None
    else:
        said = texts("lines.asked", name=name)
        title = texts("lines.asked_on", day=texts.day_of(asked_ms or group.created_ms))
    box = notice(ft.Icons.HOURGLASS_EMPTY_ROUNDED, said, title, kind="stone", action=action, live=False)
    return ft.Container(box, padding=ft.Padding.symmetric(horizontal=theme.GAP, vertical=theme.TIGHT))


def _asked(lines: tuple[GroupLine, ...], id: str) -> tuple[int, bool]:
    return next(((one.asked_ms, one.may_ask_again) for one in lines if one.group.id == id), (0, False))


def ready_words(texts: Texts, put: Callable[[str], None]) -> ft.Control:
    """Return the words that are ready: a press puts them into the field, where they can be changed."""
    said = (texts(f"lines.ready_{one}") for one in READY)
    chips: list[ft.Control] = [filter_chip(one, lambda one=one: put(one), key=f"ready-{one}") for one in said]
    row = ft.Row(chips, spacing=theme.SMALL, scroll=ft.ScrollMode.AUTO)
    box = ft.Semantics(container=True, content=row)
    return ft.Container(box, padding=ft.Padding.only(left=theme.GAP, right=theme.GAP, top=theme.SMALL))


# Beside a line -----------------------------------------------------------------------------------------


@safe
def AboutLine(group: Group, key: str = "") -> ft.Control:
    """Beside a line: who can see it, the other one, and how to close it."""
    frame, texts = use_frame(), use_quiet_window().texts
    verified, _ = use_verified(group)
    peer = group.peer
    if peer is None:
        return ft.Container(height=0)
    facts = [
        fact_row(ft.Icons.LOCK_ROUNDED, texts("lines.who_sees_fact", name=first_name(peer.name))),
        fact_row(ft.Icons.TIMER_OUTLINED, texts("lines.kept")),
    ]
    said: list[ft.Control] = [text(peer.name, ft.TextThemeStyle.TITLE_SMALL), soft(profession(texts, peer.profession))]
    if peer.person in verified:
        said.append(ft.Row([badge(texts("groups.safety_done"), "sky", ft.Icons.VERIFIED_USER_OUTLINED)], wrap=True))
    who = ft.Row([mark_of(group, 40), ft.MergeSemantics(column(*said, spacing=theme.HAIR), expand=True)])

    def go(words: str, where: str, icon: ft.IconData) -> ft.Control:
        return button(texts(words), lambda: frame.go(f"/groups/{where}"), icon=icon, kind="outlined", size="slim")

    ways = [go("lines.ways", f"{group.id}/ways", ft.Icons.NOTIFICATIONS_NONE_ROUNDED)]
    if not group.awaits_peer:
        ways.insert(
            0, go("groups.safety_compare", f"{group.id}/{SAFETY}{peer.person}", ft.Icons.VERIFIED_USER_OUTLINED)
        )
    parts = [
        section(texts("groups.who_sees"), card(*facts)),
        section(texts("lines.other"), who, spacing=theme.GAP),
        column(*ways),
        CloseLine(group, key="close"),
    ]
    return pane(column(*parts, spacing=theme.PAD))


@safe
def CloseLine(group: Group, key: str = "") -> ft.Control:
    opened, frame, texts = use_opened(), use_frame(), use_quiet_window().texts

    async def close() -> None:
        await opened.groups.leave(group.id)
        frame.go("/groups")

    question = "lines.close_asked" if group.awaits_peer else "lines.close_question"
    return Sure(
        Action(label=texts("lines.close"), on_press=close, icon=ft.Icons.LOGOUT_ROUNDED),
        texts(question, name=first_name(group.peer.name) if group.peer else ""),
        texts("lines.close_now"),
        texts("lines.close_keep"),
        key="close",
    )


def write_action(window: Window, frame: Frame, who: str, name: str) -> Any:
    """Return the button that leads from a person to the line with them."""
    label = window.texts("lines.write", name=first_name(name))
    write = guarded(writing_to(window, frame, who), window.texts.error)
    return button(label, write, icon=ft.Icons.SEND_ROUNDED, kind="ember", size="slim")
