"""The weekly check-in, the nudge, the question of the day, and three ways to begin."""

from tests.fakes import Desk, make_pair
from tests.ui.harness import HeadlessApp
from tests.ui.people import opened

QUESTION = "This week, how connected have you felt to other people who lead?"
DAY_MS = 24 * 3600 * 1000


async def pair(quiet_days: int = 0) -> tuple[Desk, str]:
    """Hazel, who shares a group with Rowan and wrote there `quiet_days` ago."""
    hazel = await Desk().set_up()
    rowan = await Desk("Rowan Dale", hazel.relay).set_up("practice_nurse")
    group = await make_pair(hazel, rowan)
    if quiet_days:
        assert hazel.companion.opened is not None
        await hazel.companion.opened.chat.post(group, "Welcome")
        hazel.clock.move(quiet_days * DAY_MS)
    return hazel, group


async def answers(desk: Desk) -> list[int | None]:
    assert desk.companion.opened is not None
    return [checkin.level for checkin in await desk.companion.opened.today.checkins()]


async def test_two_taps_answer_the_weekly_question() -> None:
    desk = await Desk().set_up()
    async with opened(desk) as app:
        assert QUESTION in app.texts()
        await app.click("Quite")
        await app.click("Save")
        assert await answers(desk) == [3]
        await app.until(lambda: QUESTION not in app.texts())
        assert "Thank you" in app.texts()
        await app.click("Nothing more today")
        assert "Thank you" not in app.texts()


async def test_the_optional_word_is_kept_with_the_answer() -> None:
    desk = await Desk().set_up()
    async with opened(desk) as app:
        await app.click("Very")
        await app.set("One word, if you like", "carried")
        await app.click("Save")
        assert desk.companion.opened is not None
        assert (await desk.companion.opened.today.checkins())[0].word == "carried"


async def test_skipping_is_as_wide_as_saving_and_keeps_no_answer() -> None:
    desk = await Desk().set_up()
    async with opened(desk) as app:
        await app.click("Very")
        skip, save = app.by_name("Skip"), app.by_name("Save")
        assert skip.style.padding == save.style.padding
        assert skip.expand == save.expand
        await app.click("Skip")
        await app.until(lambda: QUESTION not in app.texts())
        assert await answers(desk) == [None]
        assert "Thank you" not in app.texts()


async def line(desk: Desk) -> str:
    """The direct line that was opened."""
    assert desk.companion.opened is not None
    [found] = [group.id for group in await desk.companion.opened.groups.groups() if group.is_pair]
    return found


async def test_after_an_answer_one_person_is_offered_with_words_that_are_ready() -> None:
    desk, _ = await pair()
    async with opened(desk) as app:
        await app.click("Somewhat")
        await app.click("Save")
        await app.click("Write to Rowan")
        assert app.page.route == f"/groups/{await line(desk)}"
        assert desk.companion.opened is not None
        assert await desk.companion.opened.chat.draft_of(await line(desk)) == (
            "Hello Rowan, you came to mind today. How are things with you?"
        )


async def test_after_a_low_answer_there_is_one_idea_about_support_and_no_nudge() -> None:
    desk, _ = await pair()
    async with opened(desk) as app:
        assert "Welcome Rowan" in app.texts()
        await app.click("Not at all")
        await app.click("Save")
        assert "Welcome Rowan" not in app.texts()
        await app.click("See who can listen")
        assert "Emergency" in app.texts()


async def test_a_nudge_says_why_and_opens_the_line_with_words_that_are_ready() -> None:
    desk, _ = await pair()
    async with opened(desk) as app:
        assert "Rowan joined today. A welcome from you would mean something." in app.texts()
        assert any(text.startswith("Why: Rowan is new") for text in app.texts())
        await app.click("Welcome Rowan")
        assert desk.companion.opened is not None
        draft = await desk.companion.opened.chat.draft_of(await line(desk))
        assert draft == "Welcome, Rowan. It is good to have you here."
        assert app.page.route == f"/groups/{await line(desk)}"
        assert nudge_answers(desk) == ["done"]


async def test_ready_words_never_replace_what_was_typed() -> None:
    desk, group = await pair()
    assert desk.companion.opened is not None
    members = (await desk.companion.opened.groups.group(group)).members  # type: ignore[union-attr]  # it was made
    rowan = next(one for one in members if one.name == "Rowan Dale")
    made = await desk.companion.opened.pairs.open(rowan.person)
    desk.companion.opened.chat.draft(made.id, "I was about to say")
    async with opened(desk) as app:
        await app.click("Welcome Rowan")
        assert await desk.companion.opened.chat.draft_of(made.id) == "I was about to say"


async def test_ten_quiet_days_bring_the_other_nudge_with_the_days() -> None:
    desk, _ = await pair(quiet_days=11)
    async with opened(desk) as app:
        assert "Say hello to Rowan" in app.texts()
        assert any("11 days" in text for text in app.texts())


async def test_both_refusals_take_the_nudge_away_and_are_kept() -> None:
    for press, kept in (("Not now", "not_now"), ("Fewer like this", "fewer")):
        desk, _ = await pair()
        async with opened(desk) as app:
            await app.click(press)
            await app.until(lambda app=app: "Welcome Rowan" not in app.texts())
            assert nudge_answers(desk) == [kept]


async def test_a_nudge_is_announced_once_for_all_its_showings() -> None:
    desk, _ = await pair()
    async with opened(desk) as app:
        await app.click("Groups")
        await app.click("Today")
    assert [call for call in desk.calls if call[0] == "announced"] == [("announced", "new_member")]


async def test_another_question_replaces_the_one_of_the_day() -> None:
    desk = await Desk().set_up()
    async with opened(desk) as app:
        first = question(app)
        await app.click("Another")
        assert question(app) != first


async def test_the_question_goes_with_the_writer_into_the_journal() -> None:
    desk = await Desk().set_up()
    async with opened(desk) as app:
        asked = question(app)
        card, tray = [control for name, control in app.named() if name == "Write"]
        assert card is not tray
        await app.click(card)
        assert app.page.route == "/journal"
        assert desk.window.state.journal_prompt == asked


def question(app: HeadlessApp) -> str:
    texts = app.texts()
    return str(texts[texts.index("A question, if you want one") + 1])


def nudge_answers(desk: Desk) -> list[object]:
    return [doc["answer"] for doc in desk.vault.store.tables["nudges"].values()]
