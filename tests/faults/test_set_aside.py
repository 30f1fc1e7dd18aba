"""Damage to one conversation, done to the files while the app is locked: it is set aside, the others go on."""

import shutil
import sqlite3

import pytest

from companion.errors import StoreError
from tests.fakes import Desk, FakeClock, FakeRelay, deliver, make_pair
from tests.sealed_desk import CHANGED, TAKEN_AWAY, SealedDesk
from tests.unit.app.groups.conftest import core, happened, said, state

OWN = ("msg", "tail", "mls", "groups", "standings", "seen", "agreements")
"""Tables of which each group has its own."""
SHARED = ("outbox", "waiting", "services", "mls-packages")
"""Tables that all groups share; the last documents in them are of the first group."""
ATTACKS = {"taken away": TAKEN_AWAY, "changed": CHANGED}


@pytest.fixture
def relay():
    return FakeRelay(FakeClock())


@pytest.fixture
async def hazel(relay, tmp_path):
    desk = await SealedDesk(tmp_path / "hazel", "Hazel Ford", relay).set_up()
    yield desk
    await desk.companion.lock()


@pytest.fixture
async def bob(relay):
    return await Desk("Bob Reed", relay).set_up()


@pytest.fixture
async def groups(hazel, bob, relay):
    """Two groups of the same two people, each with a line from either and a line of Hazel's on its way."""
    first, second = await make_pair(hazel, bob, "First"), await make_pair(bob, hazel, "Second")
    await core(hazel).agreements.put_forward(agreed(first))
    for group in (first, second):
        for desk in (hazel, bob):
            await core(desk).chat.post(group, f"hello from {desk.name}")
    await deliver(hazel, bob)
    await core(hazel).attention.mark_all_seen()
    relay.is_online = False
    for group in (second, first):
        await core(hazel).chat.post(group, "on its way")
    await hazel.companion.lock(hands_over=False)
    relay.is_online = True
    return first, second


def agreed(group):
    from companion.chat.agreement import Agreement

    return Agreement(group=group, purpose="Ten minutes of honesty")


async def talk(hazel, bob, group, text):
    """Whether each of the two hears what the other says in a group."""
    heard = []
    for one, other in ((hazel, bob), (bob, hazel)):
        await core(one).chat.post(group, f"{text} by {one.name}")
        await deliver(one, other, one, other)
        heard.append((one.name, f"{text} by {one.name}") in await said(other, group))
    return heard


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("kind", OWN)
async def test_other_groups_go_on_when_one_is_damaged(hazel, bob, groups, kind, attack):
    first, second = groups
    hazel.reach_into(f"{kind}:{first}", ATTACKS[attack])
    await hazel.reopen()
    await core(bob).chat.post(first, "still there?")
    await deliver(bob, hazel, bob, hazel)
    assert await talk(hazel, bob, second, "all well") == [True, True]
    await core(hazel).attention.since()  # as the screen reads it
    damages = core(hazel).security.damages
    assert {(damage.part, damage.of) for damage in damages} == {(kind, first)}


@pytest.mark.parametrize("kind", [kind for kind in OWN if kind != "groups"])
async def test_a_damaged_group_goes_on_after_a_press_and_fetches_what_came(hazel, bob, groups, kind):
    first, _ = groups
    hazel.reach_into(f"{kind}:{first}", TAKEN_AWAY)
    await hazel.reopen()
    await core(bob).chat.post(first, "still there?")
    await deliver(bob, hazel, bob, hazel)
    await core(hazel).attention.since()
    assert core(hazel).mending.damage(first) is not None
    with pytest.raises(StoreError):
        await core(hazel).chat.post(first, "not before it is mended")
    if kind != "seen":  # which is looked at only now
        assert ("Hazel Ford", "on its way") not in await said(bob, first)
    await core(hazel).mending.go_on(first)
    await deliver(hazel, bob, hazel, bob, hazel)
    assert core(hazel).mending.damage(first) is None
    assert await state(hazel, first) == "member"
    if kind == "mls":  # what was sealed in lost keys is lost, and a line says so
        assert "gap" in [kind for kind, _ in await happened(hazel, first)]
    else:
        assert ("Bob Reed", "still there?") in await said(hazel, first)
    assert await talk(hazel, bob, first, "back again") == [True, True]
    assert ("Hazel Ford", "on its way") in await said(bob, first)


async def test_a_group_whose_own_document_is_gone_is_named_and_an_invite_leads_back(hazel, bob, groups):
    first, second = groups
    hazel.reach_into(f"groups:{first}", TAKEN_AWAY)
    await hazel.reopen()
    await deliver(bob, hazel)
    (damage,) = core(hazel).security.damages
    assert (damage.part, damage.kind, damage.of) == ("groups", "hidden", first)
    await core(hazel).mending.mend(damage)
    invite = await core(bob).groups.invite(first)
    await core(hazel).groups.join(await core(hazel).groups.look_at(invite.code.code))
    await deliver(hazel, bob, hazel)
    assert await talk(hazel, bob, first, "back again") == [True, True]
    assert await talk(hazel, bob, second, "all well") == [True, True]


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("kind", SHARED)
async def test_what_comes_is_read_in_every_group_when_a_shared_table_is_damaged(hazel, bob, groups, kind, attack):
    name = next(name for name in hazel.tables() if name.partition(":")[0] == kind)
    hazel.reach_into(name, ATTACKS[attack])
    await hazel.reopen()
    for group in groups:
        await core(bob).chat.post(group, "can you read this?")
    await deliver(bob, hazel, bob, hazel)
    for group in groups:
        assert ("Bob Reed", "can you read this?") in await said(hazel, group)


@pytest.mark.parametrize("kind", SHARED)
async def test_every_group_goes_on_after_a_press_when_a_shared_table_was_damaged(hazel, bob, groups, kind):
    name = next(name for name in hazel.tables() if name.partition(":")[0] == kind)
    hazel.reach_into(name, TAKEN_AWAY)
    await hazel.reopen()
    await deliver(hazel, bob)
    for damage in core(hazel).security.damages:
        assert core(hazel).mending.can_mend(damage)
        await core(hazel).mending.mend(damage)
    await deliver(hazel, bob, hazel, bob)
    for group in groups:
        assert await talk(hazel, bob, group, "all well") == [True, True]


async def test_all_others_are_marked_seen_when_what_was_seen_of_one_is_damaged(hazel, bob, groups):
    first, second = groups
    hazel.reach_into(f"seen:{first}", TAKEN_AWAY)
    await hazel.reopen()
    await core(bob).chat.post(second, "new")
    await deliver(bob, hazel)
    assert (await core(hazel).attention.news(second)).unread
    await core(hazel).attention.since()
    await core(hazel).attention.mark_all_seen()
    assert not (await core(hazel).attention.news(second)).unread


async def test_a_group_whose_document_was_put_back_to_an_older_state_gets_other_keys(hazel, bob, groups):
    """Which keys hold is not for an older document to say."""
    first, _ = groups
    await hazel.reopen()
    await deliver(hazel, bob)
    await hazel.companion.lock()
    shutil.copy(hazel.folder / "vault" / "store.db", hazel.folder / "older.db")
    await hazel.reopen()
    await core(bob).chat.post(first, "since then")
    await deliver(bob, hazel)
    epoch = (await core(bob).groups.group(first)).epoch
    await hazel.companion.lock()
    older = hazel.tables()[f"groups:{first}"]
    with sqlite3.connect(hazel.folder / "vault" / "store.db") as connection:
        connection.execute("ATTACH ? AS old", (str(hazel.folder / "older.db"),))
        connection.execute(f"INSERT OR REPLACE INTO row SELECT * FROM old.row WHERE k = {older} + 1")  # noqa: S608
    connection.close()
    await hazel.reopen()
    await deliver(hazel, bob)
    assert core(hazel).mending.damage(first).kind == "old"
    await core(hazel).mending.go_on(first)
    await deliver(hazel, bob, hazel)
    assert (await core(bob).groups.group(first)).epoch > epoch
    assert await talk(hazel, bob, first, "in other keys") == [True, True]
