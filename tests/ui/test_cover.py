"""What the list of apps shows of this one."""

import flet as ft
import pytest

from tests.fakes import Desk
from tests.ui.people import opened
from views.gate.cover import cover_while_away

AWAY, HERE = ft.AppLifecycleState.INACTIVE, ft.AppLifecycleState.RESUME


async def test_a_phone_covers_the_page_until_it_is_in_front_again_and_keeps_what_lies_below() -> None:
    desk = await Desk().set_up()
    async with opened(desk) as app:
        before = app.texts()
        for state, count in ((AWAY, 1), (ft.AppLifecycleState.PAUSE, 1), (HERE, 0), (HERE, 0)):
            cover_while_away(app.page, state)
            await app.settle()
            assert len(app.page.overlay) == count
        assert app.texts() == before


@pytest.mark.parametrize("props", [{"platform": "linux"}, {"platform": "android", "web": True}])
async def test_a_desktop_and_a_browser_stay_as_they_are(props: dict[str, object]) -> None:
    desk = await Desk().set_up()
    async with opened(desk, **props) as app:
        cover_while_away(app.page, AWAY)
        assert app.page.overlay == []
