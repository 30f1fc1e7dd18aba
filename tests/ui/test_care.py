"""The kind card in the journal: when words are hard, once a day, and never in the way."""

import pytest

from tests.fakes import Desk
from tests.ui.people import opened

PAGE = "My page"
CARD = "This happened on your device. Nobody has been told."


@pytest.fixture
async def desk() -> Desk:
    return await Desk("Hazel Ford").set_up()


async def test_hard_words_in_the_journal_bring_the_card_and_the_page_is_kept(desk: Desk) -> None:
    async with opened(desk, route="/journal") as app:
        await app.set(PAGE, "I can't go on")
        await app.until(lambda: CARD in app.texts())
        assert app.by_name(PAGE).value == "I can't go on"
        await app.click("See who can help")
        await app.until(lambda: any("116 123" in text for text in app.texts()))


async def test_a_plain_page_brings_none(desk: Desk) -> None:
    async with opened(desk, route="/journal") as app:
        await app.set(PAGE, "The suicide prevention training went well")
        await app.settle()
        await desk.companion.opened.journal.save_drafts()  # type: ignore[union-attr]  # set up
        await app.settle()
        assert CARD not in app.texts()
