"""What is owed, and to whom, by what stands in a book and what happened in a group: decided without any service."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from companion.app.groups.moves import moved
from companion.app.together.circle import CircleResidents
from companion.app.together.circle_keeping import is_owed
from companion.app.together.residents import GroupResidents
from companion.app.together.rows import KEYS_MOST, ToldKey, over_keys, secret_of, secret_put, with_key
from companion.crypto.primitives import random_bytes
from companion.mls.nodes import LeafSource
from companion.ports import Change
from companion.space.book import box_content, group_content, roll_content, steward_content, with_turn
from companion.space.place import CIRCLE, Space
from companion.space.statements import Said, Statement, digest
from tests.fake_store import FakeStore
from tests.unit.space.people import ANN, BEN, BOX, CAT, DEE, GROUP, NEW_BOX, SPACE, with_group

# Of a circle, a turn


def turned(book):
    book.now = with_turn(book.now, book.now.seq + 1)
    return book


def test_nothing_is_owed_by_what_comes():
    book = with_group(members=(CAT,))
    book.add(ANN, steward_content(DEE.key, is_on=True))
    assert not is_owed(book.now)


@pytest.mark.parametrize(
    ("who", "said"),
    [
        (BEN, roll_content(GROUP, off=[CAT.key])),
        (ANN, group_content(GROUP, is_on=False)),
        (BEN, box_content(GROUP, NEW_BOX)),
        (DEE, steward_content(DEE.key, is_on=False)),
    ],
)
@pytest.mark.parametrize("has_turned", [False, True])
def test_a_turn_is_owed_to_those_who_stay_until_there_is_one(who, said, has_turned):
    book = with_group(members=(CAT,))
    book.add(ANN, steward_content(DEE.key, is_on=True))
    book = turned(book) if has_turned else book
    assert book.add(who, said, n=int(has_turned))
    assert is_owed(book.now)
    assert not is_owed(turned(book).now)


# Keys that were told


def told(n, person="ann", seq=1, key=None):
    key = key or random_bytes(32)
    return ToldKey(space=SPACE.hex(), n=n, key=key, stewards=b"s" * 32, seq=seq, person=person)


def said(one):
    statement = Statement(space=one.space, n=one.n, key=one.key, stewards=one.stewards)
    return Said(group=GROUP, seq=one.seq, person=one.person, is_carer=True, statement=statement)


def test_a_key_that_is_told_twice_stays_where_it_was_told_first():
    one = told(1)
    assert with_key(said(told(1, seq=9, key=one.key)), (one,)) == Change()


def test_a_flood_of_keys_takes_the_place_of_the_oldest_of_the_same_person_alone():
    theirs = tuple(told(1, "ben", seq) for seq in range(2, KEYS_MOST + 2))
    one = told(1, "ben", 99)
    change = with_key(said(one), (told(1, "ann"), *theirs))
    assert change.put == (one.put(),)
    assert [drop.id for drop in change.drop] == [theirs[0].id]
    assert with_key(said(one), (told(1, "ann"), *theirs[1:])).drop == ()


async def test_only_keys_that_no_turn_can_turn_to_are_dropped():
    store, keys = FakeStore([]), [told(n) for n in (1, 2, 3)]
    await store.commit(Change(put=tuple(one.put() for one in keys)))
    space = Space(id=SPACE.hex(), kind=CIRCLE, service="local", keys=(b"k" * 32,) * 3)
    assert space.n == 2
    assert [drop.id for drop in await over_keys(space, store)] == [keys[0].id]


async def test_a_secret_is_found_by_what_names_it():
    store, secret = FakeStore([]), random_bytes(32)
    await store.commit(Change(put=(secret_put(secret),)))
    named = bytes.fromhex(digest(secret))
    assert await secret_of(named, store) == secret
    assert await secret_of(named[:16] + bytes(16), store) is None
    assert await secret_of(bytes(32), store) is None


# Who follows a circle


@pytest.mark.parametrize(
    ("state", "is_followed"), [("member", True), ("rejoining", True), ("left", False), ("removed", False)]
)
async def test_a_circle_is_followed_as_long_as_one_of_its_groups_here_is_mine(state, is_followed):
    async def group(id):
        return SimpleNamespace(state=state) if id == GROUP else None

    residents = CircleResidents(None, None, group, None, None)
    space = Space(id=SPACE.hex(), kind=CIRCLE, service="local", keys=(b"k" * 32,), through=("00" * 16, GROUP))
    assert await residents.is_followed(space) is is_followed
    own = GroupResidents(None, group, None, None)
    assert await own.is_followed(replace(space, of=GROUP)) is is_followed
    assert not await own.is_followed(replace(space, of="00" * 16))


async def test_a_turn_shuts_a_device_out_only_if_it_has_a_box_for_none_of_its_groups():
    residents = CircleResidents(None, None, None, None, None)
    space = Space(id=SPACE.hex(), kind=CIRCLE, service="local", keys=(b"k" * 32,), through=("00" * 16, GROUP))
    assert not await residents.is_shut_out(space, SimpleNamespace(boxes={bytes.fromhex(GROUP): BOX}))
    assert await residents.is_shut_out(space, SimpleNamespace(boxes={b"x" * 16: BOX}))


# Who came and went in a group


def keys(*names, fresh=(), administrators=("ann",), own_leaf=0):
    leaves = [
        (index, SimpleNamespace(encryption_key=name, source=LeafSource.KEY_PACKAGE if name in fresh else None))
        for index, name in enumerate(names)
    ]
    return SimpleNamespace(
        tree=SimpleNamespace(members=lambda: leaves),
        members=lambda: [(index, name.split("'")[0]) for index, name in enumerate(names)],
        policy=SimpleNamespace(administrators=administrators),
        own_leaf=own_leaf,
    )


def move(old, new, committer=1, went=()):
    put = moved(GROUP, old, new, committer, went, SimpleNamespace(seq=7))
    return None if put is None else {name: put.doc[name] for name in ("seq", "came", "gone", "went", "is_mine")}


def test_a_change_of_keys_in_which_nobody_came_or_went_moves_nothing():
    assert move(keys("ann", "ben"), keys("ann'", "ben")) is None


def test_a_device_that_came_is_noted_by_who_let_it_in():
    came = {"seq": 7, "came": True, "gone": False, "went": [], "is_mine": False}
    old, new = keys("ann"), keys("ann", "ben", fresh=("ben",))
    assert move(old, new) == came
    assert move(old, new, committer=0) == came | {"is_mine": True}


def test_a_device_that_comes_back_under_its_name_has_come():
    assert move(keys("ann", "ben"), keys("ann", "ben'", fresh=("ben'",)))["came"]


def test_whoever_was_fresh_before_comes_once():
    assert move(keys("ann", "ben", fresh=("ben",)), keys("ann'", "ben", fresh=("ben",))) is None


def test_who_is_out_is_noted_by_name():
    out = {"seq": 7, "came": False, "gone": True, "went": ["Ben"], "is_mine": False}
    assert move(keys("ann", "ben"), keys("ann"), went=("Ben",)) == out


def test_others_who_look_after_the_group_are_noted_though_nobody_came_or_went():
    noted = move(keys("ann", "ben"), keys("ann", "ben", administrators=("ann", "ben")))
    assert noted == {"seq": 7, "came": False, "gone": False, "went": [], "is_mine": False}
