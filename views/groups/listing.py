"""The list of groups: what is for you first, then what is new, then the quiet ones."""

import flet as ft

from companion.chat.message import Message
from views import theme
from views.groups.catching_up import SinceCard
from views.groups.lines import HAPPENED, gist, happened_words
from views.groups.naming import INVITE, counted, inviter, look_of_group, name_of
from views.groups.quiet import QuietNotice
from views.mirror.chat_state import GroupLine
from views.mirror.context import use_frame, use_opened, use_part, use_quiet_window
from views.pages import list_page
from views.parts.buttons import button, icon_button
from views.parts.frame import tray
from views.parts.people import badge, group_mark
from views.parts.rows import list_row, section
from views.parts.safe import guarded, safe, say
from views.parts.surfaces import card, column, empty_state, ruled
from views.words.texts import Texts


@safe
def GroupList(key: str = "") -> ft.Control:
    """Every group with its newest line; starting and joining stand at the foot."""
    frame, texts, opened = use_frame(), use_quiet_window().texts, use_opened()
    lines, since = use_part(lambda state: (state.groups, state.attention.since))
    chosen = frame.item.removeprefix(INVITE).partition("/")[0]

    async def mark_all_seen() -> None:
        await opened.attention.mark_all_seen()
        say(texts("groups.all_seen"))

    body: list[ft.Control] = [QuietNotice(key="quiet"), SinceCard(key="since")] if lines else []
    for name, part in _parts(lines):
        rows = [GroupRow(line, line.group.id == chosen, key=line.group.id) for line in part]
        shown: list[ft.Control] = [card(*ruled(rows), pad=4, spacing=0)] if frame.is_phone else rows
        body += [section(texts(f"groups.part_{name}"), *shown, spacing=theme.TIGHT)] if since else shown
    if not lines:
        body = [empty_state(texts("groups.list_empty"), hint=texts("groups.list_empty_hint"))]
    actions: list[ft.Control] = [
        button(texts("groups.join"), lambda: frame.go("/groups/join"), kind="outlined", size="tray"),
        button(texts("groups.start"), lambda: frame.go("/groups/new"), size="tray"),
    ]
    seen = button(texts("groups.mark_seen"), guarded(mark_all_seen, texts.error), kind="outlined", size="tray")
    if since and frame.is_phone:
        actions.insert(0, seen)
    quiet = icon_button(
        ft.Icons.BEDTIME_OUTLINED,
        texts("groups.quiet_title"),
        lambda: frame.go("/groups/quiet"),
        target=theme.TARGET_FLOOR,
    )
    foot: ft.Control = tray(*actions, stacked=frame.is_large_text)
    if since and not frame.is_phone:
        foot = column(tray(seen), foot, spacing=0)
    return list_page(frame, texts("groups.title"), body, tools=[quiet], foot=foot)


def _parts(lines: tuple[GroupLine, ...]) -> list[tuple[str, list[GroupLine]]]:
    """Return the lines that are for me, those with something new, and the quiet ones; no empty part."""
    mine = [one for one in lines if one.news.is_for_me]
    new = [one for one in lines if one.news.unread and not one.news.is_for_me]
    quiet = [one for one in lines if not one.news.unread and not one.news.is_for_me]
    return [(name, part) for name, part in (("for_you", mine), ("new", new), ("quiet", quiet)) if part]


@safe
def GroupRow(line: GroupLine, is_chosen: bool, key: str = "") -> ft.Control:
    frame, texts, opened = use_frame(), use_quiet_window().texts, use_opened()
    group, newest = line.group, line.newest
    said = newest_line(texts, line, opened.me.person)
    state, icon, look = row_state(texts, line)
    when = texts.when(newest.at_ms if newest else group.created_ms)
    return list_row(
        group_mark(look_of_group(group)),
        group.name,
        lambda: frame.go(f"/groups/{group.id}"),
        line=said,
        time=when,
        mark=badge(state, look, icon) if state else None,  # type: ignore[arg-type]  # the looks below are looks
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
    return one_line(texts, line.newest, me, line.wishes.folded)


def one_line(texts: Texts, message: Message, me: str, folded: tuple[str, ...] = ()) -> str:
    if message.kind in HAPPENED:
        return happened_words(texts, message)
    if message.author in folded:
        return texts("groups.folded", name=message.name)
    return texts("groups.said_line", name=name_of(texts, message, me), said=gist(texts, message))


def row_state(texts: Texts, line: GroupLine) -> tuple[str, ft.IconData, str]:
    """Return what is wanted or still under way, its icon and its look; no words where there is nothing."""
    news = line.news
    if line.is_aside:
        return texts("groups.state_aside"), ft.Icons.REPORT_OUTLINED, "ember"
    if line.group.state != "member":
        return texts(f"groups.state_{line.group.state}"), ft.Icons.SCHEDULE_ROUNDED, "honey"
    if line.newest is not None and line.newest.state in ("waiting", "uploading"):
        return texts("groups.state_waiting"), ft.Icons.SCHEDULE_ROUNDED, "honey"
    if news.questions:
        words = counted(texts, len(news.questions), "groups.one_question", "groups.questions")
        return words, ft.Icons.HELP_OUTLINE_ROUNDED, "ember"
    if news.mentions:
        words = counted(texts, len(news.mentions), "groups.one_mention", "groups.mentions")
        return words, ft.Icons.ALTERNATE_EMAIL_ROUNDED, "honey"
    return "", ft.Icons.SCHEDULE_ROUNDED, "stone"
