"""What a member with a changed app, somebody who is out, or the service may try with a group's space."""

from dataclasses import replace

import pytest

from companion.chat.private import private_content
from companion.crypto.primitives import random_bytes, sign, signing_public
from companion.ports import Change, OutboxItem
from companion.space.cards import member_message
from companion.space.items import cid_of, seal_item
from companion.space.keys import BOOK, SHELF
from companion.space.statements import Statement, Way, digest
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


async def stands(group, *desks, expected):
    for desk in desks:
        assert await titles(desk, group) == expected, desk.name


async def saw_of(desk, there):
    return await core(desk).together._desk.saw(there)


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
