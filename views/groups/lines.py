"""The rows of a conversation: days, the line above what is new, what happened, what was said. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import flet as ft

from companion.chat.message import Message
from companion.chat.polls import Results, results
from companion.groups import Group
from views.groups.naming import name_of, profession
from views.mirror.chat_state import Conversation
from views.words.names import first_name
from views.words.texts import Texts

ICONS = MappingProxyType(
    {
        "joining": ft.Icons.HOURGLASS_EMPTY_ROUNDED,
        "joined": ft.Icons.PERSON_ADD_ALT_ROUNDED,
        "left": ft.Icons.LOGOUT_ROUNDED,
        "opened": ft.Icons.LOCK_OUTLINE_ROUNDED,
        "closed": ft.Icons.LOGOUT_ROUNDED,
        "removed": ft.Icons.PERSON_REMOVE_ALT_1_ROUNDED,
        "card": ft.Icons.BADGE_OUTLINED,
        "device": ft.Icons.DEVICES_ROUNDED,
        "gap": ft.Icons.HISTORY_TOGGLE_OFF_ROUNDED,
        "older": ft.Icons.SETTINGS_BACKUP_RESTORE_ROUNDED,
        "emptied": ft.Icons.HISTORY_TOGGLE_OFF_ROUNDED,
        "keep": ft.Icons.TIMER_OUTLINED,
        "rules": ft.Icons.HANDSHAKE_OUTLINED,
        "read_state": ft.Icons.VISIBILITY_OUTLINED,
        "decision": ft.Icons.TASK_ALT_ROUNDED,
        "unreadable": ft.Icons.BROKEN_IMAGE_OUTLINED,
    }
)
HAPPENED = frozenset(ICONS)
"""Kinds of lines that tell what happened; the ones that this version does not know are left out."""
SAID = frozenset({"message", "poll"})
QUOTE_LETTERS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Divider:
    """A day, what is new, or what happened. `is_news` is the line under which everything is new."""

    key: str
    words: str
    icon: ft.IconData | None = None
    is_news: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reacted:
    """One emoji under a message: how often, by whom in words, and whether I am one of them."""

    emoji: str
    count: int
    names: str
    is_mine: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One message, with all that is shown of it. `state` is a key of words, empty for what others said."""

    message: Message
    is_mine: bool
    is_first: bool
    state: str = ""
    state_words: str = ""
    quoted_by: str = ""
    quoted: str = ""
    reactions: tuple[Reacted, ...] = ()
    poll: Results | None = None
    is_folded: bool = False
    is_found: bool = False
    is_of_two: bool = False
    topic: str = field(default="")


def rows(texts: Texts, group: Group, shown: Conversation, me: str, now_ms: int) -> tuple[Divider | Said, ...]:
    """Return the rows of a conversation, oldest first. `me` is my person."""
    return tuple(_rows(texts, group, shown, me, now_ms))


def _rows(texts: Texts, group: Group, shown: Conversation, me: str, now_ms: int) -> Iterator[Divider | Said]:
    names = {seat.member.person: seat.member.name for seat in group.seats}
    awaited = first_name(group.peer.name) if group.peer is not None and group.awaits_peer else ""
    day, before, is_old = "", "", False
    for one in shown.messages:
        today = texts.day_of(one.at_ms)
        if today != day:
            day, before = today, ""
            yield Divider(key=f"day-{one.id}", words=today)
        is_new = one.seq > shown.seen_seq and one.author != me and one.state == "received"
        if is_new and is_old and shown.seen_seq:
            before = ""
            yield Divider(key="news", words=texts("groups.since"), icon=ft.Icons.ARROW_DOWNWARD_ROUNDED, is_news=True)
        is_old = not is_new if one.author != me else is_old
        if one.kind in HAPPENED:
            before = ""
            yield _happened(texts, one)
        elif one.kind in SAID:
            said = _said(texts, shown, one, names, me, now_ms, is_first=one.author != before)
            said = replace(said, is_of_two=group.is_pair)
            is_awaited = bool(awaited) and one.state == "held"
            yield replace(said, state_words=texts("lines.state_held", name=awaited)) if is_awaited else said
            before = one.author


def _said(
    texts: Texts, shown: Conversation, one: Message, names: dict[str, str], me: str, now_ms: int, *, is_first: bool
) -> Said:
    is_mine = one.author == me
    state = state_of(one, shown.delivered) if is_mine else ""
    read_by = sum(0 < one.seq <= seq for seq in shown.readers.values()) if is_mine else 0
    quoted = shown.quotes.get(one.reply_to)
    is_hidden = quoted is not None and quoted.author in shown.wishes.folded
    return Said(
        message=one,
        is_mine=is_mine,
        is_first=is_first,
        state=state,
        state_words=texts("groups.state_read", count=read_by) if read_by else state_words(texts, one, state),
        quoted_by="" if quoted is None else name_of(texts, quoted, me),
        quoted="" if quoted is None else texts("groups.folded_short") if is_hidden else gist(texts, quoted),
        reactions=_reactions(texts, one, names, me),
        poll=None if one.poll is None else results(one.poll, names, now_ms),
        is_folded=not is_mine and one.author in shown.wishes.folded,
        is_found=one.id == shown.target,
        topic="" if shown.topic else one.topic,
    )


def state_of(one: Message, delivered: int) -> str:
    """Return the state of a message of mine: "delivered" once another person's device has told that it came."""
    return "delivered" if one.state == "sent" and 0 < one.seq <= delivered else one.state


def state_words(texts: Texts, one: Message, state: str) -> str:
    if state == "held":
        is_soon = one.due_ms - one.at_ms <= 60_000
        return texts("groups.state_soon") if is_soon else texts("groups.state_held", when=due_words(texts, one.due_ms))
    state = "waiting" if state == "uploading" else state
    return texts(f"groups.state_{state}") if state in ("waiting", "sent", "delivered", "refused") else ""


def due_words(texts: Texts, due_ms: int) -> str:
    """Return "Tuesday 14 October at 08:00"."""
    return texts("groups.until", day=texts.day_of(due_ms), time=texts.time(due_ms))


def gist(texts: Texts, one: Message) -> str:
    """Return a message in one line."""
    if one.is_deleted:
        return texts("groups.deleted")
    said = " ".join(one.text.split())[:QUOTE_LETTERS]
    if said:
        return said
    return texts(
        "groups.a_voice_note" if any(a.get("kind") == "sound" for a in one.attachments) else "groups.a_picture"
    )


def happened_words(texts: Texts, one: Message) -> str:
    """Return what a line tells in words; nothing for a kind that this version does not know."""
    if one.kind == "joined":
        return (
            texts("groups.joined_by", name=one.name, by=one.text)
            if one.text
            else texts("groups.joined_line", name=one.name)
        )
    if one.kind == "keep":
        key = "groups.keep_all_line" if one.text == "0" else "groups.keep_line"
        return texts(key, name=one.name, days=one.text)
    if one.kind == "rules":
        return texts("groups.rules_line", name=one.name)
    if one.kind == "read_state":
        return texts("groups.read_on_line" if one.text else "groups.read_off_line", name=one.name)
    if one.kind == "removed":
        key = "groups.removed_by_line" if one.text else "groups.removed_line"
        return texts(key, name=one.name, by=one.text)
    if one.kind == "card":
        return texts("groups.card_line", name=one.name, by=one.text, profession=profession(texts, one.profession))
    if one.kind in ("opened", "closed"):
        return texts(f"lines.{one.kind}_line", by=one.text)
    if one.kind == "decision":
        return texts("groups.decision_gone_line") if one.is_deleted else texts("groups.decision_line", said=one.text)
    if one.kind == "unreadable":
        return texts("groups.unreadable_line")
    if one.kind in ("joining", "left", "device", "gap", "emptied", "older"):
        return texts(f"groups.{one.kind}_now_line", name=one.name, by=one.text)
    return ""


def _happened(texts: Texts, one: Message) -> Divider:
    return Divider(key=one.id, words=happened_words(texts, one), icon=ICONS[one.kind])


def _reactions(texts: Texts, one: Message, names: dict[str, str], me: str) -> tuple[Reacted, ...]:
    people: dict[str, list[str]] = {}
    for reaction in one.reactions:
        people.setdefault(reaction.emoji, []).append(reaction.person)
    return tuple(
        Reacted(
            emoji=emoji,
            count=len(who),
            names=", ".join(texts("groups.you") if p == me else names.get(p, texts("groups.somebody")) for p in who),
            is_mine=me in who,
        )
        for emoji, who in people.items()
    )
