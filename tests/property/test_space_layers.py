"""A mapping in layers is what a dict would be, whatever is added, and what it was before stays."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from companion.space.layers import Layers

entries = st.dictionaries(st.integers(0, 30), st.integers(), max_size=8)


@given(st.lists(entries, max_size=12))
def test_it_holds_what_a_dict_would_hold(added):
    layers, plain, states = Layers(), {}, []
    for more in added:
        layers, plain = layers.also(more), plain | more
        states.append((layers, plain))
    for state, expected in states:
        assert dict(state) == expected
        assert len(state) == len(expected)
        assert all(state.get(key) == expected.get(key) for key in range(31))


@given(st.lists(entries.filter(bool), max_size=40))
def test_each_layer_is_more_than_twice_as_large_as_the_next(added):
    layers = Layers()
    for more in added:
        layers = layers.also(more)
    sizes = [len(layer) for layer in layers._layers]
    assert all(size > 2 * after for size, after in pairwise(sizes))


def test_what_is_added_to_many_leaves_them_where_they_are():
    """A long book would else be copied for each of its items."""
    many = Layers().also(dict.fromkeys(range(1_000)))
    assert many.also({1_000: None})._layers[0] is many._layers[0]
