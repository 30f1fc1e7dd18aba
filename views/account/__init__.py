"""My account and what lies one level below it; `Frame.item` says which.

Owns the screens of keys, devices, privacy, damage and erasing. Must not know the other places, or what is written in
them.
"""

from collections.abc import Callable
from types import MappingProxyType
from typing import Any, Final

import flet as ft

from views.account.damage import DamagePane
from views.account.devices import DevicesPane, LinkPane
from views.account.erase import ErasePane
from views.account.keys import DevicePane, PassphrasePane, WordsPane
from views.account.page import Home
from views.account.privacy import PrivacyPane
from views.mirror.context import use_frame
from views.parts.safe import safe
from views.routes import LINKING

__all__ = ["AccountPane"]

PAGES: Final = MappingProxyType[str, Callable[..., Any]](
    {
        "": Home,
        "privacy": PrivacyPane,
        "passphrase": PassphrasePane,
        "words": WordsPane,
        "device": DevicePane,
        "devices": DevicesPane,
        LINKING: LinkPane,
        "damage": DamagePane,
        "erase": ErasePane,
    }
)


@safe
def AccountPane() -> ft.Control:
    """The page that the address names."""
    item = use_frame().item
    shown: ft.Control = PAGES.get(item, PAGES[""])(key=f"account-{item}")
    return shown
