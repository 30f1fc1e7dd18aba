"""What people of a group do together: polls, ground rules, quiet, asking for help, reaching somebody."""

from companion.chat.attention import Wishes
from tests.fakes import Desk, deliver
from tests.ui.groups.talk import core, messages, pass_on, press, press_inside
from tests.ui.harness import HeadlessApp
from tests.ui.people import DESKTOP, opened


async def test_a_poll_takes_four_presses_and_shows_results_after_the_answer(
    hazel: Desk, jay: Desk, group: str, chat: HeadlessApp
) -> None:
    await chat.click("Add to the message")
    await chat.click("Poll")
    await chat.set("What would you like to ask?", "Thursday?")
    await chat.click("Ask")
    await pass_on(hazel, jay)
    hidden = "Results show when you have answered."
    await chat.until(lambda: any(text.startswith(hidden) for text in chat.texts()))
    await core(jay).polls.vote(group, messages(jay, group)[-1]["_id"], 1)
    await deliver(jay, hazel)
    assert "1 answer: Jay Thistle" not in chat.texts()
    await press_inside(chat, "Yes")
    await chat.until(lambda: "1 answer: Jay Thistle" in chat.texts())
    await press_inside(chat, "Close the poll")
    await chat.until(lambda: "This poll is closed." in chat.texts())


async def test_ground_rules_are_written_by_who_looks_after_the_group_and_agreed_on_joining(
    hazel: Desk, jay: Desk, group: str
) -> None:
    async with opened(hazel, route=f"/groups/{group}/rules") as app:
        await app.click("Write them down")
        await app.set("What this group is for", "Leading for the first time")
        await app.click("Put it forward")
        await app.until(lambda: "Leading for the first time" in app.texts())
        await app.click("Kept for 30 days")
        await app.until(lambda: hazel.vault.store.tables["agreements"][group]["keep_days"] == 30)
    await deliver(hazel, jay)
    async with opened(jay, route=f"/groups/{group}") as app:
        await app.until(lambda: "What is said here stays here." in app.texts())
        await app.click("Agree and go to the group")
        await app.until(lambda: "Hazel Ford put forward ground rules" in app.labels())
    await deliver(jay, hazel)
    assert len(hazel.vault.store.tables["agreements"][group]["agreed"]) == 2


async def test_in_clinic_is_two_presses_and_says_until_when(hazel: Desk, group: str) -> None:
    async with opened(hazel, route="/groups") as app:
        await app.click("Quiet hours and alerts")
        await app.click("For 1 hour")
        await app.until(lambda: any(text.startswith("In clinic until") for text in app.texts()))
        await app.click("20:00 to 7:00")
        await app.click("The group's name")
        quiet = hazel.vault.store.tables["quiet"]["quiet"]
        assert (quiet["from_minute"], quiet["level"]) == (1200, "group")


async def test_a_facilitator_is_asked_and_answers(hazel: Desk, jay: Desk, group: str) -> None:
    wren = await Desk("Wren Ashby", hazel.relay).set_up()
    invite = await core(hazel).groups.invite(group)
    await core(wren).groups.join(await core(wren).groups.look_at(invite.code.code))
    await deliver(hazel, jay, wren)
    await core(wren).chat.post(group, "Unkind words")
    await deliver(hazel, jay, wren)
    await core(jay).attention.set_wishes(Wishes(group=group, is_welcomed=True))
    async with opened(jay, route=f"/groups/{group}") as app:
        await app.until(lambda: any(name.startswith("Wren Ashby, Unkind") for name, _ in app.named()))
        await press(app, "Wren Ashby, Unkind")
        await app.click("Ask a facilitator")
        assert any("This goes to Hazel Ford alone." in text for text in app.texts())
        await app.set("What would you like them to know?", "Please look")
        await app.click("Send it")
        await app.settle()
    await deliver(hazel, jay, wren)
    async with opened(hazel, route=f"/groups/{group}", **DESKTOP) as app:
        await app.until(lambda: "Jay Thistle asked you" in app.texts())
        await app.set("What came of it", "We have talked.")
        await app.click("Tell them")
    await deliver(hazel, jay, wren)
    assert [doc["answer"] for doc in jay.vault.store.tables["reports"].values()] == ["We have talked."]
    assert not wren.vault.store.tables.get("reports")


async def test_somebody_is_picked_with_a_reason_and_words_that_are_ready(hazel: Desk, jay: Desk, group: str) -> None:
    await core(jay).chat.post(group, "Hello")
    await deliver(jay, hazel)
    async with opened(hazel, route="/today") as app:
        await app.click("Get in touch")
        await app.until(lambda: "New in your group." in app.texts())
        await press(app, "Write to Jay")
        field = "Message to Jay Thistle"
        await app.until(lambda: str(app.by_name(field).value).startswith("I could do with a chat"))


async def test_with_nobody_to_write_to_help_lines_stand_there(hazel: Desk) -> None:
    async with opened(hazel, route="/groups/reach") as app:
        await app.until(lambda: any("116 123" in text for text in app.texts()))


async def test_a_group_is_quiet_for_a_while_and_heard_again(hazel: Desk, group: str) -> None:
    async with opened(hazel, route=f"/groups/{group}/ways") as app:
        await app.click("8 hours")
        await app.until(lambda: any(text.startswith("Quiet until") for text in app.texts()))
        await app.click("Hear it again")
        await app.until(lambda: "8 hours" in app.texts())
        await app.click("Once a day")
        await press(app, "Only when it is for me")
        wishes = await core(hazel).attention.wishes(group)
        assert (wishes.rhythm, wishes.is_mentions_only, wishes.muted_until_ms) == ("daily", True, 0)


async def test_a_facilitator_chooses_how_long_messages_are_kept(hazel: Desk, group: str) -> None:
    async with opened(hazel, route=f"/groups/{group}/rules") as app:
        await press(app, "Kept for 30 days")
        await press(app, "People may tell what they have read")
        agreement = await core(hazel).agreements.agreement(group)
        assert (agreement.keep_days, agreement.is_read_shared) == (30, True)
