"""Comparing safety codes with somebody: the numbers, the picture, what theirs says, and the mark beside the person."""

import io

import flet as ft
import pytest
from PIL import Image

from companion.app import Opened
from companion.chat.attention import Wishes
from tests.fakes import Desk, make_pair
from tests.ui.harness import HeadlessApp
from tests.ui.people import DESKTOP, opened

MARK = "Codes compared"
DONE = "You and Jay Thistle have compared codes, and they match."


@pytest.fixture
async def pair() -> tuple[Desk, Desk, str]:
    hazel = await Desk("Hazel Ford").set_up("practice_manager")
    jay = await Desk("Jay Thistle", hazel.relay).set_up("gp")
    group = await make_pair(hazel, jay)
    await core(jay).attention.set_wishes(Wishes(group=group, is_welcomed=True))
    return hazel, jay, group


def core(desk: Desk) -> Opened:
    assert desk.companion.opened is not None
    return desk.companion.opened


def page_of(group: str, other: Desk) -> str:
    return f"/groups/{group}/safety-{core(other).me.person}"


def shown_code(app: HeadlessApp) -> str:
    return next(label for label in app.labels() if label.replace(" ", "").isdigit())


async def test_the_member_row_leads_to_the_page_and_shows_the_mark_afterwards(pair: tuple[Desk, Desk, str]) -> None:
    hazel, _, group = pair
    async with opened(hazel, route=f"/groups/{group}", **DESKTOP) as app:
        assert "What you can do about Hazel Ford" not in [name for name, _ in app.named()]
        await app.click("What you can do about Jay Thistle")
        assert MARK not in app.texts()
        await app.click("Compare safety codes")
        await app.until(lambda: "Do you and Jay Thistle see the same numbers?" in app.texts())
        assert DONE not in app.texts()
        await app.click("We compared them and they match")
        await app.until(lambda: DONE in app.texts())
        await app.go(f"/groups/{group}")
        await app.until(lambda: app.texts().count(MARK) == 1)


async def test_somebody_who_does_not_look_after_the_group_can_compare_and_nothing_else(
    pair: tuple[Desk, Desk, str],
) -> None:
    _, jay, group = pair
    async with opened(jay, route=f"/groups/{group}/details") as app:
        await app.click("What you can do about Hazel Ford")
        names = [name for name, _ in app.named()]
        assert "Compare safety codes" in names
        assert jay.window.texts("groups.remove_member") not in names
        await app.click("Compare safety codes")
        await app.until(lambda: "Do you and Hazel Ford see the same numbers?" in app.texts())


async def test_both_sides_show_twelve_groups_of_five_digits_that_are_the_same(pair: tuple[Desk, Desk, str]) -> None:
    hazel, jay, group = pair
    codes = []
    for mine, other in ((hazel, jay), (jay, hazel)):
        async with opened(mine, route=page_of(group, other)) as app:
            codes.append(shown_code(app))
            assert [one for one in app.texts() if len(one) == 5 and one.isdigit()] == codes[-1].split()
    assert codes[0] == codes[1]
    assert [len(one) for one in codes[0].split()] == [5] * 12


async def test_the_picture_is_black_on_white_with_a_name_and_is_not_the_others(pair: tuple[Desk, Desk, str]) -> None:
    hazel, jay, group = pair
    found = []
    for mine, other in ((hazel, jay), (jay, hazel)):
        async with opened(mine, route=page_of(group, other)) as app:
            [shown] = [one for one in app.all(ft.Image) if isinstance(one.src, bytes)]
            name = core(other).me.name
            assert shown.semantics_label == f"Safety code for {name}, as a QR code"
            picture = Image.open(io.BytesIO(shown.src)).convert("L")
            assert {value for _, value in picture.getcolors() or []} == {0, 255}
            assert picture.getpixel((0, 0)) == 255
            found.append(shown.src)
    assert found[0] != found[1]


async def test_what_their_picture_says_marks_them(pair: tuple[Desk, Desk, str]) -> None:
    hazel, jay, group = pair
    theirs = core(jay).groups.safety(core(hazel).me).qr
    async with opened(hazel, route=page_of(group, jay)) as app:
        await app.set("What the picture from Jay Thistle says", f" {theirs}\n")
        await app.click("Check it")
        await app.until(lambda: DONE in app.texts())
    assert await core(hazel).groups.verified() == {core(jay).me.person}


async def test_another_code_warns_and_something_else_is_no_code(pair: tuple[Desk, Desk, str]) -> None:
    hazel, jay, group = pair
    mine = core(hazel).groups.safety(core(jay).me).qr
    async with opened(hazel, route=page_of(group, jay)) as app:
        await app.set("What the picture from Jay Thistle says", "hello")
        await app.click("Check it")
        await app.until(lambda: hazel.window.texts("groups.safety_no_code") in app.texts())
        await app.set("What the picture from Jay Thistle says", mine)
        await app.click("Check it")
        await app.until(lambda: hazel.window.texts("groups.safety_differs", name="Jay Thistle") in app.texts())
        assert DONE not in app.texts()
    assert not await core(hazel).groups.verified()


@pytest.mark.parametrize("who", ["me", "nobody"])
async def test_there_is_no_page_for_me_or_a_stranger(pair: tuple[Desk, Desk, str], who: str) -> None:
    hazel, _, group = pair
    person = core(hazel).me.person if who == "me" else "0" * 32
    async with opened(hazel, route=f"/groups/{group}/safety-{person}") as app:
        assert "This person is not in the group." in app.texts()
