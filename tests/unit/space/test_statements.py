"""What members say to each other of a space: what is read is what was said, and half of it is nothing."""

from dataclasses import replace

import pytest

from companion.errors import MessageRejected
from companion.space.keys import BOOK, SHELF
from companion.space.statements import (
    ENTRY,
    KEY,
    LINKS_LIMIT,
    STEWARDS,
    Entry,
    Statement,
    Way,
    read_said,
    read_statement,
    said_doc,
)
from tests.unit.space.people import ANN, BEN, BOX, GROUP, SPACE, Somebody

WAY = Way(first="f" * 64, reads={BOOK: 1, SHELF: 2}, service="https://relay.example")
NEWEST = Statement(space=SPACE.hex(), generation=2, n=2, key=b"k" * 32, stewards=b"s" * 32, way=WAY)
NEXT = replace(NEWEST, way=None)
OF_CIRCLE = replace(NEWEST, stewards=b"", is_circle=True)
MEMBER = Statement(space=SPACE.hex(), member=ANN.key, proof=b"p" * 64)
ASKS = Statement(space=SPACE.hex(), asks=KEY)
SECRET = Statement(space=SPACE.hex(), secret=b"s" * 32)
BRINGS = Statement(space=SPACE.hex(), entry=Entry(group=GROUP, box=BOX, links=(ANN.key, BEN.key)), is_circle=True)


@pytest.mark.parametrize(
    "said",
    [
        NEWEST,
        NEXT,
        OF_CIRCLE,
        replace(OF_CIRCLE, way=None),
        MEMBER,
        ASKS,
        replace(ASKS, space=""),
        replace(ASKS, asks=STEWARDS),
        replace(ASKS, asks=ENTRY, is_circle=True),
        SECRET,
        BRINGS,
    ],
)
def test_what_was_said_is_read_as_it_was_meant(said):
    assert read_statement(said.to_content()) == said


@pytest.mark.parametrize(
    "content",
    [
        {"kind": "space", "space": SPACE.hex()},
        {"kind": "stewards", "space": SPACE.hex()},
        replace(NEXT, stewards=b"").to_content(),
        replace(NEXT, key=b"").to_content(),
        replace(OF_CIRCLE, stewards=b"s" * 32).to_content(),
        replace(MEMBER, proof=b"").to_content(),
        replace(MEMBER, member=b"").to_content(),
        ASKS.to_content() | {"way": {"first": "f" * 64, "reads": {BOOK: 0, SHELF: 0}}},
        replace(ASKS, asks="all").to_content(),
        replace(ASKS, space="", asks=STEWARDS).to_content(),
        replace(NEXT, space="").to_content(),
        replace(NEXT, key=b"k" * 31).to_content(),
        replace(NEXT, stewards=b"s" * 33).to_content(),
        replace(MEMBER, member=ANN.key[:31]).to_content(),
        replace(MEMBER, proof=b"p" * 63).to_content(),
        replace(MEMBER, proof=b"p" * 32).to_content(),
        replace(SECRET, secret=b"s" * 31).to_content(),
        NEXT.to_content() | {"key": 7},
    ],
)
def test_half_of_what_is_said_is_refused(content):
    with pytest.raises(MessageRejected):
        read_statement(content)


@pytest.mark.parametrize("other", [NEXT, MEMBER, ASKS, BRINGS])
def test_what_all_have_to_know_is_not_said_to_some_alone(other):
    content = SECRET.to_content() | {k: v for k, v in other.to_content().items() if k != "kind"}
    with pytest.raises(MessageRejected, match="some alone"):
        read_statement(content)


def test_a_secret_that_is_said_to_all_is_not_taken_for_one():
    assert read_statement(MEMBER.to_content() | {"secret": "ab" * 32}).secret == b""


@pytest.mark.parametrize(
    "way",
    [
        replace(WAY, reads={BOOK: 3, SHELF: 0}),
        replace(WAY, reads={BOOK: 0, SHELF: 3}),
        replace(WAY, reads={BOOK: 0, SHELF: -1}),
        replace(WAY, reads={BOOK: 0}),
        replace(WAY, first="f" * 62),
        replace(WAY, service="https://relay.example\n"),
        replace(WAY, service="s" * 301),
    ],
)
def test_a_way_that_leads_nowhere_is_refused(way):
    with pytest.raises(MessageRejected):
        read_statement(replace(NEWEST, way=way).to_content())


@pytest.mark.parametrize("key", [0, NEWEST.n])
def test_a_log_may_be_opened_by_any_key_up_to_the_newest(key):
    way = replace(WAY, reads={BOOK: key, SHELF: key})
    assert read_statement(replace(NEWEST, way=way).to_content()).way == way


@pytest.mark.parametrize(
    "entry",
    [
        Entry(group=GROUP, box=bytes(32), links=(ANN.key,)),
        Entry(group=GROUP, box=BOX, links=(ANN.key, ANN.key)),
        Entry(group=GROUP, box=BOX, links=tuple(Somebody().key for _ in range(LINKS_LIMIT + 1))),
        Entry(group="11", box=BOX, links=(ANN.key,)),
    ],
)
def test_a_group_that_nothing_could_be_sealed_to_does_not_come(entry):
    with pytest.raises(MessageRejected):
        read_statement(replace(BRINGS, entry=entry).to_content())


@pytest.mark.parametrize("value", ["yes", 1, [True]])
def test_only_what_says_so_is_of_a_circle(value):
    assert not read_statement(MEMBER.to_content() | {"circle": value}).is_circle


def test_a_way_into_a_group_s_own_space_names_no_service():
    content = replace(NEWEST, way=replace(WAY, service="")).to_content()
    del content["way"]["service"]
    assert read_statement(content).way.service == ""


@pytest.mark.parametrize("is_carer", [True, False])
def test_in_its_place_it_is_of_who_said_it_and_of_whether_they_looked_after_the_group(is_carer):
    doc = said_doc(GROUP, 7, "ann", NEWEST.to_content(), is_carer=is_carer)
    said = read_said(doc)
    assert (said.group, said.seq, said.person, said.is_carer) == (GROUP, 7, "ann", is_carer)
    assert said.statement == NEWEST
