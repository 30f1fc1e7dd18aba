"""First start, unlocking, and a store that cannot be opened."""

from collections.abc import AsyncIterator

import flet as ft
import pytest

from companion.app.parting import Left
from companion.errors import Tampered, TooNew
from tests.fakes import PASSPHRASE, Desk
from tests.ui.harness import HeadlessApp, spoken, walk
from tests.ui.people import opened
from views.gate.first_start import Draft, differing, draw_positions
from views.gate.strength import strength


@pytest.fixture
async def locked() -> AsyncIterator[tuple[Desk, HeadlessApp]]:
    desk = await Desk().set_up()
    await desk.companion.lock()
    async with opened(desk) as app:
        yield desk, app


async def type_words(app: HeadlessApp, spoil: bool = False) -> None:
    """Go through the first two steps, read the sheet, and type the two words that are asked for."""
    await app.set("Your name", "Hazel Ford")
    await app.click("Practice manager")
    await app.click("Continue")
    await app.set("Passphrase", PASSPHRASE)
    await app.set("The same passphrase again", PASSPHRASE)
    await app.click("Continue")
    texts = app.texts()
    sheet = {int(n): texts[i + 1] for i, n in enumerate(texts) if n.isdigit()}
    assert sorted(sheet) == list(range(1, 25))
    await app.click("I have written them down")
    for name, _ in app.named():
        if name.startswith("Word "):
            word = sheet[int(name.removeprefix("Word "))]
            await app.set(name, "wrong" if spoil else f" {word.upper()}")


async def test_first_start_makes_a_store_that_the_passphrase_and_the_words_open() -> None:
    desk = Desk()
    async with opened(desk) as app:
        assert "Write" not in app.texts()
        await type_words(app)
        await app.click("Open my journal")
        await app.until(lambda: desk.window.state.phase == "open")
        assert desk.window.state.me is not None
        assert desk.window.state.me.profession == "practice_manager"
        assert any(text.endswith(", Hazel") for text in app.texts())
    assert desk.vault.keys is not None
    assert desk.vault.keys[0] == PASSPHRASE


async def test_a_wrong_word_makes_no_store_and_says_which() -> None:
    desk = Desk()
    async with opened(desk) as app:
        await type_words(app, spoil=True)
        await app.click("Open my journal")
        assert any("is another one" in text for text in app.texts())
    assert desk.vault.keys is None


async def test_first_start_goes_on_only_with_a_name_a_profession_and_two_equal_passphrases() -> None:
    desk = Desk()
    async with opened(desk) as app:
        await app.click("Continue")
        assert "Please write your name." in app.texts()
        await app.set("Your name", "Hazel")
        await app.click("Continue")
        assert "Please choose one. Other is fine." in app.texts()
        await app.click("GP")
        await app.click("Continue")
        await app.set("Passphrase", "short")
        await app.click("Continue")
        assert "Use at least 8 characters." in app.texts()
        await app.set("Passphrase", PASSPHRASE)
        await app.set("The same passphrase again", PASSPHRASE + "x")
        await app.click("Continue")
        assert "The two are not the same yet." in app.texts()


async def test_recovery_words_can_be_hidden_from_a_shoulder() -> None:
    desk = Desk()
    async with opened(desk) as app:
        await app.set("Your name", "Hazel")
        await app.click("GP")
        await app.click("Continue")
        await app.set("Passphrase", PASSPHRASE)
        await app.set("The same passphrase again", PASSPHRASE)
        await app.click("Continue")
        shown = len(app.texts())
        await app.click("Hide words")
        assert len(app.texts()) < shown - 24
        await app.click("Show words")
        assert len(app.texts()) == shown


async def test_unlocking_with_enter_opens_today(locked: tuple[Desk, HeadlessApp]) -> None:
    desk, app = locked
    await app.set("Passphrase", PASSPHRASE)
    await app.submit("Passphrase")
    await app.until(lambda: desk.window.state.phase == "open")
    assert "Today" in app.texts()


async def test_a_wrong_passphrase_is_said_counted_and_slowed_down(locked: tuple[Desk, HeadlessApp]) -> None:
    desk, app = locked
    for _ in range(3):
        await app.set("Passphrase", "not this one")
        await app.click("Open")
    texts = app.texts()
    assert "That is not your passphrase. 3 tries so far." in texts
    assert any(text.startswith("The next try is in ") for text in texts)
    await app.set("Passphrase", PASSPHRASE)
    await app.submit("Passphrase")
    assert desk.window.state.phase == "locked"
    desk.clock.move(10_000)
    await app.until(lambda: not app.by_name("Open", ft.TextButton).disabled, deadline_s=10)
    await app.click("Open")
    await app.until(lambda: desk.window.state.phase == "open")


async def test_recovery_words_open_the_store_too() -> None:
    desk = Desk()
    key, words = desk.companion.recovery_words()
    await desk.companion.create("Hazel Ford", "gp", PASSPHRASE, key)
    await desk.companion.lock()
    async with opened(desk) as app:
        await app.click("Use recovery words")
        await app.set("Recovery words", " ".join(reversed(words)))
        await app.click("Open")
        assert desk.window.state.phase == "locked"
        assert desk.window.texts("errors.WrongWords") in app.texts()
        await app.set("Recovery words", " ".join(words))
        await app.click("Open")
        await app.until(lambda: desk.window.state.phase == "open")


@pytest.mark.parametrize(
    ("fault", "said", "next_step"),
    [
        (Tampered("x"), "has changed or damaged the data", "make a copy of the folder"),
        (TooNew("x"), "were written by a newer version", "Update the app"),
    ],
)
async def test_a_store_that_cannot_be_opened_says_which_fault_and_what_to_do(
    locked: tuple[Desk, HeadlessApp], fault: Tampered | TooNew, said: str, next_step: str
) -> None:
    desk, app = locked
    desk.vault.fault = fault
    await app.set("Passphrase", PASSPHRASE)
    await app.click("Open")
    texts = " ".join(app.texts())
    assert said in texts
    assert next_step in texts
    assert desk.window.data_folder in texts
    desk.vault.fault = None
    await app.click("Try again")
    await app.set("Passphrase", PASSPHRASE)
    await app.click("Open")
    await app.until(lambda: desk.window.state.phase == "open")


async def test_get_help_is_one_press_from_the_lock_screen_and_keeps_what_was_typed(
    locked: tuple[Desk, HeadlessApp],
) -> None:
    _, app = locked
    await app.set("Passphrase", "half of it")
    await app.click("Get help now")
    assert "Emergency" in app.texts()
    assert "Passphrase" not in [name for name, _ in app.named()]
    await app.click("Close")
    assert app.by_name("Passphrase").value == "half of it"


async def test_opening_and_closing_help_renders_neither_the_lock_screen_nor_the_help_lines(
    locked: tuple[Desk, HeadlessApp],
) -> None:
    _, app = locked
    await app.until(lambda: len(app.one(ft.Stack, key="places").controls) == 2)  # help is built and stands aside
    before, sent = len(app.rendered), app.connection.sent_bytes
    await app.click("Get help now")
    await app.click("Close")
    assert set(app.rendered[before:]) == {"Gate"}
    assert app.connection.sent_bytes - sent < 500


async def test_locking_takes_everything_from_the_tree(locked: tuple[Desk, HeadlessApp]) -> None:
    desk, app = locked
    await app.set("Passphrase", PASSPHRASE)
    await app.click("Open")
    await app.until(lambda: desk.window.state.phase == "open")
    assert any("Hazel" in text for text in app.texts())
    await desk.companion.lock()
    await app.until(lambda: desk.window.state.phase == "locked")
    assert not any("Hazel" in text for text in app.texts() + app.labels())
    assert len(app.page.views if isinstance(app.page.views, list) else [1]) == 1


def test_strength_grows_with_length_and_variety() -> None:
    tries = ("short", "aaaaaaaaaaaaaaaaaaaa", "planet99", "planetarium7", "green chair by the window")
    assert [strength(one) for one in tries] == ["short", "fair", "fair", "good", "strong"]


def test_positions_asked_for_are_two_and_in_range() -> None:
    for _ in range(50):
        first, second = draw_positions()
        assert 1 <= first < second <= 24


def test_a_typed_word_may_have_capitals_and_spaces() -> None:
    draft = Draft(words=tuple("abcdefghijklmnopqrstuvwx"), asked=(2, 24), first=" B", second="x ")
    assert differing(draft) is None
    assert differing(Draft(words=draft.words, asked=(2, 24), first="b", second="y")) == 24


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (Left(messages=1), "One message is still waiting. It goes when you next open Companion with a connection."),
        (Left(messages=3), "3 messages are still waiting. They go when you next open Companion with a connection."),
        (
            Left(others=2),
            "A change in a group is still waiting. It goes when you next open Companion with a connection.",
        ),
    ],
)
async def test_the_lock_screen_says_how_much_could_not_go_and_nothing_about_whom(
    locked: tuple[Desk, HeadlessApp], left: Left, said: str
) -> None:
    desk, app = locked
    assert not any("waiting" in text for text in app.texts())
    desk.companion.left = left
    desk.companion._tell(frozenset({"phase"}))
    await app.until(lambda: said in app.texts())


async def test_on_a_low_screen_nothing_stands_before_the_passphrase(locked: tuple[Desk, HeadlessApp]) -> None:
    _, app = locked

    def is_in_reach() -> bool:
        """The way to help stays at the foot, whatever is scrolled."""
        door = next(one for one in app.all(ft.Column) if one.scroll and any_named(one, "Passphrase"))
        return not any_named(door, "Get help now")

    assert is_in_reach()
    await app.resize(844, 390)
    assert not is_in_reach()
    await app.resize(390, 844)
    assert is_in_reach()


def any_named(control: ft.Control, name: str) -> bool:
    return any(name in (label, spoken(one)) for one, label in walk(control))
