"""A text as a picture that another device's camera reads."""

from io import BytesIO
from typing import Final

import flet as ft
import segno

from views import theme
from views.parts.safe import remembered

SIDE: Final = 232
QUIET_MODULES: Final = 4  # ISO/IEC 18004 section 5.3.8: the light edge that readers need
DOT_PIXELS: Final = 8


@remembered
def QrPicture(value: str, name: str) -> ft.Control:
    """`value` as a QR code, black on white in every theme, because that is what cameras read; `name` is spoken."""
    picture = BytesIO()
    segno.make_qr(value).save(picture, kind="png", scale=DOT_PIXELS, border=QUIET_MODULES)
    shown = ft.Image(
        picture.getvalue(),
        semantics_label=name,
        width=SIDE,
        height=SIDE,
        fit=ft.BoxFit.CONTAIN,
        filter_quality=ft.FilterQuality.NONE,
        gapless_playback=True,
    )
    paper = ft.Container(shown, bgcolor=ft.Colors.WHITE, border_radius=theme.RADIUS, padding=theme.TIGHT)
    return ft.Semantics(container=True, content=ft.Row([paper], alignment=ft.MainAxisAlignment.CENTER))
