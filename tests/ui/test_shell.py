"""Places, panes and ways back, at each width."""

import flet as ft
import pytest

from tests.fakes import Desk, make_pair
from tests.ui.people import DESKTOP, opened
from views.routes import Route, parse_route

PLACES = ("Today", "Journal", "Groups", "Stories", "Community")


@pytest.mark.parametrize("place", PLACES)
async def test_each_place_is_one_press_away_on_a_phone(place: str) -> None:
    desk = await Desk().set_up()
    async with opened(desk) as app:
        await app.click(place)
        assert app.page.route == f"/{place.lower()}"
        assert app.texts()[0] == place
        assert app.by_name(place) is not None


@pytest.mark.parametrize("width", [390, 768, 1024, 1280, 1440])
async def test_every_control_of_every_place_has_a_name_at_every_width(width: int) -> None:
    desk = await Desk().set_up()
    async with opened(desk, width=width) as app:
        for place in (*PLACES, "Get help", "My account"):
            if place == "My account":
                await app.go("/today")
            await app.click(place)
            nameless = [control for name, control in app.named() if not name.strip()]
            assert not nameless, (place, width, nameless)


async def test_get_help_is_on_every_place_and_leads_back_to_it() -> None:
    desk = await Desk().set_up()
    async with opened(desk) as app:
        for place in PLACES:
            await app.go(f"/{place.lower()}")
            await app.click("Get help")
            assert "Emergency" in app.texts()
            await app.click("Close")
            assert app.page.route == f"/{place.lower()}"
            assert "Emergency" not in app.texts()


async def test_a_phone_opens_a_group_over_the_list_without_the_places_and_goes_back() -> None:
    hazel = await Desk().set_up()
    rowan = await Desk("Rowan Dale", hazel.relay).set_up()
    group = await make_pair(hazel, rowan)
    async with opened(hazel) as app:
        await app.go(f"/groups/{group}")
        views = app.all(ft.View)
        assert [view.route for view in views] == ["/app", f"/groups/{group}"]
        await app.click("Back")
        assert app.page.route == "/groups"
        assert len(app.all(ft.View)) == 1


async def test_the_system_way_back_leads_one_step_up() -> None:
    hazel = await Desk().set_up()
    rowan = await Desk("Rowan Dale", hazel.relay).set_up()
    group = await make_pair(hazel, rowan)
    async with opened(hazel) as app:
        await app.go(f"/groups/{group}/details")
        assert len(app.all(ft.View)) == 3
        await app.fire(app.page, "view_pop", {"route": f"/groups/{group}/details"})
        assert app.page.route == f"/groups/{group}"
        await app.fire(app.page, "view_pop", {"route": f"/groups/{group}"})
        assert app.page.route == "/groups"


async def test_a_wide_window_has_one_page_with_rail_list_and_content() -> None:
    hazel = await Desk().set_up()
    rowan = await Desk("Rowan Dale", hazel.relay).set_up()
    group = await make_pair(hazel, rowan)
    async with opened(hazel, **DESKTOP) as app:
        await app.go(f"/groups/{group}")
        assert len(app.all(ft.View)) == 1
        assert [name for name, _ in app.named() if name in PLACES] == list(PLACES)
        assert "Lock now" in [name for name, _ in app.named()]


@pytest.mark.parametrize(("width", "at_first"), [(768, False), (1024, True), (1280, True)])
async def test_the_context_pane_can_be_opened_and_closed(width: int, at_first: bool) -> None:
    hazel = await Desk().set_up()
    rowan = await Desk("Rowan Dale", hazel.relay).set_up()
    group = await make_pair(hazel, rowan)
    async with opened(hazel, width=width, height=800) as app:
        await app.go(f"/groups/{group}")
        before = len(app.all(ft.Text))
        toggle = "Hide details" if at_first else "Show details"
        await app.click(toggle)
        assert (len(app.all(ft.Text)) < before) == at_first


@pytest.mark.parametrize("width", [768, 1280])
async def test_opening_and_closing_the_context_keeps_what_was_typed(width: int) -> None:
    hazel = await Desk().set_up()
    rowan = await Desk("Rowan Dale", hazel.relay).set_up()
    group = await make_pair(hazel, rowan)
    async with opened(hazel, width=width, height=800) as app:
        await app.go(f"/groups/{group}")
        await app.set("Message to First-year leads", "half a thought")
        entry = app.by_name("Message to First-year leads")._i
        await app.click("Hide details" if width == 1280 else "Show details")
        after = app.by_name("Message to First-year leads")
        assert (after._i, after.value) == (entry, "half a thought")


async def test_at_1440_the_context_pane_stays() -> None:
    hazel = await Desk().set_up()
    rowan = await Desk("Rowan Dale", hazel.relay).set_up()
    group = await make_pair(hazel, rowan)
    async with opened(hazel, width=1440, height=900) as app:
        await app.go(f"/groups/{group}")
        names = [name for name, _ in app.named()]
        assert not {"Hide details", "Show details"} & set(names)


async def test_the_layout_follows_the_width() -> None:
    desk = await Desk().set_up()
    async with opened(desk) as app:
        assert not app.all(ft.Image)
        await app.resize(1280, 800)
        assert app.all(ft.Image, src="icon.svg")
        await app.resize(599, 800)
        assert not app.all(ft.Image)


async def test_the_rail_locks_and_the_tree_forgets() -> None:
    desk = await Desk().set_up()
    async with opened(desk, **DESKTOP) as app:
        await app.click("Lock now")
        await app.until(lambda: desk.window.state.phase == "locked")
        assert desk.companion.opened is None
        assert not [name for name, _ in app.named() if name in PLACES]
        assert not any("Hazel" in text for text in app.texts())


async def test_any_handled_event_puts_off_the_auto_lock() -> None:
    desk = await Desk().set_up()
    async with opened(desk) as app:
        desk.clock.move(60_000)
        await app.click("Groups")
        assert desk.companion.last_used_ms == desk.clock.monotonic_ms()


async def test_a_rendering_error_leaves_the_rest_of_the_screen() -> None:
    desk = await Desk().set_up()
    async with opened(desk, expect_errors=True, **DESKTOP) as app:
        desk.window.prompts = ("not a prompt",)  # type: ignore[assignment]  # a fault on purpose
        await app.go("/community")
        assert "This part cannot be shown at the moment. The rest of the app works." in app.texts()
        assert app.errors
        await app.go("/account")
        assert "Who I am" in app.texts()


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("", Route(place="today")),
        ("/nowhere/else", Route(place="today")),
        ("/help", Route(place="help")),
        ("/groups/ab12", Route(place="groups", item="ab12")),
        ("/groups/ab12/invite", Route(place="groups", item="ab12/invite")),
        ("/groups/ab12/details", Route(place="groups", item="ab12", is_details=True)),
        ("/today/ab12", Route(place="today")),
    ],
)
def test_an_address_is_a_route(path: str, route: Route) -> None:
    assert parse_route(path) == route


def test_a_route_knows_what_lies_under_it() -> None:
    assert [r.path for r in parse_route("/groups/ab/invite").trail()] == ["/groups/ab", "/groups/ab/invite"]
    assert parse_route("/groups/ab/invite").above("/today") == "/groups/ab"
    assert parse_route("/groups/ab").above("/today") == "/groups"
    assert parse_route("/help").above("/stories") == "/stories"
