"""How every view reaches its window: one context, handed down the tree."""

import flet as ft

from views import theme
from views.state import Window

WindowCtx = ft.create_context(None)
LayoutCtx = ft.create_context(theme.Layout.PHONE)


def use_window() -> Window:
    """A hook: the window that this component is shown in. Its state is observed. Raises RuntimeError outside one."""
    window = ft.use_context(WindowCtx)
    if not isinstance(window, Window):
        raise RuntimeError("this view stands outside a window")
    ft.use_state(window.state)
    return window


def use_layout() -> theme.Layout:
    """A hook: how many panes stand side by side in this window; the shell provides it."""
    return ft.use_context(LayoutCtx)
