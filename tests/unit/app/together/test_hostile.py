"""What a member with a changed app, somebody who is out, or the service may try with a group's space."""

from dataclasses import replace

import pytest

from companion.chat.private import private_content
from companion.crypto.primitives import random_bytes, sign, signing_public
from companion.ports import Change, OutboxItem
from companion.space.book import roll_content
from companion.space.cards import card_content, card_message, member_message
from companion.space.items import cid_of, seal_item
from companion.space.keys import BOOK, SHELF, keeper, member_key, steward_key
from companion.space.shelf import down_content, note_content
from companion.space.statements import KEY, Statement, Way, digest
from companion.wire import SUITE_TURN, format_envelope
from tests.fakes import Desk, deliver
from tests.unit.app.together.conftest import core, let_in, person, settle, shelf, space, titles

HOUR_MS = 3_600_000


async def tell(desk, group, *others, **said):
    """Let a changed app say something of a space, whatever it is."""
    await core(desk).groups.send(group, Statement(**said).to_content(), Change())
    await deliver(desk, *others)


async def private_of(desk, there):
    return await core(desk).together.keeping._residents.sign_private(there)


async def tell_member(desk, group, there, private, *others):
    """Say that a member key is mine, with its signature."""
    member, me = signing_public(private), person(desk)
    proof = sign(private, member_message(there.octets, member, me))
    await tell(desk, group, *others, space=there.id, member=member, proof=proof)


async def put(desk, relay, log, content, *, of=None, n=None, private=None, at=None, epoch=None):
    """Append an item to a log as its capability lets anybody, whatever it says; return its envelope."""
    there = of or await space_of(desk)
    number = there.n if n is None else n
    log_id = there.log_id(log)
    saw = await core(desk).together._desk.saw(there)
    if at is not None:
        saw[BOOK] = [saw[BOOK][0], at, "0" * 64]
    body = seal_item(
        there.key(number), number, log_id, private or await private_of(desk, there), {"saw": saw, **content}
    )
    relay.append(
        OutboxItem(cid=cid_of(body), group=log_id.hex(), capability=there.capability(log), body=body, epoch=epoch)
    )
    return body


async def space_of(desk):
    return next(one for one in await core(desk).together._desk.spaces.all() if one.kind == "group")


def true_way(there, **other):
    way = Way(
        first=there.first,
        reads={name: log.reads for name, log in there.logs.items()},
    )
    return replace(way, **other)


@pytest.fixture
async def three(alice, bob, carol, group):
    """Alice looks after the group; Bob is the one who tries things, or Carol."""
    await core(alice).shelves.write(group, "Before", "x")
    await settle(alice, bob)
    await let_in(alice, carol, group, bob)
    await settle(alice, bob, carol)
    return group


async def stands(group, *desks, expected):
    for desk in desks:
        assert await titles(desk, group) == expected, desk.name


# What is said in the group -----------------------------------------------------------------------------


@pytest.mark.parametrize(("generation", "id"), [(1, "0" * 32), (99, "f" * 32)])
async def test_another_space_of_somebody_who_does_not_look_after_the_group_is_nothing(
    alice, bob, carol, three, generation, id
):
    mine = (await space(alice, three)).id
    way = Way(first="1" * 64, reads={BOOK: 0, SHELF: 0})
    said = {"space": id, "generation": generation, "n": 0, "key": random_bytes(32), "stewards": random_bytes(32)}
    await tell(bob, three, alice, carol, **said, way=way)
    await settle(alice, bob, carol)
    assert {(await space(desk, three)).id for desk in (alice, carol)} == {mine}


@pytest.mark.parametrize("generation", [1, 99])
async def test_whoever_was_led_into_a_false_space_follows_who_looks_after_the_group(
    alice, bob, group, relay, generation
):
    await core(alice).shelves.write(group, "Before", "x")
    await settle(alice, bob)
    eve = await Desk("Eve Lane", relay).set_up()
    invite = await core(bob).groups.invite(group)
    await core(eve).groups.join(await core(eve).groups.look_at(invite.code.code))
    await deliver(eve, bob, eve)
    way = Way(first="1" * 64, reads={BOOK: 0, SHELF: 0})
    said = {"space": "0" * 32, "generation": generation, "n": 0, "key": random_bytes(32)}
    await tell(bob, group, eve, **said, stewards=random_bytes(32), way=way)
    await core(eve).together.keeping.run()
    assert (await space(eve, group)).id == "0" * 32
    await settle(alice, eve)
    assert await titles(eve, group) == ["Before"]


@pytest.mark.parametrize(
    "wrong",
    [{"first": "1" * 64}, {"reads": {BOOK: 7, SHELF: 7}}, {"reads": {BOOK: 0, SHELF: 0}}],
)
async def test_a_false_way_into_the_true_space_holds_nobody_up(alice, bob, group, relay, wrong):
    await core(alice).shelves.write(group, "Before", "x")
    await settle(alice, bob)
    eve = await Desk("Eve Lane", relay).set_up()
    invite = await core(bob).groups.invite(group)
    await core(eve).groups.join(await core(eve).groups.look_at(invite.code.code))
    await deliver(eve, bob, eve)
    there = await space(bob, group)
    said = {"space": there.id, "n": there.n, "key": there.keys[-1], "stewards": random_bytes(32)}
    await tell(bob, group, eve, **said, way=true_way(there, **wrong))
    await settle(alice, eve, rounds=20)
    assert await titles(eve, group) == ["Before"]
    dan = await Desk("Dan Holt", relay).set_up()
    await let_in(alice, dan, group, eve)
    await settle(alice, dan, eve)
    await core(alice).groups.remove_member(group, person(dan))
    await settle(alice, eve, rounds=20)
    await core(eve).shelves.write(group, "After", "y")
    await settle(eve, alice, rounds=20)
    await stands(group, alice, eve, expected=["Before", "After"])


async def test_a_flood_of_keys_keeps_nobody_from_the_true_one(alice, bob, carol, three):
    there = await space(bob, three)
    for number in range(40):
        said = {"space": there.id, "key": random_bytes(32), "stewards": random_bytes(32)}
        await tell(bob, three, **said, n=there.n + 1 + number // 20)
    await settle(alice, bob, carol)
    await core(alice).groups.remove_member(three, person(bob))
    await settle(alice, carol)
    await core(carol).shelves.write(three, "After", "y")
    await settle(alice, carol)
    await stands(three, alice, carol, expected=["Before", "After"])
    assert (await space(carol, three)).n == 1
    assert await titles(bob, three) == ["Before"]


async def test_what_is_kept_of_what_one_member_says_is_bounded(alice, bob, carol, three):
    there = await space(bob, three)
    store = core(carol)._context.store
    tables = ("space_keys", "space_members", "space_stewards", "statements", "stating")
    before = sum([len(await store.all(table)) for table in tables])
    for number in range(80):
        said = {"space": there.id, "key": random_bytes(32), "stewards": random_bytes(32)}
        await tell(bob, three, **said, n=there.n + number)
        await tell_member(bob, three, there, random_bytes(32))
        await tell_member(bob, three, replace(there, id=random_bytes(16).hex()), random_bytes(32))
        inside = Statement(space=there.id, secret=random_bytes(32)).to_content()
        keys = core(carol)._context.me.member.seal_keys
        said = private_content(inside, tuple(keys), group=three, person=person(bob))
        await core(bob).groups.send(three, said, Change())
    await settle(bob, carol, alice, rounds=2)
    assert sum([len(await store.all(table)) for table in tables]) - before < 90


async def test_a_false_secret_keeps_nobody_who_looks_after_the_group_from_the_true_one(alice, bob, carol, three):
    there = await space(bob, three)
    secret = random_bytes(32)
    wrong = {"space": there.id, "n": there.n, "key": there.keys[-1], "stewards": bytes.fromhex(digest(secret))}
    await tell(bob, three, alice, carol, **wrong)
    inside = Statement(space=there.id, secret=secret).to_content()
    keys = [*core(carol)._context.me.member.seal_keys, *core(alice)._context.me.member.seal_keys]
    await core(bob).groups.send(three, private_content(inside, tuple(keys), group=three, person=person(bob)), Change())
    await deliver(bob, alice, carol)
    await core(alice).groups.set_administrators(three, (person(alice), person(carol)))
    await settle(alice, carol, bob)
    assert (await space(carol, three)).stewards == (await space(alice, three)).stewards
    await core(alice).groups.leave(three)
    await deliver(alice, carol, bob, carol)
    await settle(carol, bob)
    assert (await space(carol, three)).n == 1


async def test_a_key_with_a_wrong_hash_of_the_secret_is_no_hindrance_to_who_looks_after_the_group_later(
    alice, bob, group, relay
):
    """Eve is let in by Bob, who tells her the true key with another secret's hash."""
    await core(alice).shelves.write(group, "Before", "x")
    await settle(alice, bob)
    eve = await Desk("Eve Lane", relay).set_up()
    invite = await core(bob).groups.invite(group)
    await core(eve).groups.join(await core(eve).groups.look_at(invite.code.code))
    await deliver(eve, bob, eve)
    there = await space(bob, group)
    said = {"space": there.id, "n": there.n, "key": there.keys[-1], "stewards": random_bytes(32)}
    await tell(bob, group, eve, **said, way=true_way(there))
    await settle(alice, eve)
    await core(alice).groups.set_administrators(group, (person(alice), person(eve)))
    await settle(alice, eve)
    assert (await space(eve, group)).stewards == (await space(alice, group)).stewards


async def test_somebody_elses_member_key_is_not_taken_for_mine(alice, bob, carol, three):
    there = await space(bob, three)
    theirs = (await core(carol).together.keeping._residents.member_keys(there))[0]
    proof = sign(random_bytes(32), member_message(there.octets, theirs, person(bob)))
    await tell(bob, three, alice, carol, space=there.id, member=theirs, proof=proof)
    await settle(alice, bob, carol)
    await core(alice).groups.remove_member(three, person(bob))
    await settle(alice, carol, rounds=20)
    await core(carol).shelves.write(three, "Mine", "y")
    await settle(alice, carol, rounds=20)
    (_, note) = (await shelf(alice, three)).notes
    assert (note.title, note.name) == ("Mine", "Carol Moss")


async def test_who_looked_after_the_group_when_it_was_said_counts_however_late_it_is_heard(alice, bob, carol, three):
    """Bob says it before he looks after the group; Carol's device hears of both at once."""
    mine = (await space(alice, three)).id
    way = Way(first="1" * 64, reads={BOOK: 0, SHELF: 0})
    said = {"space": "0" * 32, "generation": 9, "n": 0, "key": random_bytes(32), "stewards": random_bytes(32)}
    await tell(bob, three, alice, **said, way=way)
    await core(alice).groups.set_administrators(three, (person(alice), person(bob)))
    await deliver(alice, bob)
    await deliver(carol)
    await settle(carol, alice, bob)
    assert (await space(carol, three)).id == mine


async def test_nothing_of_a_pair_or_half_said_is_taken_to_heart(alice, bob, carol, three):
    there = await space(bob, three)
    whole = Statement(space=there.id, n=0, key=random_bytes(32), stewards=random_bytes(32)).to_content()
    for wrong in (
        {name: value for name, value in whole.items() if name != "stewards"},
        {"kind": "space", "space": there.id},
        {"kind": "space", "space": there.id, "secret": "1" * 64},
        {"kind": "space", "space": there.id, "asks": "bread"},
        {"kind": "space", "space": there.id, "member": "1" * 64},
        whole | {"n": 1 << 60},
        whole | {"generation": -1},
    ):
        await core(bob).groups.send(three, wrong, Change())
    await deliver(bob, alice, carol)
    assert await core(carol)._context.store.all("statements") == ()


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


async def saw_of(desk, there):
    return await core(desk).together._desk.saw(there)


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
