"""The parts as a person operates them: names, states, values and errors, in a real session."""

import asyncio
import gc
from collections.abc import Callable

import flet as ft
import pytest

from tests.ui.harness import HeadlessApp
from views import theme
from views.parts.buttons import Action, button, filter_chip, icon_button, pressable
from views.parts.choices import check_in_row, consent_row, nudge_card
from views.parts.fields import field
from views.parts.frame import Account, Place, bottom_bar, rail, rail_foot
from views.parts.messages import Quote, Reaction, bubble, composer, message
from views.parts.people import GROUP_LOOKS
from views.parts.rows import list_row
from views.parts.safe import HANDLER_FAILED, RENDER_FAILED, guarded, remembered, safe
from views.parts.surfaces import column, equal, wrapping
from views.parts.text import text

SCALE = ("Not at all", "A little", "Somewhat", "Quite", "Very")
PLACES = (
    Place(key="today", label="Today", icon=ft.Icons.WB_TWILIGHT_OUTLINED, icon_here=ft.Icons.WB_TWILIGHT_ROUNDED),
    Place(key="groups", label="Groups", icon=ft.Icons.FORUM_OUTLINED, icon_here=ft.Icons.FORUM_ROUNDED),
)


def nothing():
    """A press that a test does not care about."""


def showing(build: Callable[[], ft.Control]):
    """Return a main function that shows one component, rendered as the app renders its screens."""

    def main(page: ft.Page):
        theme.apply(page, "light")
        page.render_views(ft.component(lambda: ft.View(route="/", controls=[build()])))

    return main


async def test_button_calls_its_handler_with_or_without_the_event():
    heard = []
    async with HeadlessApp(
        showing(lambda: column(button("Bare", lambda: heard.append("bare")), button("Event", heard.append)))
    ) as app:
        await app.click("Bare")
        await app.click("Event")
    assert heard[0] == "bare"
    assert heard[1].name == "click"


async def test_async_handler_is_awaited():
    heard = []

    async def later():
        await asyncio.sleep(0)
        heard.append("later")

    async with HeadlessApp(showing(lambda: button("Later", later))) as app:
        await app.click("Later")
    assert heard == ["later"]


async def test_choosing_on_the_scale_gives_the_level():
    chosen = []
    async with HeadlessApp(showing(lambda: check_in_row(SCALE, chosen.append))) as app:
        for label in SCALE:
            await app.click(label)
    assert chosen == [0, 1, 2, 3, 4]


async def test_consent_row_is_a_switch_that_gives_the_new_value():
    given = []

    def main(page: ft.Page):
        @ft.component
        def screen():
            is_on, set_on = ft.use_state(False)

            def change(value: bool):
                given.append(value)
                set_on(value)

            row = consent_row("Record my voice", "Needed to begin.", change, on=is_on)
            return ft.View(route="/", controls=[row])

        page.render_views(screen)

    async with HeadlessApp(main) as app:
        name = "Record my voice. Needed to begin."
        assert [one.toggled for one in app.all(ft.Semantics, label=name)] == [False]
        await app.click(name)
        assert [one.toggled for one in app.all(ft.Semantics, label=name)] == [True]
        await app.click(name)
    assert given == [True, False]


async def test_field_gives_each_change_and_says_its_name():
    typed = []
    async with HeadlessApp(showing(lambda: field("Your name", typed.append))) as app:
        await app.set("Your name", "Hazel")
    assert typed == ["Hazel"]


async def test_composer_is_found_by_its_name_and_sends_by_button_and_by_enter():
    typed, sent = [], []
    async with HeadlessApp(
        showing(
            lambda: composer(
                "First-year leads",
                "pine",
                value="",
                on_change=typed.append,
                on_send=lambda: sent.append("now"),
                name="Message to First-year leads",
                hint="Write a message",
                send_name="Send",
                who_label="9 people",
                who_name="Who can see this: 9 people. Change",
                on_who=nothing,
            )
        )
    ) as app:
        await app.set("Message to First-year leads", "Good morning")
        await app.click("Send")
        await app.submit("Message to First-year leads")
        await app.click("Who can see this: 9 people. Change")
    assert typed == ["Good morning"]
    assert sent == ["now", "now"]


async def test_disabled_button_cannot_be_pressed():
    async with HeadlessApp(showing(lambda: button("Send", nothing, disabled=True))) as app:
        with pytest.raises(AssertionError, match="disabled"):
            await app.click("Send")


async def test_each_message_is_one_item_that_says_who_when_and_what():
    quote = Quote(by="Wren Ashby", said="did you ever ask?")
    reactions = [Reaction(label="💛 3", name="3 hearts", on_press=nothing)]
    async with HeadlessApp(
        showing(
            lambda: column(
                message(
                    "Jay Thistle",
                    "GP partner",
                    "JT",
                    "sky",
                    bubble("Same here.", "20:58", by="Jay Thistle, GP partner", reactions=reactions),
                ),
                bubble("Not yet.", "21:12", by="You", mine=True, state="waiting", state_label="Waiting", quote=quote),
            )
        )
    ) as app:
        items = [one for one in app.all(ft.Semantics) if one.label and one.container]
        assert [one.label for one in items] == [
            "Jay Thistle, GP partner, Same here., 20:58",
            "You, Not yet., 21:12, Waiting. Wren Ashby: did you ever ask?",
        ]
        assert all(one.exclude_semantics for one in items)
        await app.click("3 hearts")


async def test_places_say_which_is_current_and_give_their_key():
    went = []
    async with HeadlessApp(showing(lambda: bottom_bar(PLACES, "groups", went.append))) as app:
        states = {one.label: one.selected for one in app.all(ft.Semantics) if one.label}
        await app.click("Today")
    assert states == {"Today": False, "Groups": True}
    assert went == ["today"]


async def test_handler_error_is_said_in_a_snackbar_and_logged():
    def fail():
        raise ValueError("broken")

    async with HeadlessApp(showing(lambda: button("Fail", fail)), expect_errors=True) as app:
        await app.click("Fail")
        assert HANDLER_FAILED in app.texts()
        assert len(app.errors) == 1


async def test_guarded_handler_says_the_sentence_for_its_error():
    async def fail():
        raise TimeoutError

    handler = guarded(fail, lambda error: f"Sorted as {type(error).__name__}.")
    async with HeadlessApp(showing(lambda: button("Fail", handler)), expect_errors=True) as app:
        await app.click("Fail")
        assert "Sorted as TimeoutError." in app.texts()


async def test_harness_fails_on_a_handler_error_that_the_app_has_caught():
    def fail():
        raise ValueError("broken")

    async with HeadlessApp(showing(lambda: button("Fail", fail))) as app:
        with pytest.raises(AssertionError, match="the app reported"):
            await app.click("Fail")


async def test_rendering_error_leaves_a_notice_and_the_rest_of_the_screen_works():
    heard = []

    @safe
    def broken() -> ft.Control:
        raise RuntimeError("broken")

    async with HeadlessApp(
        showing(lambda: column(broken(), button("Still here", lambda: heard.append("yes")))), expect_errors=True
    ) as app:
        assert RENDER_FAILED in app.texts()
        await app.click("Still here")
    assert heard == ["yes"]


DRESS = theme.make_theme(theme.LIGHT)
USUAL = {ft.TextButton: DRESS.text_button_theme.style, ft.IconButton: DRESS.icon_button_theme.style}


async def test_everything_that_can_be_pressed_shows_keyboard_focus():
    """Only Flet's buttons take a style for the focused state; a container that is clicked shows none."""
    action = Action(label="Get help", on_press=nothing)
    account = Account(name="My account", initials="HF", on_press=nothing)
    async with HeadlessApp(
        showing(
            lambda: ft.Row(
                [
                    rail(
                        PLACES,
                        "today",
                        nothing,
                        foot=rail_foot(help=action, account=account),
                        logo_name="Companion",
                    ),
                    column(
                        button("Write", nothing),
                        icon_button(ft.Icons.SEARCH_ROUNDED, "Search", nothing),
                        filter_chip("All", nothing, selected=True),
                        list_row(text("x"), "First-year leads", nothing, line="9 people"),
                        consent_row("Record", "Needed.", nothing),
                        nudge_card("Say hello", "Why", action, action, initials="RD"),
                        bubble("Hello", "09:00", by="You", on_press=nothing),
                        expand=True,
                    ),
                ]
            )
        )
    ) as app:
        pressed = app.named()
        assert len(pressed) == 12
        for name, control in pressed:
            assert name
            assert isinstance(control, (ft.TextButton, ft.IconButton)), name
            for part in ("side", "bgcolor"):  # its own, or what the theme says where it says nothing
                usual = getattr(USUAL[type(control)], part)
                assert ft.ControlState.FOCUSED in (getattr(control.style, part, None) or usual), name


async def test_no_part_has_a_false_expand_which_a_wrapping_row_paints_grey():
    async with HeadlessApp(
        showing(
            lambda: wrapping(
                button("Write", nothing),
                text("words"),
                pressable(text("x"), "Name", nothing),
                column(text("y")),
                equal(button("Yes", nothing), button("No", nothing)),
            )
        )
    ) as app:
        assert [control for control in app.all(ft.Control) if control.expand is False] == []


@pytest.mark.parametrize("look", GROUP_LOOKS)
def test_group_symbol_is_unlike_every_other(look: str):
    others = {style.symbol for name, style in GROUP_LOOKS.items() if name != look}
    assert GROUP_LOOKS[look].symbol not in others


async def test_what_is_inside_a_remembered_part_still_finds_what_is_above_it():
    above = ft.create_context("")
    acts = {}

    @ft.component
    def Inside():
        count, acts["count"] = ft.use_state(0)
        return text(f"{count} {ft.use_context(above)}")

    part = remembered(lambda: ft.Column([Inside()]))

    @ft.component
    def Whole():
        _, acts["again"] = ft.use_state(0)
        return ft.Column([part()])

    @ft.component
    def Root():
        return above("from above", lambda: Whole())

    async with HeadlessApp(showing(lambda: Root())) as app:
        for number in (1, 2):
            acts["again"](number)
            await app.settle()
            gc.collect()
            acts["count"](number)
            await app.settle()
            assert f"{number} from above" in app.texts()
