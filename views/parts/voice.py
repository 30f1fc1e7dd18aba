"""Sound on screen: the wave, the level, the play button. The state of each is also in words."""

from collections.abc import Sequence

import flet as ft
import flet.canvas as cv

from views import theme
from views.parts.buttons import icon_button
from views.parts.safe import Handler
from views.parts.text import soft, text


def bars(levels: Sequence[float], count: int) -> list[float]:
    """Return `count` loudness values from 0 to 1: the loudest of each stretch, 0 where there is no sound yet."""
    if not levels:
        return [0.0] * count
    if len(levels) <= count:
        return [*levels, *([0.0] * (count - len(levels)))]
    return [max(levels[k * len(levels) // count : (k + 1) * len(levels) // count]) for k in range(count)]


def waveform(
    levels: Sequence[float],
    name: str,
    *,
    width: int,
    height: int,
    played: float = 1.0,
    color: ft.ColorValue = ft.Colors.SECONDARY,
    rest: ft.ColorValue = ft.Colors.OUTLINE,
    step: int = 6,
    bar: int = 3,
) -> ft.Semantics:
    """Return a sound wave on one canvas: levels from 0 to 1, coloured up to the share `played`.

    `name` tells the length in words ("Sound wave, 5 minutes 19 of 14 minutes").
    """
    count = max(1, width // step)
    shapes: list[cv.Shape] = []
    for number, level in enumerate(bars(levels, count)):
        tall = max(bar, min(1.0, level) * height)
        shapes.append(
            cv.Rect(
                x=number * step,
                y=(height - tall) / 2,
                width=bar,
                height=tall,
                border_radius=bar / 2,
                paint=ft.Paint(color=color if number < played * count else rest),
            )
        )
    return ft.Semantics(label=name, image=True, container=True, content=cv.Canvas(shapes, width=width, height=height))


def level_meter(level: float, label: str, name: str) -> ft.Semantics:
    """Return steps that grow with the level from 0 to 1; the words say it too.

    A screen reader hears `name` when the word changes, not when a bar does.
    """
    count = 16
    steps: list[ft.Control] = [
        ft.Container(
            width=8,
            height=8 + number * 0.9,
            border_radius=3,
            bgcolor=ft.Colors.SECONDARY if number < level * count else ft.Colors.SURFACE_CONTAINER_HIGHEST,
        )
        for number in range(count)
    ]
    row = ft.Row(
        [
            ft.Icon(ft.Icons.MIC_ROUNDED, size=20, color=ft.Colors.SECONDARY),
            ft.Row(steps, spacing=3, tight=True, vertical_alignment=ft.CrossAxisAlignment.END),
            text(label, ft.TextThemeStyle.LABEL_MEDIUM),
        ],
        spacing=10,
        tight=True,
    )
    return ft.Semantics(label=name, live_region=True, container=True, exclude_semantics=True, content=row)


def play_row(
    levels: Sequence[float],
    length: str,
    on_press: Handler,
    *,
    press_name: str,
    wave_name: str,
    playing: bool = False,
    played: float = 0.0,
    width: int = 140,
) -> ft.Row:
    """Return a voice note: play or pause, a wave that fills as it plays, its length in words."""
    return ft.Row(
        [
            icon_button(
                ft.Icons.PAUSE_ROUNDED if playing else ft.Icons.PLAY_ARROW_ROUNDED,
                press_name,
                on_press,
                color=ft.Colors.ON_PRIMARY,
                fill=ft.Colors.PRIMARY,
                target=theme.TARGET_FLOOR,
            ),
            waveform(levels, wave_name, width=width, height=28, played=played, color=ft.Colors.PRIMARY, step=5),
            soft(length, ft.TextThemeStyle.LABEL_SMALL),
        ],
        spacing=10,
        tight=True,
    )


def big_button(
    icon: ft.IconData,
    label: str,
    on_press: Handler,
    *,
    size: int = 64,
    color: ft.ColorValue = ft.Colors.ON_SURFACE,
    fill: ft.ColorValue = ft.Colors.SURFACE_CONTAINER_HIGHEST,
    disabled: bool = False,
) -> ft.Column:
    """Return a round button for the recorder with its words below; the pause button is 88 wide."""
    words = text(label, ft.TextThemeStyle.LABEL_MEDIUM, align=ft.TextAlign.CENTER)
    return ft.Column(
        [
            icon_button(
                icon, label, on_press, color=color, fill=fill, icon_size=size * 9 // 20, target=size, disabled=disabled
            ),
            ft.Semantics(exclude_semantics=True, content=words),
        ],
        spacing=6,
        tight=True,
        horizontal_alignment=ft.CrossAxisAlignment.CENTER,
    )
