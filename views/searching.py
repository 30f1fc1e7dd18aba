"""Search while typing, over the journal and the chats. What was typed and found goes with the lock."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

import flet as ft

from companion.app.searching import CHAT, EVERYWHERE, JOURNAL, Found, Wanted
from companion.errors import StoreError
from companion.journal_index import Head
from views import theme
from views.mirror.context import use_frame, use_opened, use_part, use_quiet_window
from views.mirror.effects import Box, use_kept, use_task
from views.mirror.typed import live
from views.pages import content_page, narrow
from views.parts.buttons import button, filter_chip
from views.parts.fields import search_field
from views.parts.rows import found_row
from views.parts.safe import remembered, safe
from views.parts.surfaces import column, together, wrapping
from views.parts.text import soft
from views.words.texts import Texts

SHOWN: Final = 20
TIMES: Final = MappingProxyType({"any_time": 0, "week": 7, "month": 31, "year": 366})
"""Days back from now; 0 for all."""
PLACES: Final = MappingProxyType(
    {"everywhere": EVERYWHERE, "journal": frozenset({JOURNAL}), "chats": frozenset({CHAT})}
)
TAGS_SHOWN, PEOPLE_SHOWN = 8, 8
Change = Callable[[Wanted], Any]


@safe
def SearchPane(key: str = "") -> ft.Control:
    """The field, what narrows the search, and what was found."""
    window, frame = use_quiet_window(), use_frame()
    texts, box = window.texts, use_kept(ft.Ref[ft.TextField])
    first = use_kept(lambda: window.state.wanted.text)

    def typed(value: str) -> None:
        window.state.wanted = replace(window.state.wanted, text=value)

    name, hint = texts("searching.field"), texts("searching.hint")
    entry = search_field(name, hint, live(box, first), typed, autofocus=True, ref=box, key="search")
    body = narrow(column(entry, Results(key="results"), spacing=theme.GAP))
    return content_page(frame, texts("searching.title"), [body])


@safe
def Results(key: str = "") -> ft.Control:
    """What fits what is wanted now; an answer that comes late is not shown."""
    window = use_quiet_window()
    texts, wanted = window.texts, use_part(lambda state: state.wanted)
    limit, set_limit = ft.use_state(SHOWN)
    found = use_found(wanted, limit + 1)  # one more than is shown says whether there are more
    people = use_kept(lambda: Box[dict[str, str]]({}))
    if not wanted.person:
        people.value = {one.person: one.name for one in found if one.person}
    tags = use_part(lambda state: state.journal.tags()[:TAGS_SHOWN])
    groups = use_part(lambda state: {line.group.id: line.group.name for line in state.groups})

    def change(new: Wanted) -> None:
        set_limit(SHOWN)
        window.state.wanted = new

    parts = [*_filters(texts, wanted, change, tags, people.value), _said(texts, wanted, len(found), limit)]
    rows = [FoundRow(one, groups.get(one.group, texts("searching.gone_group")), key=one.id) for one in found[:limit]]
    parts.append(column(*rows, spacing=0))
    if len(found) > limit:
        parts.append(button(texts("searching.more"), lambda: set_limit(limit + SHOWN), kind="outlined"))
    return column(*parts, spacing=theme.GAP)


def use_found(wanted: Wanted, limit: int) -> tuple[Found, ...]:
    """A hook: up to `limit` entries and messages, newest first."""
    window, opened = use_quiet_window(), use_opened()
    tagged = use_part(lambda state: state.journal.tagged(wanted.tag, limit) if _is_tag_only(wanted) else ())
    found, set_found = ft.use_state(tuple[Found, ...]())
    asked = use_kept(lambda: Box((wanted, limit)))
    asked.value = (wanted, limit)

    async def find() -> None:
        try:
            answer = await opened.searching.find(wanted, limit)
        except StoreError:
            if window.companion.opened is opened:  # otherwise it was locked meanwhile
                raise
            return
        if asked.value == (wanted, limit):
            set_found(answer)

    said = use_part(lambda state: (state.groups, state.chat.messages))  # what was found may be deleted meanwhile
    use_task(find, [wanted, limit, said])
    return tuple(map(_of_head, tagged)) if tagged else found


def _is_tag_only(wanted: Wanted) -> bool:
    return bool(wanted.tag) and not wanted.text.strip()


def _of_head(head: Head) -> Found:
    passage = " ".join(part for part in (head.title, head.line) if part)
    return Found(id=head.id, at_ms=head.created_ms, passage=passage, marks=(), day=head.day)


# What narrows it ---------------------------------------------------------------------------------------


def _filters(
    texts: Texts, wanted: Wanted, change: Change, tags: Sequence[str], people: Mapping[str, str]
) -> list[ft.Control]:
    """Return rows of chips: where, when, whose, with which tag. A person is a chat's, a tag is the journal's."""

    def chip(label: str, new: Wanted, is_chosen: bool, key: str) -> ft.Control:
        return filter_chip(label, lambda: change(new), selected=is_chosen, key=key)

    where = [
        chip(texts(f"searching.{one}"), replace(wanted, kinds=kinds, tag="", person=""), wanted.kinds == kinds, one)
        for one, kinds in PLACES.items()
    ]
    when = [
        chip(texts(f"searching.{one}"), replace(wanted, days=days), wanted.days == days, one)
        for one, days in TIMES.items()
    ]
    rows = [where, when]
    if CHAT in wanted.kinds and people and not wanted.tag:
        everyone = chip(texts("searching.everyone"), replace(wanted, person=""), not wanted.person, "everyone")
        whose = [
            chip(name, replace(wanted, person=person), wanted.person == person, f"person-{person}")
            for person, name in list(people.items())[:PEOPLE_SHOWN]
        ]
        rows.append([everyone, *whose])
    if JOURNAL in wanted.kinds and tags and not wanted.person:
        labels = [
            chip(
                texts("searching.tag", tag=tag),
                replace(wanted, tag="" if wanted.tag == tag else tag),
                wanted.tag == tag,
                f"tag-{tag}",
            )
            for tag in tags
        ]
        rows.append(labels)
    return [together(wrapping(*row, spacing=theme.TIGHT)) for row in rows]


# What was found ----------------------------------------------------------------------------------------


def _said(texts: Texts, wanted: Wanted, count: int, limit: int) -> ft.Control:
    """Say how much was found, or what to do; a screen reader announces it."""
    if not wanted.text.strip() and not wanted.tag:
        words = texts("searching.about")
    elif count > limit:
        words = texts("searching.found_first", count=limit)
    elif count:
        words = texts("searching.found_one") if count == 1 else texts("searching.found_many", count=count)
    else:
        words = texts("searching.none")
    return ft.Semantics(content=soft(words), live_region=True, container=True)


def _found_row(one: Found, group: str, key: str = "") -> ft.Control:
    """An entry, or a message that opens its group at that place."""
    texts, frame = use_quiet_window().texts, use_frame()
    if one.is_entry:
        title, time = texts("searching.entry", day=texts.date(one.day)), texts.time(one.at_ms)
        path, icon = f"/journal/{one.id}", ft.Icons.BOOK_OUTLINED
    else:
        title, time = texts("searching.said", name=one.name, group=group), texts.when(one.at_ms)
        path, icon = f"/groups/{one.group}?at={one.id}", ft.Icons.FORUM_OUTLINED
    passage, marks = _one_line(one)
    return found_row(
        ft.Icon(icon, size=22, color=ft.Colors.ON_SURFACE_VARIANT),
        title,
        passage,
        marks,
        lambda: frame.go(path),
        time=time,
        name=", ".join((title, time, passage)),
        key=f"found-{one.id}",
    )


def _one_line(one: Found) -> tuple[str, tuple[tuple[int, int], ...]]:
    """Return the passage with every kind of line end as one space, so that the marks stay where they are."""
    return "".join(" " if letter.isspace() else letter for letter in one.passage).rstrip(), one.marks


FoundRow = remembered(_found_row)
