"""The four steps of telling a story, always in the same place."""

import flet as ft

from views import theme
from views.parts.text import text
from views.words.texts import Texts

STEPS = ("settle", "agree", "talk", "check")


def steps(texts: Texts, here: str) -> ft.Semantics:
    """Return four bars with their words; those behind have a tick."""
    number = STEPS.index(here)
    name = texts("stories.step_of", number=number + 1, step=texts(f"stories.step_{here}"))
    cells: list[ft.Control] = [_step(texts, step, index, number) for index, step in enumerate(STEPS)]
    row = ft.Row(cells, spacing=theme.SMALL, vertical_alignment=ft.CrossAxisAlignment.START)
    return ft.Semantics(label=name, container=True, exclude_semantics=True, content=row)


def _step(texts: Texts, step: str, index: int, here: int) -> ft.Control:
    fill = ft.Colors.SECONDARY if index <= here else ft.Colors.SURFACE_CONTAINER_HIGHEST
    ink = ft.Colors.ON_SURFACE if index == here else ft.Colors.ON_SURFACE_VARIANT
    words: list[ft.Control] = [text(texts(f"stories.step_{step}"), ft.TextThemeStyle.LABEL_MEDIUM, ink)]
    if index < here:
        words.insert(0, ft.Icon(ft.Icons.CHECK_ROUNDED, size=16, color=ink))
    return ft.Column(
        [ft.Container(height=6, border_radius=3, bgcolor=fill), ft.Row(words, spacing=theme.TIGHT, tight=True)],
        spacing=6,
        tight=True,
        expand=True,
    )
