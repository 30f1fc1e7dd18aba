"""Envelopes that wait for their keys: each group's own, in order, and one that cannot be read keeps no other away."""

from companion.app.groups.early import early, early_events
from companion.ports import RelayEvent


def event(group: str, seq: int) -> RelayEvent:
    return RelayEvent(group=group, seq=seq, cid=f"{seq:032x}", at_ms=5, body=b"sealed")


def test_a_group_gets_its_own_in_the_order_of_its_log() -> None:
    docs = tuple(early(one).doc for one in (event("a", 3), event("b", 2), event("a", 1)))
    assert early_events(docs, "a") == (event("a", 1), event("a", 3))


def test_one_that_cannot_be_read_is_left_out() -> None:
    whole = early(event("a", 1)).doc
    broken = [{**whole, "seq": "1"}, {**whole, "body": "?"}, {key: whole[key] for key in ("group", "seq")}]
    assert early_events((*broken, whole), "a") == (event("a", 1),)
