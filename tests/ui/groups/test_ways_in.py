"""Starting a group, inviting and joining, looking after it and leaving: who is asked what before anything is sent."""

from typing import Any

from companion.chat.attention import Wishes
from companion.inviting import TABLE as INVITES
from tests.fakes import Desk, deliver
from tests.ui.groups.talk import FIELD, NAME, core, relay_of
from tests.ui.people import DESKTOP, opened


async def test_an_empty_list_offers_both_ways_in(hazel: Desk) -> None:
    async with opened(hazel, route="/groups") as app:
        assert "No groups yet." in app.texts()
        assert app.by_name("Start a group")
        assert app.by_name("Join a group")


async def test_a_group_is_started_with_a_name_and_a_look(hazel: Desk) -> None:
    async with opened(hazel, route="/groups") as app:
        await app.click("Start a group")
        await app.click("Start the group")
        assert app.by_name("Name of the group").error == "Give the group a name of up to 60 letters."
        await app.set("Name of the group", NAME)
        await app.click("Boat")
        await app.click("Start the group")
        await app.until(lambda: hazel.window.state.groups)
        made = hazel.window.state.groups[0].group
        assert (made.name, made.look) == (NAME, "sky")
        assert app.page.route == f"/groups/{made.id}"
        assert "Say who you are and one thing on your mind." in app.texts()


async def test_an_invite_shows_link_code_inviter_and_end_and_can_be_copied(hazel: Desk) -> None:
    group = await hazel.companion.opened.groups.create(NAME, "pine")  # type: ignore[union-attr]  # set up
    async with opened(hazel, route=f"/groups/invite-{group.id}") as app:
        await app.click("Make an invite")
        doc = next(iter(hazel.vault.store.tables[INVITES].values()))
        code = str(doc["code"])
        short = "-".join(code[i : i + 4] for i in range(0, 16, 4))
        assert short in app.texts()
        assert f"companion://join?service=local#{short}" in app.texts()
        assert any(text.startswith("From you, Hazel Ford.") for text in app.texts())
        assert any("on this computer only" in text for text in app.texts())
        copied: list[Any] = []
        app.connection.replies["set"] = lambda arguments: copied.append(arguments["data"])
        await app.click("Copy the code")
        assert copied == [short]


async def test_no_service_means_no_invite_and_one_clear_sentence(hazel: Desk) -> None:
    group = await hazel.companion.opened.groups.create(NAME, "pine")  # type: ignore[union-attr]  # set up
    relay_of(hazel).is_online = False
    async with opened(hazel, route=f"/groups/invite-{group.id}") as app:
        await app.click("Make an invite")
        assert hazel.window.texts("errors.Offline") in app.texts()
        assert not any("companion://" in text for text in app.texts())


async def test_a_guest_sees_who_invites_to_what_before_anything_is_sent(hazel: Desk, jay: Desk) -> None:
    groups = hazel.companion.opened.groups  # type: ignore[union-attr]  # set up
    group = await groups.create(NAME, "pine")
    await deliver(hazel)
    invite = await groups.invite(group.id)
    async with opened(jay, route="/groups/join") as app:
        await app.set("Link or code of the invite", invite.code.short.lower())
        await app.click("Look at the invite")
        assert f"Hazel Ford invites you to {NAME}" in app.texts()
        assert "1 person in the group now" in app.texts()
        assert not jay.vault.store.tables.get("groups")
        await app.click("Join")
        await app.until(lambda: jay.window.state.groups)
        assert "Hazel Ford's app lets you in as soon as it is online." in app.texts()
        await deliver(hazel, jay)
        await app.until(lambda: f"Welcome to {NAME}" in app.texts())
        await app.click("Once a day")
        await app.click("Go to the group")
        await app.until(lambda: "Jay Thistle joined, invited by Hazel Ford" in app.labels())
        assert app.by_name(FIELD)
        assert jay.vault.store.tables["wishes"][group.id]["rhythm"] == "daily"


async def test_a_mistyped_code_says_so_beside_the_field(jay: Desk) -> None:
    async with opened(jay, route="/groups/join") as app:
        await app.set("Link or code of the invite", "ABCD-EFGH")
        await app.click("Look at the invite")
        assert app.by_name("Link or code of the invite").error == jay.window.texts("errors.InviteGarbled")
        assert "Join" not in [name for name, _ in app.named()]


async def test_an_open_invite_is_listed_and_can_be_taken_back(hazel: Desk, group: str) -> None:
    await core(hazel).groups.invite(group)
    async with opened(hazel, route=f"/groups/invite-{group}") as app:
        await app.until(lambda: "Take it back" in [name for name, _ in app.named()])
        await app.click("Take it back")
        await app.until(lambda: "Take it back" not in [name for name, _ in app.named()])
    assert await core(hazel).groups.invites(group) == ()


async def test_who_looks_after_a_group_can_share_that_and_remove_somebody(hazel: Desk, jay: Desk, group: str) -> None:
    async with opened(hazel, route=f"/groups/{group}", **DESKTOP) as app:
        await app.click("What you can do about Jay Thistle")
        await app.click("Let Jay Thistle look after the group too")
        await deliver(hazel, jay)
        await app.until(lambda: app.texts().count("Looks after the group") == 2)
        await app.click("What you can do about Jay Thistle")
        await app.click("Remove from the group")
        await app.click("Remove from the group")
        await deliver(hazel, jay)
        await app.until(lambda: "Jay Thistle was removed by Hazel Ford" in app.labels())
    async with opened(jay, route=f"/groups/{group}") as app:
        gone = "You are no longer in this group. What was said stays on this device."
        await app.until(lambda: gone in app.texts())
        assert FIELD not in [name for name, _ in app.named()]


async def test_leaving_asks_once_and_leaves_a_quiet_line(hazel: Desk, jay: Desk, group: str) -> None:
    await core(jay).attention.set_wishes(Wishes(group=group, is_welcomed=True))
    async with opened(jay, route=f"/groups/{group}", **DESKTOP) as app:
        await app.click("Leave the group")
        assert any("sealed at the sync service until its time is over" in said for said in app.texts())
        await app.click("Leave")
        for _ in range(3):
            await deliver(hazel, jay)
        await app.until(lambda: any(name.endswith("Left. " + name.rsplit(". ", 1)[-1]) for name, _ in app.named()))
    async with opened(hazel, route=f"/groups/{group}") as app:
        await app.until(lambda: "Jay Thistle left" in app.labels())
