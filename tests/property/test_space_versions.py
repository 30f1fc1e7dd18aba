"""Three devices of one person write, delete and choose apart, and hear each other in any order: all end up alike."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from companion.space.versions import History, merged, trimmed, with_version, written

DEVICES = ("aa" * 16, "bb" * 16, "cc" * 16)


@st.composite
def worlds(draw):
    """Return the versions of a world of three devices, and what each device knows at its end."""
    known = [History() for _ in DEVICES]
    versions, numbers = [], itertools.count(1)
    for _ in range(draw(st.integers(1, 14))):
        device = draw(st.integers(0, 2))
        if versions and draw(st.booleans()):
            known[device] = with_version(known[device], draw(st.sampled_from(versions)))
            continue
        number = next(numbers)
        body = None if draw(st.integers(0, 4)) == 0 else {"text": str(number)}
        at_ms = draw(st.integers(0, 5))
        version = written(known[device], id=f"{number:032x}", device=DEVICES[device], at_ms=at_ms, body=body)
        known[device] = with_version(known[device], version)
        versions.append(version)
    return versions, known


def after(versions):
    history = History()
    for version in versions:
        history = with_version(history, version)
    return history


@given(worlds(), st.data())
@settings(max_examples=150, deadline=None)
def test_any_order_and_any_repetition_come_to_the_same(world, data):
    versions, _ = world
    shuffled = data.draw(st.permutations(versions + versions[: len(versions) // 2]))
    assert after(shuffled) == after(versions)


@given(worlds())
@settings(max_examples=150, deadline=None)
def test_merging_is_commutative_associative_and_idempotent(world):
    _, (one, two, three) = world
    assert merged(one, two) == merged(two, one)
    assert merged(merged(one, two), three) == merged(one, merged(two, three))
    assert merged(one, one) == one


@given(worlds())
@settings(max_examples=150, deadline=None)
def test_nothing_causally_newest_is_lost_and_nothing_followed_stays(world):
    versions, _ = world
    everything = after(versions)
    followed = {name for version in versions for name in version.past}
    assert set(everything.newest) == {version.id for version in versions} - followed


@given(worlds())
@settings(max_examples=150, deadline=None)
def test_what_was_edited_beside_a_deletion_is_shown(world):
    versions, _ = world
    everything = after(versions)
    written_ones = [version for version in everything.newest.values() if version.body is not None]
    assert len(everything.shown) == len(written_ones)


@given(worlds(), st.data())
@settings(max_examples=100, deadline=None)
def test_versions_that_were_emptied_because_others_follow_are_not_missed(world, data):
    versions, _ = world
    newest = set(after(versions).newest)
    rest = [v for v in versions if v.id in newest or data.draw(st.booleans())]
    assert set(after(rest).newest) == newest


@given(worlds())
@settings(max_examples=100, deadline=None)
def test_once_everything_has_come_the_names_can_be_trimmed(world):
    versions, _ = world
    everything = after(versions)
    short = trimmed(everything)
    for version in everything.newest.values():
        assert with_version(short, version) == short
    last = written(short, id="f" * 32, device=DEVICES[0], at_ms=9, body={})
    assert set(with_version(short, last).newest) == {"f" * 32}
