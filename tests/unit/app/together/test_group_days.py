"""Ordinary bad days of a group's space: who gives is gone, two come at once, two devices of one person, and how much
is said for it.
"""

from copy import deepcopy

from companion.ports import Change, Drop
from companion.space.keys import SHELF
from tests.fakes import PASSPHRASE, Desk, deliver
from tests.unit.app.together.conftest import core, let_in, person, settle, shelf, space, titles


async def lock(desk):
    await desk.companion.lock(hands_over=False)


async def unlock(desk):
    await desk.companion.unlock(passphrase=PASSPHRASE)


async def test_who_was_let_in_by_somebody_that_is_gone_is_given_the_key_by_another(alice, bob, group, relay):
    await core(alice).shelves.write(group, "Before", "x")
    await settle(alice, bob)
    eve = await Desk("Eve Lane", relay).set_up()
    await let_in(alice, eve, group)  # and Alice is never seen again
    await settle(eve, rounds=3)
    assert await titles(eve, group) == []
    await settle(eve, bob)
    assert await titles(eve, group) == ["Before"]


async def test_two_who_come_at_once_by_two_people_read_and_write(alice, bob, group, relay):
    await core(alice).shelves.write(group, "Before", "x")
    await settle(alice, bob)
    eve, dan = [await Desk(name, relay).set_up() for name in ("Eve Lane", "Dan Holt")]
    for host, guest in ((alice, eve), (bob, dan)):
        invite = await core(host).groups.invite(group)
        await core(guest).groups.join(await core(guest).groups.look_at(invite.code.code))
    await deliver(eve, dan, alice, bob)
    await core(eve).shelves.write(group, "Eve's", "x")
    await core(dan).shelves.write(group, "Dan's", "x")
    await settle(alice, bob, eve, dan)
    for desk in (alice, bob, eve, dan):
        assert sorted(await titles(desk, group)) == ["Before", "Dan's", "Eve's"], desk.name


async def test_who_was_given_a_key_that_is_one_turn_behind_comes_to_the_newest(alice, bob, carol, three, relay):
    eve = await Desk("Eve Lane", relay).set_up()
    await let_in(bob, eve, three, carol)
    await core(bob).together.keeping.run()  # Bob has not heard of the turn
    await core(alice).groups.remove_member(three, person(carol))
    await settle(alice, rounds=8)
    await deliver(bob, eve)
    await core(alice).shelves.write(three, "After", "y")
    await settle(alice, eve, bob, rounds=20)
    assert await titles(eve, three) == await titles(bob, three) == ["Before", "After"]


async def test_two_devices_of_one_person_that_share_nothing_change_and_take_down_the_same_note(
    alice, bob, group, relay
):
    tablet = await Desk("Tablet", relay).set_up()
    code = await core(bob).devices.offer()
    await core(tablet).devices.link(code.code, "Tablet")
    await deliver(tablet, bob, alice)
    id = await core(bob).shelves.write(group, "Bob's", "x")
    other = await core(bob).shelves.write(group, "Other", "x")
    await settle(alice, bob, tablet)
    keys = [
        (await core(one).together.keeping._residents.member_keys(await space(one, group)))[0] for one in (bob, tablet)
    ]
    assert keys[0] == keys[1]  # they have told each other the own secret by letters
    await core(tablet).shelves.write(group, "From the tablet", "x")
    await settle(alice, bob, tablet)
    notes = {note.title: note for note in (await shelf(tablet, group)).notes}
    assert all(note.is_mine for note in notes.values())
    await core(tablet).shelves.write(group, "Changed", "y", note=other)
    await core(tablet).shelves.take_down(group, id, notes["Bob's"].author)
    await settle(alice, bob, tablet)
    for desk in (alice, bob, tablet):
        assert sorted(await titles(desk, group)) == ["Changed", "From the tablet"], desk.name
    log = (await space(alice, group)).log_id(SHELF).hex()
    assert [event.body for event in relay.logs[log]].count(b"") == 1


async def test_who_leaves_and_comes_back_reads_and_writes_again(alice, bob, carol, three):
    await core(carol).shelves.write(three, "Carol's", "x")
    await settle(alice, bob, carol)
    await core(carol).groups.leave(three)
    await deliver(carol, alice, bob, carol)
    await settle(alice, bob)
    await core(bob).shelves.write(three, "Meanwhile", "x")
    await settle(alice, bob)
    await let_in(alice, carol, three, bob)
    await settle(alice, bob, carol, rounds=20)
    assert await titles(carol, three) == ["Before", "Carol's", "Meanwhile"]
    await core(carol).shelves.write(three, "Back", "x")
    await settle(alice, bob, carol)
    assert await titles(alice, three) == ["Before", "Carol's", "Meanwhile", "Back"]


async def test_a_device_that_was_put_back_to_an_older_state_comes_to_the_newest_shelf(alice, bob, carol, three):
    old = deepcopy(carol.vault.store.tables)
    for number in range(2):
        await core(carol).shelves.write(three, f"Carol's {number}", "x")
        await settle(alice, bob, carol)
    dan = await Desk("Dan Holt", alice.relay).set_up()
    await let_in(alice, dan, three, bob, carol)
    await settle(alice, bob, carol, dan)
    await core(alice).groups.remove_member(three, person(dan))
    await settle(alice, bob, carol)
    await lock(carol)
    carol.vault.store.tables = old
    await unlock(carol)
    await settle(carol, alice, bob, rounds=30)
    assert await titles(carol, three) == ["Before", "Carol's 0", "Carol's 1"]
    await core(carol).shelves.write(three, "On", "x")
    await settle(carol, alice, bob)
    assert (await titles(alice, three))[-1] == "On"


async def test_a_shelf_that_can_only_be_read_is_read(alice, bob, carol, three):
    carol.vault.store.is_read_only = True
    await core(carol).together.keeping.run()
    assert await titles(carol, three) == ["Before"]
    carol.vault.store.is_read_only = False
    await core(carol).shelves.write(three, "After", "x")
    await settle(carol, alice)
    assert await titles(alice, three) == ["Before", "After"]


async def test_nothing_is_due_again_at_once_where_nothing_changes(alice, bob, carol, three):
    await core(carol).shelves.write(three, "After", "x")
    await settle(alice, bob, carol, rounds=20)
    for desk in (alice, bob, carol):
        commits = len(desk.calls)
        for _ in range(3):
            assert await core(desk).together.keeping.left_ms() > 1_000
            await core(desk).together.keeping.run()
        desk.clock.move(60_000)
        await core(desk).together.keeping.run()
        assert len(desk.calls) == commits, desk.name


async def test_what_is_said_for_a_group_of_ten_grows_with_each_who_comes_and_no_faster(alice, bob, group, relay):
    await core(alice).shelves.write(group, "Before", "x")
    await settle(alice, bob)
    desks, said = [alice, bob], []
    for number in range(8):
        guest = await Desk(f"Guest {number}", relay).set_up()
        log = (await space(alice, group)).log_id("book").hex()
        before = len(relay.logs[group]), len(relay.logs[log])
        await let_in(desks[-1], guest, group, *desks)
        desks.append(guest)
        await settle(*desks, rounds=5)
        said.append((len(relay.logs[group]) - before[0], len(relay.logs[log]) - before[1]))
    assert max(items for _, items in said) <= 2
    assert said[-1][0] <= said[0][0] + 2
    log = (await space(alice, group)).log_id("book").hex()
    before = len(relay.logs[group]), len(relay.logs[log])
    await core(bob).groups.leave(group)
    await deliver(*desks)
    desks.remove(bob)
    await settle(*desks, rounds=6)
    assert (await space(desks[-1], group)).n == 1
    assert len(relay.logs[group]) - before[0] <= 4
    assert len(relay.logs[log]) - before[1] <= 3


async def test_who_comes_back_after_several_turns_comes_to_the_newest_key(alice, bob, carol, three, relay):
    await core(carol).groups.leave(three)
    await deliver(carol, alice, bob, carol)
    await settle(alice, bob)
    dan = await Desk("Dan Holt", relay).set_up()
    await let_in(alice, dan, three, bob)
    await settle(alice, bob, dan)
    await core(alice).groups.remove_member(three, person(dan))
    await settle(alice, bob)
    await core(bob).shelves.write(three, "Meanwhile", "x")
    await settle(alice, bob)
    assert (await space(alice, three)).n == 2
    await let_in(alice, carol, three, bob)
    await settle(alice, bob, carol, rounds=20)
    assert await titles(carol, three) == ["Before", "Meanwhile"]


async def test_who_comes_back_to_people_that_never_heard_their_key_writes_again(alice, bob, carol, three, relay):
    dan = await Desk("Dan Holt", relay).set_up()
    await let_in(alice, dan, three, bob, carol)
    await core(alice).groups.set_administrators(three, (person(alice), person(dan)))
    await settle(alice, bob, carol, dan)
    for desk, *others in ((carol, alice, dan), (bob, alice, dan), (alice, dan)):
        await core(desk).groups.leave(three)
        await deliver(desk, alice, bob, carol, dan, desk)
        await settle(*others, rounds=8)
    await let_in(dan, carol, three)
    await core(carol).shelves.write(three, "Back", "x")
    await settle(dan, carol, rounds=20)
    assert await titles(dan, three) == ["Before", "Back"]


async def test_a_device_that_waits_for_a_key_writes_nothing_while_it_waits(alice, bob, carol, three, relay):
    await core(alice).groups.remove_member(three, person(carol))
    await settle(alice, rounds=8)
    there = await space(bob, three)
    statements = core(bob)._context.store
    await bob.network.exchange()
    for table in ("space_keys", "statements"):  # as if nobody had told the key yet
        for doc in await statements.all(table):
            await core(bob)._context.commit(Change(drop=(Drop(table, str(doc["_id"])),)))
    await core(bob).together.keeping.run()
    written = []
    core(bob)._context.after_commit.append(written.append)
    for _ in range(3):
        await core(bob).groups.logs(there.service).key_came(there.id)
        await core(bob).together.keeping.run()
    assert [put.table for change in written for put in change.put if put.table == "spaces"] == []
