"""Who is believed where keys turn, whose secret counts, and where keepers come from: read from the book, without a
service.
"""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from companion.app.spaces.desk import Landed, Unknown
from companion.app.together.books import ITEMS, Books
from companion.app.together.circle import CircleResidents, StewardsOf
from companion.app.together.residents import GroupResidents
from companion.app.together.rows import ToldKey, secret_put
from companion.crypto.primitives import random_bytes
from companion.errors import MessageRejected
from companion.ports import Change, Put
from companion.space.book import group_content, roll_content, steward_content, with_turn
from companion.space.keys import BOOK, SHELF, circle_stewards, group_box, keeper, member_key, steward_key
from companion.space.place import CIRCLE, GROUP, Space
from companion.space.saying import TURN
from companion.space.statements import digest
from companion.space.turns import open_turn, seal_turn
from tests.fake_store import FakeStore
from tests.unit.space.people import ANN, BEN, BOX, CAT, DEE, EVE, OTHER_GROUP, SPACE, founded, with_group
from tests.unit.space.people import GROUP as MINE

MY_SECRET, FORMER, SECRET, OTHER_SECRET = (bytes([n]) * 32 for n in range(1, 5))
KEYS = (b"k" * 32, b"l" * 32, b"m" * 32)
OWN_KEYS = (b"o" * 32, b"p" * 32)
SPACE_OF = Space(id=SPACE.hex(), kind=GROUP, service="local", keys=KEYS[:2], of=MINE)
OF_CIRCLE = replace(SPACE_OF, kind=CIRCLE, of="", through=(MINE,))
OWN = Space(id="aa" * 16, kind=GROUP, service="local", keys=OWN_KEYS, of=MINE)
FOREIGN = Space(id="bb" * 16, kind=GROUP, service="local", keys=KEYS[:1], of=OTHER_GROUP)


class Read(Books):
    """A book as it was read, whoever asks."""

    def __init__(self, book):
        self.book = book

    async def now(self, space, documents=None):
        return self.book

    async def before(self, space, seq, documents):
        return self.book


def world(book=None, *, waiting=(), spaces=(OWN, FOREIGN)):
    store = FakeStore([])

    async def everything():
        return (MY_SECRET, FORMER)

    async def get(id):
        return next((one for one in spaces if one.id == id), None)

    async def all():
        return spaces

    async def said(space, log=""):
        return waiting

    desk = SimpleNamespace(spaces=SimpleNamespace(get=get, all=all), said=said)
    context, secrets, held = SimpleNamespace(store=store), SimpleNamespace(all=everything), Read(book)
    group = GroupResidents(context, None, held, secrets)
    return store, group, CircleResidents(context, desk, None, held, secrets)


def turned(book):
    book.now = with_turn(book.now, book.now.seq + 1)
    return book


def turn(key=KEYS[2], n=1, boxes=None):
    log = SPACE_OF.log_id(BOOK)
    sealed = seal_turn(
        KEYS[n], n, key, space=SPACE, log=log, sign_private=ANN.private, at=1, boxes=boxes or {}, more=None
    )
    return open_turn(KEYS[n], log, sealed)


def told(key=KEYS[2], n=2, stewards=SECRET):
    of = bytes.fromhex(digest(stewards))
    return ToldKey(space=SPACE.hex(), n=n, key=key, stewards=of, seq=1, person="ann").put()


# Who may lead a log to the next key


async def test_who_stood_for_the_stewards_where_the_book_turned_leads_a_log():
    book = turned(with_group(members=(CAT,)))
    book.add(ANN, steward_content(EVE.key, is_on=True), n=1)
    store, residents, _ = world(book.now)
    assert await residents.may_lead(SPACE_OF, ANN.key, 1, store)
    assert not await residents.may_lead(SPACE_OF, EVE.key, 1, store)  # a steward now, and none where the book turned
    assert not await residents.may_lead(SPACE_OF, CAT.key, 1, store)
    with pytest.raises(Unknown):
        await residents.may_lead(SPACE_OF, ANN.key, 2, store)


async def test_the_people_of_the_stewards_group_lead_a_circle_s_log_and_those_of_no_other_group():
    book = with_group(members=(CAT,))
    assert book.add(ANN, group_content(OTHER_GROUP, is_on=True, box=BOX, links=[DEE.key]))
    turned(book)
    assert book.add(BEN, roll_content(MINE, on=[EVE.key]), n=1)
    store, _, residents = world(book.now)
    await first_item(store, OWN, 0)
    assert await residents.may_lead(OF_CIRCLE, CAT.key, 1, store)
    assert not await residents.may_lead(OF_CIRCLE, DEE.key, 1, store)
    turned(book)
    assert not await residents.may_lead(OF_CIRCLE, EVE.key, 1, store)  # who came after the book had turned
    residents._books.book = book.now
    assert not await residents.may_lead(OF_CIRCLE, EVE.key, 1, store)
    assert await residents.may_lead(OF_CIRCLE, EVE.key, 2, store)


@pytest.mark.parametrize("said", [None, FOREIGN])
async def test_whether_others_than_stewards_lead_is_open_until_the_stewards_group_is_known_and_in_the_book(said):
    book = turned(with_group(members=(CAT,)))
    store, _, residents = world(book.now)
    if said is not None:
        await first_item(store, said, 0)
    assert await residents.may_lead(OF_CIRCLE, ANN.key, 1, store)
    with pytest.raises(Unknown):
        await residents.may_lead(OF_CIRCLE, CAT.key, 1, store)


# Which key a turn turned to


async def test_a_key_that_was_told_counts_only_for_the_turn_that_turns_to_it():
    store, residents, _ = world()
    await store.commit(Change(put=(told(random_bytes(32)), told(n=3))))
    assert await residents.key_of(SPACE_OF, turn(), store) is None
    await store.commit(Change(put=(told(),)))
    assert await residents.key_of(SPACE_OF, turn(), store) == KEYS[2]


@pytest.mark.parametrize("key", OWN_KEYS)
async def test_a_circle_s_box_opens_by_any_key_that_the_group_s_own_space_ever_had(key):
    store, _, residents = world()
    boxes = {bytes.fromhex(MINE): group_box(key)[1]}
    assert await residents.key_of(OF_CIRCLE, turn(boxes=boxes), store) == KEYS[2]


async def test_a_circle_s_box_does_not_open_by_the_key_of_another_group():
    store, _, residents = world()
    boxes = {bytes.fromhex(MINE): group_box(KEYS[0])[1]}
    assert await residents.key_of(OF_CIRCLE, turn(boxes=boxes), store) is None


async def test_where_no_box_opens_what_was_told_in_a_group_counts():
    store, _, residents = world()
    await store.commit(Change(put=(told(),)))
    assert await residents.key_of(OF_CIRCLE, turn(), store) == KEYS[2]


# Whose secret counts


async def test_a_secret_counts_for_the_key_that_its_holder_turned_to_whoever_stands_in_the_book_since():
    first, second = (steward_key(one, SPACE)[1] for one in (SECRET, OTHER_SECRET))
    book = turned(founded(SimpleNamespace(key=first), ANN))
    store, residents, _ = world(book.now)
    await store.commit(Change(put=(secret_put(OTHER_SECRET), secret_put(SECRET))))
    for n, key in ((1, first), (2, second)):
        doc = {"_id": f"{SPACE_OF.id}:{90 + n}", "space": SPACE_OF.id, "seq": 90 + n, "is_turn": True}
        await store.commit(Change(put=(Put(ITEMS, doc | {"n": n - 1, "signer": key.hex()}),)))
    for n, secret in ((0, SECRET), (1, SECRET), (2, OTHER_SECRET)):
        space = await residents.with_secret(SPACE_OF, n, book.now, store)
        assert space.stewards == {n: secret}


async def test_with_a_turn_comes_the_secret_of_its_key_and_the_told_keys_that_are_over_go():
    book = turned(founded(SimpleNamespace(key=steward_key(SECRET, SPACE)[1])))
    store, residents, _ = world(book.now)
    residents._books._folded = {}
    over, newest = told(KEYS[0], 0), told(KEYS[1], 1)
    await store.commit(Change(put=(secret_put(SECRET), over, newest)))
    space, change = await residents.turned(
        SPACE_OF, replace(turn(KEYS[1], 0), signer=steward_key(SECRET, SPACE)[1]), 2, store
    )
    assert space.stewards == {1: SECRET}
    assert [put.doc["is_turn"] for put in change.put] == [True]
    assert [drop.id for drop in change.drop] == [over.doc["_id"]]


async def test_a_secret_that_stood_nowhere_counts_for_nothing():
    book = founded(ANN)
    store, residents, circle = world(book.now)
    await store.commit(Change(put=(secret_put(SECRET),)))
    assert (await residents.with_secret(SPACE_OF, 0, book.now, store)).stewards == {}
    assert await circle.with_secret(OF_CIRCLE, 0, book.now, store) == OF_CIRCLE


async def test_a_device_signs_for_itself_and_with_secrets_that_it_was_told_and_as_nobody_else():
    store, residents, _ = world()
    await store.commit(Change(put=(secret_put(SECRET),)))
    mine, former = (member_key(one, SPACE) for one in (MY_SECRET, FORMER))
    steward, other = (steward_key(one, SPACE) for one in (SECRET, OTHER_SECRET))
    assert await residents.sign_private(SPACE_OF) == mine[0]
    for private, public in (mine, former, steward):
        assert await residents.sign_private(SPACE_OF, public) == private
    assert await residents.sign_private(SPACE_OF, other[1]) is None
    assert await residents.member_keys(SPACE_OF) == (mine[1], former[1])
    assert await residents.one_of_mine(SPACE_OF, {former[1], mine[1]}) == mine[1]
    assert await residents.one_of_mine(SPACE_OF, {other[1]}) == b""


async def test_only_a_secret_that_stands_in_the_book_takes_others_off():
    book = founded(SimpleNamespace(key=steward_key(SECRET, SPACE)[1]))
    store, residents, _ = world()
    assert await residents.cares_as(SPACE_OF, book.now, MINE) == b""
    await store.commit(Change(put=(secret_put(OTHER_SECRET), secret_put(SECRET))))
    assert await residents.cares_as(SPACE_OF, book.now, MINE) == steward_key(SECRET, SPACE)[1]
    assert await residents.cares_as(SPACE_OF, founded(ANN).now, MINE) == b""


async def test_in_a_circle_stewards_and_those_who_brought_the_group_take_others_off():
    mine, former = (SimpleNamespace(key=member_key(one, SPACE)[1]) for one in (MY_SECRET, FORMER))
    _, _, residents = world()
    cares = residents.cares_as
    assert await cares(OF_CIRCLE, with_group(links=(mine,)).now, MINE) == mine.key
    assert await cares(OF_CIRCLE, with_group(stewards=(ANN, former)).now, MINE) == former.key
    assert await cares(OF_CIRCLE, with_group(members=(mine,)).now, MINE) == b""


# Where keepers come from


def named(own, n):
    return StewardsOf(group=own.of, space=own.id, n=n).to_content()


async def first_item(store, own, n):
    await store.commit(Change(put=(item(1, content=named(own, n)),)))


def item(seq, *, content, is_turn=False, n=0, space=SPACE_OF.id):
    doc = {"_id": f"{space}:{seq}", "_v": 1, "space": space, "seq": seq, "is_turn": is_turn, "n": n}
    return Put(ITEMS, doc | {"content": content})


def circle_keeper(key, log=SHELF):
    return keeper(circle_stewards(key, SPACE), OF_CIRCLE.log_id(log)).hex()


async def test_a_group_s_keeper_follows_from_the_secret_of_that_key_alone():
    _, residents, _ = world()
    space = replace(SPACE_OF, stewards={1: SECRET})
    both = replace(SPACE_OF, stewards={0: OTHER_SECRET, 1: SECRET})
    assert await residents.next_keeper(both, SHELF, KEYS[1]) == keeper(SECRET, space.log_id(SHELF)).hex()
    assert await residents.keeper(space, SHELF, 1) == keeper(SECRET, space.log_id(SHELF)).hex()
    assert await residents.keeper(space, SHELF, 0) is None
    assert await residents.turns_as(space, 1) == steward_key(SECRET, SPACE)[1]
    assert await residents.turns_as(space, 0) == b""
    assert await residents.next_keeper(space, SHELF, KEYS[1]) == keeper(SECRET, space.log_id(SHELF)).hex()


async def test_the_keeper_that_comes_next_follows_from_the_secret_that_was_told_with_the_next_key():
    store, residents, _ = world()
    await store.commit(Change(put=(told(KEYS[0], 9, OTHER_SECRET), told(), secret_put(OTHER_SECRET))))
    assert await residents.next_keeper(SPACE_OF, SHELF, KEYS[2]) is None
    await store.commit(Change(put=(secret_put(SECRET),)))
    assert await residents.next_keeper(SPACE_OF, SHELF, KEYS[2]) == keeper(SECRET, SPACE_OF.log_id(SHELF)).hex()


async def test_a_circle_s_keepers_follow_from_the_key_that_its_first_item_and_each_turn_name():
    store, _, residents = world()
    await store.commit(Change(put=(item(1, content=named(FOREIGN, 0), space="cc" * 16),)))
    await first_item(store, OWN, 0)
    await store.commit(
        Change(
            put=(
                item(2, content=named(FOREIGN, 0)),
                item(3, content=named(OWN, 1), is_turn=True),
                item(4, content=named(FOREIGN, 0), is_turn=True, n=1),
            )
        )
    )
    assert await residents.keeper(OF_CIRCLE, SHELF, 0) == circle_keeper(OWN_KEYS[0])
    assert await residents.keeper(OF_CIRCLE, SHELF, 1) == circle_keeper(OWN_KEYS[1])
    assert await residents.keeper(OF_CIRCLE, SHELF, 2) == circle_keeper(FOREIGN.keys[0])
    assert await residents.keeper(OF_CIRCLE, SHELF, 3) is None
    assert await residents.next_keeper(OF_CIRCLE, SHELF, KEYS[1]) == circle_keeper(OWN_KEYS[1])
    assert await residents.stewards_of(OF_CIRCLE, 1) == StewardsOf(group=MINE, space=OWN.id, n=1)
    assert await residents.stewards_of(OF_CIRCLE, 3) is None
    assert await residents.turns_as(OF_CIRCLE, 1) == b""


async def test_a_circle_has_no_keeper_for_who_is_not_in_the_stewards_group_or_lacks_that_key():
    store, _, residents = world(spaces=(FOREIGN,))
    await first_item(store, OWN, 0)
    assert await residents.keeper(OF_CIRCLE, SHELF, 0) is None
    assert await residents.keeper(OF_CIRCLE, SHELF, 1) is None
    store, _, residents = world()
    await first_item(store, OWN, 9)
    assert await residents.keeper(OF_CIRCLE, SHELF, 0) is None


async def test_the_keeper_to_come_is_the_one_that_my_turn_on_its_way_names():
    def on_its_way(key, kind=TURN):
        return SimpleNamespace(kind=kind, key=key, content=named(OWN, 1))

    _, _, residents = world(waiting=(on_its_way(KEYS[2]),))
    assert await residents.next_keeper(OF_CIRCLE, SHELF, KEYS[2]) == circle_keeper(OWN_KEYS[1])
    _, _, residents = world(waiting=(on_its_way(KEYS[2], "item"), on_its_way(b"x" * 32)))
    assert await residents.next_keeper(OF_CIRCLE, SHELF, KEYS[2]) is None


async def test_before_its_first_item_stands_a_circle_s_keepers_follow_from_what_waits():
    first = SimpleNamespace(kind="item", key=b"", content=named(OWN, 1))
    _, _, residents = world(waiting=(SimpleNamespace(kind="create", key=b"", content={}), first))
    assert await residents.keeper(OF_CIRCLE, SHELF, 0) == circle_keeper(OWN_KEYS[1])
    assert await residents.keeper(OF_CIRCLE, SHELF, 1) is None


# How a book begins


@pytest.mark.parametrize(
    ("kind", "known", "is_taken"),
    [("first", "", True), ("first", "d" * 64, True), ("first", "e" * 64, False), ("steward", "", False)],
)
async def test_a_book_begins_with_the_first_item_that_it_is_known_by(kind, known, is_taken):
    store, residents, _ = world(founded(ANN).now)
    residents._books._folded = {}
    space, said = replace(SPACE_OF, first=known), ANN.says({"kind": kind})
    landed = Landed(log=BOOK, digest="d" * 64, seq=1, at_ms=0, item=said)
    if is_taken:
        assert (await residents.take(space, landed, store))[0].first == "d" * 64
    else:
        with pytest.raises(MessageRejected):
            await residents.take(space, landed, store)


# What comes onto a shelf


def on_shelf(who, at=None, content=None, n=0):
    said = who.says({"saw": {BOOK: ["0" * 32, at, "0" * 64], SHELF: ["0" * 32, 0, "0" * 64]}, **(content or {})}, n)
    return Landed(log=SHELF, digest="d" * 64, seq=7, at_ms=0, item=said)


@pytest.mark.parametrize(("who", "is_steward"), [(CAT, False), (ANN, True)])
async def test_what_somebody_says_who_belonged_stands_on_the_shelf(who, is_steward):
    book = with_group(members=(CAT,))
    store, residents, _ = world(book.now)
    _, change = await residents.take(SPACE_OF, on_shelf(who, book.now.seq), store)
    assert [(put.table, put.doc["seq"], put.doc["is_steward"]) for put in change.put] == [
        ("shelf_items", 7, is_steward)
    ]


async def test_what_somebody_says_who_did_not_belong_where_they_had_read_to_is_refused():
    book = with_group(members=(CAT,))
    store, residents, _ = world(book.now)
    for who, at in ((EVE, book.now.seq), (CAT, book.now.seq - 1)):
        with pytest.raises(MessageRejected, match="nobody who belongs"):
            await residents.take(SPACE_OF, on_shelf(who, at), store)
    with pytest.raises(Unknown):
        await residents.take(SPACE_OF, on_shelf(CAT, book.now.seq + 1), store)


@pytest.mark.parametrize(("log", "table"), [(BOOK, ITEMS), (SHELF, "shelf_items")])
async def test_of_a_log_that_was_cut_only_what_lies_beyond_is_forgotten(log, table):
    store, residents, _ = world(founded(ANN).now)
    residents._books._folded = {SPACE_OF.id: residents._books.book}
    places = [(SPACE_OF.id, 1), (SPACE_OF.id, 2), ("cc" * 16, 2)]
    for of in (ITEMS, "shelf_items"):
        docs = [{"_id": f"{space}:{seq}", "space": space, "seq": seq} for space, seq in places]
        await store.commit(Change(put=tuple(Put(of, doc) for doc in docs)))
    change = await residents.cut(SPACE_OF, log, 1)
    assert [(drop.table, drop.id) for drop in change.drop] == [(table, f"{SPACE_OF.id}:2")]
    assert residents._books._folded == {}
