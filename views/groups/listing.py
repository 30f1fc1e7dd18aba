"""The list of groups: what is for you first, then what is new, then the quiet ones."""

import flet as ft

from companion.chat.message import Message
from companion.groups import MERGED
from views import theme
from views.groups.catching_up import SinceCard
from views.groups.lines import HAPPENED, gist, happened_words
from views.groups.naming import INVITE, counted, inviter, mark_of, name_of
from views.groups.pairing import WantedLines
from views.groups.quiet import QuietNotice
from views.mirror.chat_state import GroupLine
from views.mirror.context import use_frame, use_opened, use_part, use_quiet_window
from views.pages import list_page
from views.parts.buttons import button, icon_button
from views.parts.frame import tray
from views.parts.people import badge
from views.parts.rows import list_row, section
from views.parts.safe import guarded, safe, say
from views.parts.surfaces import card, column, empty_state, ruled
from views.words.names import first_name
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

    body: list[ft.Control] = [WantedLines(key="wanted")]
    body += [QuietNotice(key="quiet"), SinceCard(key="since")] if lines else []
    for name, part in _parts(lines):
        rows = [GroupRow(line, line.group.id == chosen, key=line.group.id) for line in part]
        shown: list[ft.Control] = [card(*ruled(rows), pad=4, spacing=0)] if frame.is_phone else rows
        title = texts("lines.title") if name == "lines" else texts(f"groups.part_{name}")
        body += [section(title, *shown, spacing=theme.TIGHT)] if since or name == "lines" else shown
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
    """Return the groups that are for me, those with something new, the quiet ones, then the lines; no empty part."""
    groups = [one for one in lines if not one.group.is_pair]
    mine = [one for one in groups if one.news.is_for_me]
    new = [one for one in groups if one.news.unread and not one.news.is_for_me]
    quiet = [one for one in groups if not one.news.unread and not one.news.is_for_me]
    pairs = [one for one in lines if one.group.is_pair and one.group.state != MERGED]
    parts = (("for_you", mine), ("new", new), ("quiet", quiet), ("lines", pairs))
    return [(name, part) for name, part in parts if part]


@safe
def GroupRow(line: GroupLine, is_chosen: bool, key: str = "") -> ft.Control:
    frame, texts, opened = use_frame(), use_quiet_window().texts, use_opened()
    group, newest = line.group, line.newest
    said = newest_line(texts, line, opened.me.person)
    state, icon, look = row_state(texts, line)
    when = texts.when(newest.at_ms if newest else group.created_ms)
    return list_row(
        mark_of(group, theme.TARGET_FLOOR),
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
    peer = line.group.peer
    if peer is not None and line.newest is None:
        asked = "opening" if line.group.state == "joining" else "asked" if line.group.awaits_peer else ""
        return texts(f"lines.row_{asked}", name=first_name(peer.name)) if asked else texts("lines.nothing_yet")
    if peer is None and line.group.state == "joining":
        who = inviter(line.group)
        return texts("groups.joining_line", name=who.name) if who else texts("groups.joining_mine_line")
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
    news, is_pair = line.news, line.group.is_pair
    if line.is_aside:
        return texts("groups.state_aside"), ft.Icons.REPORT_OUTLINED, "ember"
    if line.group.state != "member":
        words = texts(f"lines.state_{line.group.state}" if is_pair else f"groups.state_{line.group.state}")
        return words, ft.Icons.SCHEDULE_ROUNDED, "stone" if is_pair else "honey"
    if line.group.awaits_peer:
        return texts("lines.state_asked"), ft.Icons.HOURGLASS_EMPTY_ROUNDED, "stone"
    if line.newest is not None and line.newest.state in ("waiting", "uploading"):
        return texts("groups.state_waiting"), ft.Icons.SCHEDULE_ROUNDED, "honey"
    if news.questions:
        words = counted(texts, len(news.questions), "groups.one_question", "groups.questions")
        return words, ft.Icons.HELP_OUTLINE_ROUNDED, "ember"
    if news.mentions:
        words = counted(texts, len(news.mentions), "groups.one_mention", "groups.mentions")
        return words, ft.Icons.ALTERNATE_EMAIL_ROUNDED, "honey"
    if is_pair and news.unread:  # groups with something new have a part of their own
        return (
            counted(texts, news.unread, "groups.one_new", "groups.new"),
            ft.Icons.CHAT_BUBBLE_OUTLINE_ROUNDED,
            "honey",
        )
    return "", ft.Icons.SCHEDULE_ROUNDED, "stone"
