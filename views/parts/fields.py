"""Fields for typing. Each has a label of its own or says its name to screen readers."""

from collections.abc import Callable
from typing import Any

import flet as ft

from views import theme
from views.parts.safe import Handler, guarded

_SOFT = ft.TextStyle(color=ft.Colors.ON_SURFACE_VARIANT)
_SERIF = ft.TextStyle(size=19, height=1.6, font_family="Serif", font_family_fallback=["Serif Ext", "Emoji"])
_SANS = ft.TextStyle(size=17, height=1.35, font_family="Sans", font_family_fallback=["Sans Ext", "Emoji"])


def outline() -> dict[ft.ControlState, ft.InputBorder]:
    """Return the edge of a field, which becomes the focus ring while it is being typed in."""
    ring = ft.BorderSide(theme.FOCUS_WIDTH, ft.Colors.ON_PRIMARY_FIXED_VARIANT)
    error = ft.BorderSide(2, ft.Colors.ERROR)
    return {
        ft.ControlState.FOCUSED: ft.OutlineInputBorder(border_radius=theme.RADIUS, side=ring),
        ft.ControlState.ERROR: ft.OutlineInputBorder(border_radius=theme.RADIUS, side=error),
        ft.ControlState.DEFAULT: ft.OutlineInputBorder(
            border_radius=theme.RADIUS, side=ft.BorderSide(1, ft.Colors.OUTLINE)
        ),
    }


def field(
    label: str,
    on_change: Callable[[str], Any],
    *,
    value: str = "",
    on_submit: Handler | None = None,
    hint: str | None = None,
    helper: str | None = None,
    error: str | None = None,
    secret: bool = False,
    tail: ft.Control | None = None,
    lines: tuple[int, int] = (1, 1),
    max_length: int | None = None,
    autofocus: bool = False,
    read_only: bool = False,
    ref: ft.Ref[ft.TextField] | None = None,
    key: str | None = None,
) -> ft.TextField:
    """Return a labelled field; `on_change` gets its text, `error` says what to do about it.

    `lines` are the fewest and the most lines shown. `max_length` counts characters. `tail` is a control at
    the end, such as the eye that shows a passphrase (Flet's own eye has no name).
    """
    return _labelled(
        label=label,
        value=value,
        hint_text=hint,
        helper=helper,
        error=error,
        password=secret,
        suffix_icon=tail,
        multiline=lines[1] > 1,
        min_lines=lines[0],
        max_lines=lines[1],
        max_length=max_length,
        autofocus=autofocus,
        autocorrect=not secret,
        enable_suggestions=not secret,
        read_only=read_only,
        on_change=_typed(on_change),
        on_submit=guarded(on_submit) if on_submit else None,
        ref=ref,
        key=key,
    )


def _labelled(**parts: Any) -> ft.TextField:
    """Return a field with the look that all fields with a label have."""
    return ft.TextField(
        border=outline(),
        filled=True,
        fill_color=ft.Colors.SURFACE_CONTAINER_LOWEST,
        label_style=_SOFT,
        hint_style=_SOFT,
        helper_style=ft.TextStyle(color=ft.Colors.ON_SURFACE_VARIANT, size=14),
        error_style=ft.TextStyle(color=ft.Colors.ERROR, size=14),
        error_max_lines=3,
        helper_max_lines=3,
        text_size=17,
        color=ft.Colors.ON_SURFACE,
        cursor_color=ft.Colors.PRIMARY,
        **parts,
    )


def _typed(on_change: Callable[[str], Any]) -> Callable[[Any], Any]:
    """Return what a field calls at each key. The field's own `value` may have been exchanged since the event."""
    return guarded(lambda event: on_change(event.data))


def bare_field(
    name: str,
    hint: str,
    value: str,
    on_change: Callable[[str], Any],
    *,
    serif: bool = False,
    lines: tuple[int, int | None] = (1, 5),
    pad: ft.PaddingValue = 0,
    on_submit: Handler | None = None,
    on_blur: Handler | None = None,
    autofocus: bool = False,
    expand: bool = False,
    enter_sends: bool = True,
    cursor: int | None = None,
    ref: ft.Ref[ft.TextField] | None = None,
    key: str | None = None,
) -> ft.MergeSemantics:
    """Return a field without an edge, for the composer and the journal's page.

    `name` is what a screen reader hears. Serif is for a person's own long text. `cursor` moves the cursor to this
    place. For a field that is rendered while somebody types in it, see `views.mirror.typed`.
    """
    entry = _bare(
        value=value,
        hint_text=hint,
        min_lines=lines[0],
        max_lines=lines[1],
        content_padding=pad,
        text_style=_SERIF if serif else _SANS,
        autofocus=autofocus,
        selection=None if cursor is None else ft.TextSelection(cursor, cursor),
        shift_enter=on_submit is not None and enter_sends,
        on_change=_typed(on_change),
        on_submit=guarded(on_submit) if on_submit and enter_sends else None,
        on_blur=guarded(on_blur) if on_blur else None,
        ref=ref,
        key=key,
    )
    return ft.MergeSemantics(ft.Semantics(label=name, content=entry), expand=expand or None)


def _bare(**parts: Any) -> ft.TextField:
    """Return a field with the look that all fields without an edge have."""
    return ft.TextField(
        border=ft.NoInputBorder(),
        filled=False,
        multiline=True,
        color=ft.Colors.ON_SURFACE,
        hint_style=_SOFT,
        cursor_color=ft.Colors.PRIMARY,
        **parts,
    )


def search_field(
    name: str,
    hint: str,
    value: str,
    on_change: Callable[[str], Any],
    *,
    autofocus: bool = False,
    ref: ft.Ref[ft.TextField] | None = None,
    key: str | None = None,
) -> ft.MergeSemantics:
    """Return a field for searching. A screen reader hears `name`, also when the hint has given way to words."""
    entry = ft.TextField(
        value=value,
        hint_text=hint,
        prefix_icon=ft.Icons.SEARCH_ROUNDED,
        border=outline(),
        filled=True,
        fill_color=ft.Colors.SURFACE_CONTAINER_LOWEST,
        dense=True,
        text_size=16,
        content_padding=ft.Padding.symmetric(vertical=theme.GAP),
        autofocus=autofocus,
        on_change=_typed(on_change),
        ref=ref,
        key=key,
    )
    return ft.MergeSemantics(ft.Semantics(label=name, content=entry))
