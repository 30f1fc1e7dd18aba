"""A conversation. Each message is one item for a screen reader; see docs/decisions/0002-semantics-of-lists.md."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import flet as ft

from views import theme
from views.parts.buttons import icon_button, pressable, who_chip
from views.parts.fields import bare_field
from views.parts.people import GROUP_LOOKS, Look, group_mark, person
from views.parts.rows import State, state_mark
from views.parts.safe import Handler, guarded
from views.parts.surfaces import column, together
from views.parts.text import soft, text

GUTTER = 36
DASH = 28
"""How long the lines on both sides of a divider's words are."""
SCROLL_MS = 100
INDENT = 56


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """The message that is answered."""

    by: str
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """One kind of reaction: what is seen ("💛 3"), what is heard ("3 hearts"), what a press does."""

    label: str
    name: str
    on_press: Handler
    is_mine: bool = False


def bubble(
    said: str | ft.Control,
    time: str,
    *,
    by: str,
    spoken: str | None = None,
    mine: bool = False,
    state: State | None = None,
    state_label: str = "",
    quote: Quote | None = None,
    reactions: Sequence[Reaction] = (),
    on_press: Handler | None = None,
    more: tuple[str, Handler] | None = None,
    is_found: bool = False,
    key: str | None = None,
) -> ft.Control:
    """Return one message: yours right in pine wash with its state in words, others left on card.

    `by` is who says it to screen readers ("You"). A control as `said` (a voice note) keeps its own names, and
    `spoken` then says what it is. With `on_press` the message can be focused and pressed; where something inside is
    pressed, `more` is a small button with a name instead. `is_found` is the message that somebody looked for.
    """
    body = text(said) if isinstance(said, str) else said
    words = spoken if spoken is not None else said if isinstance(said, str) else ""
    stamp: list[ft.Control] = [soft(time, ft.TextThemeStyle.LABEL_SMALL)]
    if state:
        stamp.append(state_mark(state, state_label))
    if more:
        stamp.append(icon_button(ft.Icons.MORE_HORIZ_ROUNDED, *more, target=theme.TARGET_FLOOR, icon_size=20))
    foot = ft.Row(stamp, spacing=theme.SMALL, alignment=ft.MainAxisAlignment.END)
    parts = [*([_quote(quote)] if quote else []), body, foot]
    is_whole = isinstance(said, str)
    name = ", ".join(part for part in (by, words, time, state_label if state else "") if part)
    if quote:
        name = f"{name}. {quote.by}: {quote.said}"
    # intrinsic_width: as wide as its longest line, with the time at the far side. Not around canvases.
    face = ft.Column(
        parts,
        spacing=theme.TIGHT,
        tight=True,
        horizontal_alignment=ft.CrossAxisAlignment.STRETCH,
        intrinsic_width=is_whole,
    )
    box = _sheet(face, name, mine, on_press, is_whole, key, is_found)
    if not reactions:
        return box
    marks = ft.Row([_reaction(one) for one in reactions], spacing=0, run_spacing=0, wrap=True)
    return ft.Column([box, ft.Container(marks, margin=ft.Margin.only(left=theme.SMALL))], spacing=0, tight=True)


def _sheet(
    face: ft.Control, name: str, mine: bool, on_press: Handler | None, is_whole: bool, key: str | None, is_found: bool
) -> ft.Control:
    fill = ft.Colors.PRIMARY_CONTAINER if mine else ft.Colors.SURFACE_CONTAINER_LOWEST
    edge = ft.Colors.with_opacity(0.16, ft.Colors.ON_PRIMARY_CONTAINER) if mine else ft.Colors.OUTLINE_VARIANT
    width = 3 if is_found else 1
    edge = ft.Colors.PRIMARY if is_found else edge
    corners = ft.BorderRadius(top_left=18, top_right=18, bottom_left=18 if mine else 5, bottom_right=5 if mine else 18)
    pad = ft.Padding.only(left=14, right=14, top=10, bottom=theme.SMALL)
    if on_press:
        line = ft.BorderSide(width, edge)
        return pressable(face, name, on_press, fill=fill, edge=line, radius=corners, pad=pad, key=key)
    box = ft.Container(face, padding=pad, bgcolor=fill, border=ft.Border.all(width, edge), border_radius=corners)
    return ft.Semantics(label=name, container=True, exclude_semantics=is_whole, content=box, key=key)


def _quote(quote: Quote) -> ft.Container:
    return ft.Container(
        column(text(quote.by, ft.TextThemeStyle.LABEL_SMALL), soft(quote.said, max_lines=1), spacing=0),
        padding=ft.Padding.only(left=10),
        border=ft.Border.only(left=ft.BorderSide(3, ft.Colors.PRIMARY)),
    )


def _reaction(reaction: Reaction) -> ft.Control:
    """Return a pill 32 pixels tall in a target of 44.

    It touches the bubble but does not overlap it: a screen reader would then meet it before the message.
    """
    edge = ft.Colors.PRIMARY if reaction.is_mine else ft.Colors.OUTLINE_VARIANT
    pill = ft.Container(
        text(reaction.label, ft.TextThemeStyle.LABEL_MEDIUM),
        bgcolor=ft.Colors.PRIMARY_CONTAINER if reaction.is_mine else ft.Colors.SURFACE_CONTAINER_LOWEST,
        border=ft.Border.all(2 if reaction.is_mine else 1, edge),
        border_radius=theme.ROUND,
        padding=ft.Padding.symmetric(horizontal=theme.GAP, vertical=7),
    )
    pad = ft.Padding.only(left=theme.HAIR, right=theme.HAIR, top=3, bottom=9)
    return pressable(pill, reaction.name, reaction.on_press, radius=theme.ROUND, pad=pad, in_middle=True)


def message(name: str, role: str, initials: str, look: Look, *bubbles: ft.Control, key: str | None = None) -> ft.Row:
    """Return what one person said: their mark, name and profession above their bubbles."""
    who = ft.Row([text(name, ft.TextThemeStyle.TITLE_SMALL), soft(role)], spacing=6, run_spacing=0, wrap=True)
    # Each bubble says who speaks, so the visible name would be heard twice.
    head = ft.Semantics(exclude_semantics=True, content=who)
    said = ft.Column([head, *bubbles], spacing=theme.TIGHT, tight=True, expand=True)
    return ft.Row(
        [person(initials, look, GUTTER), said], vertical_alignment=ft.CrossAxisAlignment.START, spacing=10, key=key
    )


def going_on(*bubbles: ft.Control, key: str | None = None) -> ft.Row:
    """Return what the same person went on to say: below the first, without their name again."""
    said = ft.Column(list(bubbles), spacing=theme.TIGHT, tight=True, expand=True)
    return ft.Row([ft.Container(width=GUTTER), said], spacing=10, key=key)


def own_message(*bubbles: ft.Control, key: str | None = None) -> ft.Row:
    """Return what you said, on the right."""
    said = ft.Column(
        list(bubbles), spacing=theme.TIGHT, tight=True, expand=True, horizontal_alignment=ft.CrossAxisAlignment.END
    )
    return ft.Row([ft.Container(width=INDENT), said], spacing=0, key=key)


def their_message(*bubbles: ft.Control, key: str | None = None) -> ft.Row:
    """Return what the only other person said, on the left: who it is stands above the conversation."""
    said = ft.Column(list(bubbles), spacing=theme.TIGHT, tight=True, expand=True)
    return ft.Row([said, ft.Container(width=INDENT)], spacing=0, key=key)


def conversation(
    rows: Sequence[ft.Control],
    *,
    side: int = theme.PAD,
    is_from_top: bool = False,
    on_scroll: Handler | None = None,
    key: str | None = None,
) -> ft.ListView:
    """Return the rows, given oldest first, in a list that opens at its foot and grows upwards.

    `is_from_top` opens it at its oldest row, and it grows downwards. Another `key` opens it anew.
    """
    return ft.ListView(
        list(rows) if is_from_top else list(reversed(rows)),
        reverse=not is_from_top,
        spacing=0,
        expand=True,
        padding=ft.Padding.symmetric(horizontal=side, vertical=theme.GAP),
        on_scroll=guarded(on_scroll) if on_scroll else None,
        scroll_interval=SCROLL_MS,
        key=key,
    )


def divider(label: str, icon: ft.IconData | None = None, *, is_strong: bool = False) -> ft.Semantics:
    """Return a line across the conversation with words in its middle ("Since you were last here").

    A strong one parts what is new from what was there.
    """
    ink = ft.Colors.PRIMARY if is_strong else ft.Colors.ON_SURFACE_VARIANT
    middle: list[ft.Control] = [ft.Icon(icon, size=16, color=ink)] if icon else []
    said = text(label, ft.TextThemeStyle.LABEL_SMALL, ink, align=ft.TextAlign.CENTER)
    middle.append(ft.Container(said, expand=True, expand_loose=True))

    def line() -> ft.Container:
        fill = ft.Colors.PRIMARY if is_strong else ft.Colors.OUTLINE_VARIANT
        return ft.Container(height=2 if is_strong else 1, bgcolor=fill, width=DASH)

    row = ft.Row([line(), *middle, line()], spacing=10, alignment=ft.MainAxisAlignment.CENTER)
    return ft.Semantics(label=label, container=True, exclude_semantics=True, content=row)


def composer(
    group: str,
    look: Look,
    *,
    value: str,
    on_change: Callable[[str], Any],
    on_send: Handler,
    name: str,
    hint: str,
    send_name: str,
    who_label: str,
    who_name: str,
    on_who: Handler | None = None,
    topic: str | None = None,
    mark: ft.Control | None = None,
    before: Sequence[ft.Control] = (),
    after: Sequence[ft.Control] = (),
    above: Sequence[ft.Control] = (),
    disabled: bool = False,
    side: int = theme.GAP,
    enter_sends: bool = True,
    autofocus: bool = False,
    ref: ft.Ref[ft.TextField] | None = None,
    key: str | None = None,
) -> ft.Container:
    """Return the field for a message, under a strip that says which group and who can see it. `mark` is a person's.

    `name` names the field, `before` and `after` are icon buttons on its sides, `above` stands between strip and
    field. Enter sends, Shift and Enter begins a new line.
    """
    style = GROUP_LOOKS[look]
    title = text(f"{group}, {topic}" if topic else group, ft.TextThemeStyle.LABEL_MEDIUM, style.ink, expand=True)
    chip = who_chip("group", who_label, who_name, on_who, (style.fill, style.ink))
    strip = ft.Container(
        together(ft.Row([mark or group_mark(look, 24), title, chip], spacing=theme.SMALL)),
        bgcolor=style.fill,
        padding=ft.Padding.only(left=10, right=theme.TIGHT, top=theme.HAIR, bottom=theme.HAIR),
        border_radius=ft.BorderRadius(top_left=18, top_right=18, bottom_left=0, bottom_right=0),
    )
    send = icon_button(
        ft.Icons.ARROW_UPWARD_ROUNDED,
        send_name,
        on_send,
        color=ft.Colors.ON_PRIMARY,
        fill=ft.Colors.PRIMARY,
        disabled=disabled,
    )
    entry = bare_field(
        name,
        hint,
        value,
        on_change,
        on_submit=on_send,
        expand=True,
        enter_sends=enter_sends,
        autofocus=autofocus,
        ref=ref,
        key=key,
        pad=ft.Padding.symmetric(vertical=14, horizontal=theme.SMALL),
    )
    row = ft.Row([*before, entry, *after, send], spacing=theme.TIGHT, vertical_alignment=ft.CrossAxisAlignment.END)
    box = ft.Container(
        column(strip, *above, ft.Container(together(row), padding=theme.TIGHT), spacing=0),
        bgcolor=ft.Colors.SURFACE_CONTAINER_LOWEST,
        border_radius=theme.RADIUS_CARD,
        border=ft.Border.all(1.5, ft.Colors.OUTLINE),
    )
    return ft.Container(box, padding=ft.Padding.only(left=side, right=side, top=theme.SMALL, bottom=theme.GAP))
