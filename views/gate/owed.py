"""What the services still hold of a profile that was erased here, until it is settled and seen."""

from collections.abc import Iterable

import flet as ft

from companion.app.farewells import Remains
from companion.wire import LOCAL_SERVICE
from views import theme
from views.mirror.context import use_quiet_window
from views.parts.buttons import Action, button
from views.parts.safe import guarded, safe
from views.parts.surfaces import column, notice
from views.sure import Sure
from views.words.texts import Texts


def service_names(texts: Texts, services: Iterable[str]) -> str:
    """Return the services as a sentence names them, each without the token that its address may carry."""
    return ", ".join(sorted(texts("unlock.here") if one == LOCAL_SERVICE else plain(one) for one in services))


def plain(service: str) -> str:
    scheme, slashes, rest = service.partition("://")
    host, slash, path = rest.partition("/")
    return scheme + slashes + host.rpartition("@")[2] + slash + path


@safe
def Owed(remains: Remains) -> ft.Control:
    """One notice for each thing there is to say. What is not settled can be left as it is."""
    window = use_quiet_window()
    texts, farewells = window.texts, window.companion.farewells
    leave = Sure(
        Action(label=texts("unlock.owed_leave"), on_press=farewells.let_be),
        texts("unlock.owed_leave_question"),
        texts("unlock.owed_leave"),
        texts("unlock.owed_keep"),
        key="leave",
    )
    seen = button(texts("unlock.owed_seen"), guarded(farewells.seen, texts.error), kind="outlined", size="slim")
    asked = remains.asking + remains.unanswered
    parts = [
        _said(texts, "asking", remains.asking, ft.Icons.CLOUD_SYNC_OUTLINED),
        _said(texts, "unanswered", remains.unanswered, ft.Icons.CLOUD_OFF_OUTLINED),
        *([leave] if asked else []),
        _said(texts, "refused", remains.refused, ft.Icons.CLOUD_OUTLINED),
        _said(texts, "gone", remains.gone, ft.Icons.CLOUD_DONE_OUTLINED),
        *([seen] if remains.refused + remains.gone else []),
    ]
    return column(*(part for part in parts if part is not None), spacing=theme.SMALL)


def _said(texts: Texts, what: str, services: tuple[str, ...], icon: ft.IconData) -> ft.Control | None:
    if not services:
        return None
    return notice(icon, texts(f"unlock.owed_{what}", names=service_names(texts, services)), kind="stone")
