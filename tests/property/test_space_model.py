"""Thirty people in four groups with forty-five devices: who is off opens nothing after the turn, who is on all of it.

No relay: a list is the log. A device reads it in pieces of its own size, and is away for long.
"""

import random

from companion.crypto.primitives import random_bytes, sha256, signing_keypair
from companion.errors import MessageRejected
from companion.space.belonging import Belonging
from companion.space.book import (
    box_content,
    boxes_for,
    first_content,
    group_content,
    may_turn,
    odd_boxes,
    roll_content,
    steward_content,
    unboxed,
    with_item,
    with_nothing,
    with_turn,
)
from companion.space.items import key_number, open_item, seal_item
from companion.space.keys import BOOK, group_box, log_id
from companion.space.order import running_hash
from companion.space.turns import is_next, key_before, open_box, open_turn, seal_turn

SPACE = b"s" * 16
LOG = log_id(SPACE, BOOK)
PEOPLE, GROUPS, DEVICES, STEPS = 30, 4, 45, 50


class Device:
    """It knows each key of its groups that was said while its person was there, and reads the log when it likes."""

    def __init__(self, person, world):
        self.person, self.world = person, world
        self.keys, self.at, self.book = {}, 0, Belonging(space=SPACE)
        self.opened = {}

    def read(self, count=None):
        """Read on until a key is missing."""
        while self.at < len(self.world.log) and count != 0:
            envelope = self.world.log[self.at]
            n, is_turn = key_number(envelope)
            if n not in self.keys:
                return
            seq = self.at + 1
            if is_turn:
                self._turn(seq, open_turn(self.keys[n], LOG, envelope))
            else:
                item = open_item(self.keys[n], LOG, envelope)
                self.opened[seq] = item.content
                self.book = with_item(self.book, seq, item)
            self.at, count = seq, None if count is None else count - 1

    def _turn(self, seq, turn):
        if not may_turn(self.book, turn):
            self.book = with_nothing(self.book, seq)
            return
        assert odd_boxes(self.book, self.book.seq, turn.boxes) == set()
        assert unboxed(self.book) == set()
        self.book = with_turn(self.book, seq)
        for id, key in self.world.heard[self.person]:
            try:
                self.keys[turn.n + 1] = open_box(turn, SPACE, bytes.fromhex(id), group_box(key)[0])
            except MessageRejected:
                continue

    def climb(self):
        """Read from the first item, with nothing but the newest key that is known here."""
        late = Device(self.person, self.world)
        if self.keys:
            late.keys = {max(self.keys): self.keys[max(self.keys)]}
        for envelope in reversed(self.world.log):
            n, is_turn = key_number(envelope)
            if is_turn and n + 1 in late.keys and n not in late.keys:
                try:
                    former = key_before(late.keys[n + 1], SPACE, envelope)
                    assert is_next(open_turn(former, LOG, envelope), late.keys[n + 1])
                except MessageRejected:
                    continue  # somebody's who may not turn
                late.keys[n] = former
        late.read()
        return late


class World:
    def __init__(self, seed):
        self.dice = random.Random(seed)
        self.log, self.key, self.n = [], random_bytes(32), 0
        self.people = [signing_keypair() for _ in range(PEOPLE)]
        self.groups = {f"{number:032x}": [self.dice.randrange(PEOPLE)] for number in range(GROUPS)}
        self.group_keys = {id: random_bytes(32) for id in self.groups}
        self.heard = [set() for _ in self.people]
        self.devices = [Device(number % PEOPLE, self) for number in range(DEVICES)]
        self.founder = Device(0, self)
        self.founder.keys[0] = self.key
        self.say(0, first_content(SPACE, [self.people[0][1]]))
        for id, members in self.groups.items():
            links = [self.people[member][1] for member in members]
            self.say(0, group_content(id, is_on=True, box=self.box(id), links=links))
            self.tell(id)

    def box(self, id):
        return group_box(self.group_keys[id])[1]

    def tell(self, id):
        """Say the group's key in MLS, and the space's to who does not have it: those who are in hear it."""
        for member in self.groups[id]:
            self.heard[member].add((id, self.group_keys[id]))
            for device in self.devices:
                if device.person == member and self.n not in device.keys:
                    device.keys[self.n] = self.key

    def say(self, who, content):
        self.log.append(seal_item(self.key, self.n, LOG, self.people[who][0], content))
        self.founder.read()

    def add(self):
        id = self.dice.choice(list(self.groups))
        who = self.dice.randrange(PEOPLE)
        if who not in self.groups[id]:
            self.say(self.groups[id][0], roll_content(id, on=[self.people[who][1]]))
            self.groups[id].append(who)
            self.tell(id)

    def remove(self):
        """Key in MLS, roll, box, turn: as it has to be."""
        id = self.dice.choice(list(self.groups))
        if len(self.groups[id]) < 2:
            return
        who = self.groups[id].pop(self.dice.randrange(1, len(self.groups[id])))
        self.say(self.groups[id][0], roll_content(id, off=[self.people[who][1]]))
        assert unboxed(self.founder.book) == {id}
        self.group_keys[id] = random_bytes(32)
        self.say(self.groups[id][0], box_content(id, self.box(id)))
        for member in self.groups[id]:
            self.heard[member].add((id, self.group_keys[id]))
        self.turn()

    def turn(self, signer=0):
        following = random_bytes(32)
        book = self.founder.book
        envelope = seal_turn(
            *(self.key, self.n, following),
            space=SPACE,
            log=LOG,
            sign_private=self.people[signer][0],
            at=book.seq,
            boxes=boxes_for(book),
        )
        self.log.append(envelope)
        if self.people[signer][1] in book.standing:
            self.founder.keys[self.n + 1] = following
            self.key, self.n = following, self.n + 1
        self.founder.read()

    def attack(self):
        """Somebody says what is not for them: a turn, a steward, a roll, a box; or seals an old item again."""
        who = self.dice.randrange(1, PEOPLE)
        id = self.dice.choice(list(self.groups))
        tries = [steward_content(self.people[who][1], is_on=True)]
        if who not in self.groups[id]:
            tries += [roll_content(id, on=[self.people[who][1]]), box_content(id, group_box(b"e" * 32)[1])]
        self.say(who, self.dice.choice(tries))
        self.turn(signer=who)
        self.log.append(self.dice.choice([one for one in self.log if key_number(one)[1]]))  # a service may say it again
        self.founder.read()
        again = self.dice.choice([seq for seq in self.founder.opened])
        old = open_item(self.founder.keys[key_number(self.log[again - 1])[0]], LOG, self.log[again - 1])
        before = self.founder.book
        now = with_item(before, before.seq + 1, old)
        assert (now.groups, now.stewards, now.said) == (before.groups, before.stewards, before.said)

    def step(self):
        self.dice.choice([self.add, self.add, self.add, self.remove, self.attack])()
        for device in self.dice.sample(self.devices, 6):
            device.read(self.dice.choice([1, 3, None]))


def test_who_is_on_opens_everything_and_who_is_off_nothing_after_the_turn():
    world = World(1)
    for _ in range(STEPS):
        world.step()
    world.turn()
    canary = "said after the last turn"
    world.say(0, {"kind": "x", "text": canary})
    on = {member for members in world.groups.values() for member in members}
    assert 5 < len(on) < PEOPLE
    assert world.n > 3
    for device in world.devices:
        device.read()
        if device.at < len(world.log):  # it came late, or was away: from the first item again, by the newest key it has
            device = device.climb()
        opens = any(content.get("text") == canary for content in device.opened.values())
        assert opens is (world.n in device.keys) is (device.person in on)
        if opens:
            assert device.opened == world.founder.opened
            assert device.book == world.founder.book
    assert world.founder.book.everybody(len(world.log)) == {world.people[member][1] for member in on}


def test_whoever_reads_the_same_log_has_the_same_hash_and_nobody_else():
    world = World(3)
    for _ in range(20):
        world.step()
    cids = [sha256(envelope)[:16].hex() for envelope in world.log[:200]]
    assert running_hash(1, cids) != running_hash(1, cids[:-1])
    others = [[*cids[:place], "00" * 16, *cids[place + 1 :]] for place in range(len(cids))]
    assert len({running_hash(1, other) for other in [cids, *others]}) == len(cids) + 1
