"""How hard a new passphrase is to guess, as bars and in words."""

from typing import Final, Literal

import flet as ft

from companion.crypto.keyslots import as_meant
from companion.unlocking import PASSPHRASE_LENGTH
from views import theme
from views.parts.surfaces import gap
from views.parts.text import text
from views.words.texts import Texts

Strength = Literal["short", "fair", "good", "strong"]
_BARS: Final[tuple[Strength, ...]] = ("short", "fair", "good", "strong")


def strength(passphrase: str) -> Strength:
    """Return how hard the passphrase is to guess, judged by its length and by how often letters repeat."""
    passphrase = as_meant(passphrase)
    different = len(set(passphrase))
    if len(passphrase) < PASSPHRASE_LENGTH:
        return "short"
    if different < 6 or len(passphrase) < 11:
        return "fair"
    is_long = len(passphrase) >= 18 or len(passphrase.split()) >= 3
    return "strong" if is_long and different >= 8 else "good"


def strength_bars(texts: Texts, passphrase: str) -> ft.Control:
    """Return the strength as bars and in words; nothing while nothing is typed."""
    if not passphrase:
        return gap(theme.HAIR)
    reached = _BARS.index(strength(passphrase))
    cells: list[ft.Control] = [
        ft.Container(
            width=40,
            height=8,
            border_radius=theme.ROUND,
            bgcolor=ft.Colors.PRIMARY if number <= reached else ft.Colors.SURFACE_CONTAINER_HIGHEST,
        )
        for number in range(len(_BARS))
    ]
    said = text(texts(f"unlock.strength_{_BARS[reached]}"), ft.TextThemeStyle.LABEL_MEDIUM)
    row = ft.Row([*cells, said], spacing=6, wrap=True)
    return ft.Semantics(live_region=True, container=True, content=row)
