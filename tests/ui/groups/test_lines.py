"""Direct lines on the screen: two taps from a name, two answers of one size, and sentences that are true."""

import pytest

from companion.app.chat.attending import Alert
from tests.fakes import Desk, deliver
from tests.ui.groups.talk import NAME, core, pass_on, press
from tests.ui.harness import HeadlessApp
from tests.ui.people import DESKTOP, opened
from views.mirror.chat_state import alert_words

TO_JAY, TO_HAZEL = "Message to Jay Thistle", "Message to Hazel Ford"


def person(desk: Desk) -> str:
    return core(desk).me.person


async def ask(asker: Desk, other: Desk) -> str:
    pair = await core(asker).pairs.open(person(other))
    await deliver(asker, other)
    return pair.id


@pytest.fixture
async def line(hazel: Desk, jay: Desk, group: str) -> str:
    pair = await ask(jay, hazel)
    await core(hazel).pairs.accept(person(jay))
    await deliver(hazel, jay)
    return pair


async def test_from_a_name_in_the_list_of_people_two_presses_lead_to_the_line(hazel: Desk, group: str) -> None:
    async with opened(hazel, route=f"/groups/{group}", **DESKTOP) as app:
        await app.click("What you can do about Jay Thistle")
        await app.click("Write to Jay")
        await app.until(lambda: app.by_name(TO_JAY))
        assert "Jay is asked first. What you write waits on this device until they say yes." in app.texts()


async def test_from_what_somebody_said_two_presses_lead_to_the_line(
    hazel: Desk, jay: Desk, group: str, chat: HeadlessApp
) -> None:
    await core(jay).chat.post(group, "Long day")
    await deliver(jay, hazel)
    await chat.until(lambda: any(name.startswith("Jay Thistle, Long day") for name, _ in chat.named()))
    await press(chat, "Jay Thistle, Long day")
    await chat.click("Write to Jay")
    await chat.until(lambda: chat.by_name(TO_JAY))


async def test_what_is_written_before_the_yes_says_what_it_waits_for_and_can_be_taken_back(
    hazel: Desk, jay: Desk, group: str
) -> None:
    pair = await ask(hazel, jay)
    async with opened(hazel, route=f"/groups/{pair}") as app:
        await app.set(TO_JAY, "Are you well?")
        await app.click("Send")
        await app.until(lambda: "Goes when Jay says yes." in app.texts())
        assert "Waits for Jay" in app.texts()
        await app.click("Undo")
        await app.until(lambda: app.by_name(TO_JAY).value == "Are you well?")


async def test_ready_words_stand_there_while_the_field_is_empty_and_can_be_changed(hazel: Desk, line: str) -> None:
    async with opened(hazel, route=f"/groups/{line}") as app:
        await app.click("Thinking of you")
        await app.until(lambda: app.by_name(TO_JAY).value == "Thinking of you")
        assert "I could do with a chat" not in app.texts()
        await app.set(TO_JAY, "Thinking")
        await app.set(TO_JAY, "")
        await app.until(lambda: "I could do with a chat" in app.texts())


async def test_who_is_asked_has_two_answers_of_one_size(hazel: Desk, jay: Desk, group: str) -> None:
    await ask(jay, hazel)
    async with opened(hazel, route="/groups") as app:
        assert "Jay Thistle would like a direct line with you" in app.texts()
        assert f"You are both in {NAME}." in app.texts()
        yes, no = app.by_name("Yes"), app.by_name("Not now")
        assert (yes.style.padding, yes.style.side, type(yes)) == (no.style.padding, no.style.side, type(no))
        await app.click("Not now")
        await app.until(lambda: "Jay Thistle would like a direct line with you" not in app.texts())


async def test_a_yes_opens_the_line_and_says_what_it_waits_for(hazel: Desk, jay: Desk, group: str) -> None:
    await ask(jay, hazel)
    async with opened(hazel, route="/groups") as app:
        await app.click("Yes")
        await app.until(lambda: app.by_name(TO_JAY))
        assert any(text.startswith("You said yes. The line opens when Jay's app has answered.") for text in app.texts())
        await deliver(hazel, jay)
        await app.until(lambda: "The line is open, for you two alone" in app.labels())
        assert not any(text.startswith("You said yes.") for text in app.texts())


async def test_lines_stand_in_a_part_of_their_own_with_what_is_new(hazel: Desk, jay: Desk, line: str) -> None:
    await core(hazel).attention.mark_seen(line)
    await core(jay).chat.post(line, "Hello")
    await pass_on(jay, hazel)
    async with opened(hazel, route="/groups") as app:
        assert app.texts().index("Direct lines") > app.texts().index(NAME)
        assert "1 new message" in app.texts()


async def test_a_line_has_no_invite_no_rules_and_nobody_to_ask_but_a_way_to_close_it(hazel: Desk, line: str) -> None:
    async with opened(hazel, route=f"/groups/{line}", **DESKTOP) as app:
        await app.until(lambda: "Close this line" in app.texts())
        names = [name for name, _ in app.named()]
        assert not [name for name in names if name in ("Invite someone", "Purpose and ground rules", "Leave the group")]
        assert "You and Jay. Nobody else, including us." in app.texts()
        await app.click("Close this line")
        await app.click("Close it")
        await app.until(lambda: hazel.vault.store.tables["groups"][line]["state"] == "leaving")


async def test_in_a_line_nobody_is_reported_and_help_is_still_there(hazel: Desk, jay: Desk, line: str) -> None:
    await core(jay).chat.post(line, "I cannot go on")
    await pass_on(jay, hazel)
    async with opened(hazel, route=f"/groups/{line}") as app:
        await app.until(lambda: any(name.startswith("Jay Thistle, I cannot") for name, _ in app.named()))
        await press(app, "Jay Thistle, I cannot")
        assert not {"Ask a facilitator", "Fold this person"} & set(app.texts())
        await app.click("I am worried")
        assert "Call 999 and other help" in app.texts()
        assert "Ask a facilitator to help" not in app.texts()


async def test_who_closed_a_line_is_said_and_the_words_stay(hazel: Desk, jay: Desk, line: str) -> None:
    await core(jay).chat.post(line, "Thank you")
    await pass_on(jay, hazel)
    await core(jay).groups.leave(line)
    await deliver(jay, hazel, jay)
    async with opened(hazel, route=f"/groups/{line}") as app:
        await app.until(lambda: "Jay Thistle closed this line" in app.labels())
        assert "This line is closed. What was said stays on this device." in app.texts()
        assert any(name.startswith("Jay Thistle, Thank you") for name, _ in app.named())
        await app.click("Write to Jay")
        await app.until(lambda: app.by_name(TO_JAY))


async def test_where_a_line_gave_way_the_one_that_stands_is_shown(hazel: Desk, jay: Desk, group: str) -> None:
    stands, yields = sorted((hazel, jay), key=person)
    await core(stands).pairs.open(person(yields))
    gone = await core(yields).pairs.open(person(stands))
    async with opened(yields, route=f"/groups/{gone.id}") as app:
        await deliver(stands, yields)
        await app.until(lambda: "The line is open, for you two alone" in app.labels())


async def test_the_reach_page_says_where_words_would_go(hazel: Desk, jay: Desk, group: str) -> None:
    async with opened(hazel, route="/groups/reach") as app:
        await app.until(lambda: "Opens a line for you two; they are asked first" in app.texts())
    pair = await ask(hazel, jay)
    async with opened(hazel, route="/groups/reach") as app:
        await app.until(lambda: "You have asked; they have not said yes yet" in app.texts())
    await core(jay).pairs.accept(person(hazel))
    await deliver(jay, hazel)
    assert not (await core(hazel).groups.group(pair)).awaits_peer  # type: ignore[union-attr]  # it is there
    async with opened(hazel, route="/groups/reach") as app:
        await app.until(lambda: "In your direct line" in app.texts())


async def test_the_card_for_hard_words_leads_to_a_line_that_is_open(hazel: Desk, group: str, line: str) -> None:
    async with opened(hazel, route=f"/groups/{group}") as app:
        await app.set(f"Message to {NAME}", "I want to die")
        await app.click("Send")
        await app.click("Message Jay")
        await app.until(lambda: app.by_name(TO_JAY))


async def test_asking_again_is_offered_after_a_week(hazel: Desk, jay: Desk, group: str) -> None:
    pair = await ask(hazel, jay)
    async with opened(hazel, route=f"/groups/{pair}") as app:
        await app.until(lambda: app.by_name(TO_JAY))
        assert "Ask again" not in app.texts()
    hazel.clock.move(7 * 24 * 3_600_000)
    async with opened(hazel, route=f"/groups/{pair}") as app:
        await app.click("Ask again")
        await app.until(lambda: "Ask again" not in app.texts())


def test_no_alert_names_the_other_one_of_a_line(hazel: Desk) -> None:
    texts = hazel.window.texts
    assert (
        alert_words(texts, Alert(level="group", names=(), has_line=True)) == "There is something new in a direct line."
    )
    both = Alert(level="group", names=(NAME,), has_line=True)
    assert alert_words(texts, both) == f"There is something new in {NAME}, a direct line."
    assert alert_words(texts, Alert(level="new", names=(), has_line=True)) == "There is something new."
