"""What a member with a changed app, somebody who is out, or the service may try with the logs of a group's space."""

from dataclasses import replace

import pytest

from companion.crypto.primitives import random_bytes, sign, signing_public
from companion.ports import OutboxItem
from companion.space.book import roll_content
from companion.space.cards import card_content, card_message
from companion.space.items import cid_of, seal_item
from companion.space.keys import BOOK, SHELF, keeper, member_key, steward_key
from companion.space.shelf import down_content, note_content
from companion.space.statements import KEY
from companion.wire import SUITE_TURN, format_envelope
from tests.fakes import Desk, deliver
from tests.unit.app.together.conftest import core, let_in, person, settle, shelf, space
from tests.unit.app.together.test_hostile import private_of, put, saw_of, stands, tell, tell_member

HOUR_MS = 3_600_000


# The logs ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["before", "between"])
async def test_nobody_but_who_looks_after_the_group_lets_the_shelf_follow_a_turn(alice, bob, carol, three, relay, when):
    old = await space(carol, three)
    if when == "before":  # it waits for its key, which comes
        await put(carol, relay, SHELF, {"kind": "turn"}, of=old)
        await deliver(alice, bob)
    await core(alice).groups.remove_member(three, person(carol))
    private = await private_of(carol, old)
    book, log = old.log_id(BOOK).hex(), old.log_id(SHELF).hex()
    while when == "between" and not relay.epochs.get(book):
        alice.clock.move(20_000)
        await core(alice).together.keeping.run()
        await deliver(alice, rounds=1)
    if when == "between":
        assert not relay.epochs.get(log)
        await put(carol, relay, SHELF, {"kind": "turn"}, of=old, private=private)
    await settle(alice, bob)
    await core(bob).shelves.write(three, "After", "y")
    await settle(alice, bob)
    await stands(three, alice, bob, expected=["Before", "After"])
    assert relay.epochs[old.log_id(SHELF).hex()] == 1


async def test_who_is_out_puts_nothing_there_with_the_old_key(alice, bob, carol, three, relay):
    old = await space(carol, three)
    private = await private_of(carol, old)
    await core(alice).groups.remove_member(three, person(carol))
    await settle(alice, bob)
    log = old.log_id(SHELF)
    body = seal_item(
        old.keys[0], 0, log, private, {**note_content("1" * 32, "Mine", "z"), "saw": await saw_of(carol, old)}
    )
    events = relay.logs[log.hex()]
    events.append(replace(events[0], seq=len(events) + 1, cid=cid_of(body), body=body))  # a service that helps
    await settle(alice, bob)
    await stands(three, alice, bob, expected=["Before"])


async def test_replayed_copied_and_future_items_change_nothing(alice, bob, carol, three, relay):
    there = await space(bob, three)
    log = there.log_id(SHELF)
    events = relay.logs[log.hex()]
    first = next(event for event in events if event.body)

    def add(body, cid):
        events.append(replace(first, seq=len(events) + 1, cid=cid, body=body))

    add(first.body, first.cid)
    add(first.body, "9" * 32)
    add(b"\xff", "7" * 32)
    foreign = seal_item(
        there.keys[0], 0, there.log_id(BOOK), await private_of(bob, there), note_content("2" * 32, "Foreign", "x")
    )
    add(foreign, cid_of(foreign))
    await put(bob, relay, SHELF, note_content("3" * 32, "Future", "x"), at=1 << 40)
    await put(bob, relay, SHELF, note_content("4" * 32, "Stranger", "x"), private=random_bytes(32))
    await put(bob, relay, SHELF, note_content("5" * 32, "Long", "x" * 56_000))
    await settle(alice, bob, carol)
    await stands(three, alice, carol, expected=["Before"])
    await core(carol).shelves.write(three, "After", "y")
    await settle(alice, bob, carol)
    await stands(three, alice, carol, expected=["Before", "After"])


@pytest.mark.parametrize("log", [BOOK, SHELF])
async def test_what_is_sealed_under_a_key_that_never_was_holds_nobody_up(alice, bob, carol, three, relay, log):
    there = await space(bob, three)
    for n in (1, 7, 1 << 31):
        junk = seal_item(random_bytes(32), n, there.log_id(log), random_bytes(32), {})
        turn = format_envelope(SUITE_TURN, n.to_bytes(4, "big") + random_bytes(400))
        for body in (junk, turn):
            opens = there.capability(log)
            relay.append(OutboxItem(cid=cid_of(body), group=there.log_id(log).hex(), capability=opens, body=body))
    await core(carol).shelves.write(three, "After", "y")
    await settle(alice, bob, carol)
    await stands(three, alice, bob, carol, expected=["Before", "After"])
    dan = await Desk("Dan Holt", relay).set_up()
    await let_in(alice, dan, three, bob, carol)
    await settle(alice, bob, carol, dan)
    await core(alice).groups.remove_member(three, person(bob))
    await settle(alice, carol, dan)
    await core(dan).shelves.write(three, "Dan's", "y")
    await settle(alice, carol, dan)
    await stands(three, alice, carol, dan, expected=["Before", "After", "Dan's"])


async def test_words_in_the_note_of_somebody_else_are_nothing(alice, bob, carol, three, relay):
    (note,) = (await shelf(bob, three)).notes
    await core(bob).shelves.write(three, "Mine", "x")
    await settle(alice, bob, carol)
    await put(bob, relay, SHELF, note_content("1" * 32, "Changed", "x", of=note.id))
    await put(bob, relay, SHELF, {**down_content(note.id, bytes.fromhex(note.author)), "id": "2" * 32})
    await put(bob, relay, SHELF, note_content(note.id, "Twin", "x"))
    await settle(alice, bob, carol)
    there = (await shelf(carol, three)).notes
    assert [(one.title, one.name) for one in there] == [
        ("Before", "Alice Fern"),
        ("Mine", "Bob Reed"),
        ("Twin", "Bob Reed"),
    ]


async def test_who_looks_after_the_group_no_more_takes_nothing_down(alice, bob, carol, three, relay):
    await core(alice).groups.set_administrators(three, (person(alice), person(bob)))
    await settle(alice, bob, carol)
    old = await space(bob, three)
    await core(carol).shelves.write(three, "Mine", "x")
    await settle(alice, bob, carol)
    note = (await shelf(bob, three)).notes[-1]
    await core(alice).groups.set_administrators(three, (person(alice),))
    await settle(alice, bob, carol)
    private = steward_key(old.stewards[0], old.octets)[0]
    down = {**down_content(note.id, bytes.fromhex(note.author)), "id": "2" * 32}
    await put(bob, relay, SHELF, down, private=private)
    await put(bob, relay, SHELF, {**down, "id": "3" * 32}, private=private, at=2)
    await settle(alice, bob, carol)
    await stands(three, alice, carol, expected=["Before", "Mine"])


async def test_the_signature_of_another_persons_card_makes_nobody_that_person(alice, bob, carol, three, relay):
    there = await space(bob, three)
    me = core(alice)._context.me
    theirs = (await core(alice).together.keeping._residents.member_keys(there))[0]
    signature = sign(me.identity_private, card_message(there.octets, theirs, "Alice Fern", "gp"))
    card = card_content("Alice Fern", "gp", me.member.identity_key, signature)
    await put(bob, relay, BOOK, card)
    await put(bob, relay, SHELF, note_content("1" * 32, "Not hers", "x"))
    await settle(alice, bob, carol)
    note = (await shelf(carol, three)).notes[-1]
    assert (note.title, note.name, note.person) == ("Not hers", "", "")


# The roll ----------------------------------------------------------------------------------------------


async def test_a_made_up_member_goes_by_the_name_of_nobody_who_is_in(alice, bob, carol, three, relay):
    there = await space(bob, three)
    await core(bob).shelves.write(three, "Mine", "x")
    await settle(alice, bob, carol)
    private, puppet = member_key(random_bytes(32), there.octets)
    await put(bob, relay, BOOK, roll_content(three, on=[puppet]))
    mallory = core(await Desk("Alice  FERN", relay).set_up())._context.me
    signature = sign(mallory.identity_private, card_message(there.octets, puppet, "Alicе Fern", "gp"))
    card = card_content("Alicе Fern", "gp", mallory.member.identity_key, signature)
    await put(bob, relay, BOOK, card, private=private)
    await deliver(bob, rounds=1)
    await put(bob, relay, SHELF, note_content("1" * 32, "False", "x"), private=private)
    await settle(alice, bob, carol)
    note = (await shelf(carol, three)).notes[-1]
    assert (note.title, note.name) == ("False", "")


@pytest.mark.parametrize("by", ["statements", "items"])
async def test_whoever_fills_the_roll_keeps_nobody_from_the_shelf(alice, bob, carol, three, relay, by):
    await core(bob).shelves.write(three, "Mine", "x")
    await settle(alice, bob, carol)
    there = await space(bob, three)
    puppets = [random_bytes(32) for _ in range(70)]
    if by == "statements":
        for one in puppets:
            await tell_member(bob, three, there, one)
    else:
        await put(bob, relay, BOOK, roll_content(three, on=[signing_public(one) for one in puppets[: 64 - 3]]))
    await settle(alice, bob, carol)
    dan = await Desk("Dan Holt", relay).set_up()
    await let_in(alice, dan, three, bob, carol)
    await core(dan).shelves.write(three, "Dan's", "x")
    await settle(alice, bob, carol, dan, rounds=24)
    await stands(three, alice, dan, expected=["Before", "Mine", "Dan's"])


# The service -------------------------------------------------------------------------------------------


async def test_logs_turned_to_nothing_by_who_knew_the_secret_are_left_for_another_space(
    alice, bob, carol, three, relay
):
    await core(alice).groups.set_administrators(three, (person(alice), person(bob)))
    await settle(alice, bob, carol)
    await core(carol).shelves.write(three, "Mine", "x")
    await settle(alice, bob, carol)
    old = await space(bob, three)
    await core(alice).groups.set_administrators(three, (person(alice),))
    await deliver(alice, bob, carol)
    for name in (BOOK, SHELF):
        log_id, junk = old.log_id(name), b"\x01junk" + name.encode()
        relay.append(
            OutboxItem(
                cid=cid_of(junk),
                group=log_id.hex(),
                capability=old.capability(name),
                body=junk,
                epoch=0,
                keeper=keeper(old.stewards[0], log_id).hex(),
                next_capability="f" * 64,
                next_keeper="e" * 64,
            )
        )
    for desk in (alice, bob, carol):
        await deliver(desk, rounds=1)
        await desk.network.sides["local"].removed(old.log_id(BOOK).hex())  # as the loop says
    for _ in range(4):
        await settle(alice, bob, carol)
        alice.clock.move(HOUR_MS)
    await core(carol).shelves.write(three, "After", "y")
    await settle(alice, bob, carol)
    now = {(await space(desk, three)).id for desk in (alice, bob, carol)}
    assert len(now) == 1
    assert now != {old.id}
    await stands(three, alice, bob, carol, expected=["Before", "Mine", "After"])


async def test_who_waits_for_a_key_in_vain_does_not_go_on_asking(alice, bob, group):
    await core(bob).shelves.write(group, "Mine", "x")
    before = len(bob.relay.logs[group])
    for _ in range(60):
        bob.clock.move(60_000)
        await core(bob).together.keeping.run()
        await deliver(bob, rounds=1)
    assert len(bob.relay.logs[group]) - before < 12


async def test_whoever_asks_again_and_again_is_answered_by_one_alone(alice, bob, carol, three):
    there = await space(bob, three)
    before = len(bob.relay.logs[three])
    for _ in range(10):
        await tell(bob, three, alice, carol, space=there.id, asks=KEY)
        await settle(alice, carol, rounds=2)
    assert len(bob.relay.logs[three]) - before <= 2 * 10
