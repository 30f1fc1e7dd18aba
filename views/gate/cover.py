"""An empty sheet over everything while the app is not in front on a phone: the system's list of apps shows pictures.

It lies over the page and changes nothing below it, so what is being typed stays. Locking is another matter, and comes
with the next state (HIDE).
"""

import flet as ft

PHONES = (ft.PagePlatform.ANDROID, ft.PagePlatform.IOS)
LEAVING = (ft.AppLifecycleState.INACTIVE, ft.AppLifecycleState.HIDE, ft.AppLifecycleState.PAUSE)
KEY = "cover"


def is_phone(page: ft.Page) -> bool:
    """Whether this is the app on a phone or tablet; a phone's browser is a browser."""
    return not page.web and page.platform in PHONES


def cover_while_away(page: ft.Page, state: ft.AppLifecycleState) -> None:
    """Cover the page when it goes to the back, take the cover off when it is in front again. Phones only."""
    if not is_phone(page):
        return
    is_covered = any(control.key == KEY for control in page.overlay)
    if state in LEAVING and not is_covered:
        page.overlay.append(ft.Container(key=KEY, expand=True, bgcolor=ft.Colors.SURFACE))
    elif state == ft.AppLifecycleState.RESUME and is_covered:
        page.overlay[:] = [control for control in page.overlay if control.key != KEY]
    else:
        return
    page.update()
