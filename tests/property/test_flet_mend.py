"""The mended Flet says, sends and changes the same as the original, for any tree and any edit."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.property.flet_scripts import Maker
from tests.property.flet_world import play
from views import flet_mend


@settings(max_examples=150, deadline=None)
@example(27, 6, 2)  # the original names three removed controls twice
@example(1215, 10, 2)
@given(st.integers(0, 2**32), st.integers(1, 25), st.integers(1, 6))
def test_mended_and_original_flet_do_the_same(seed, size, length):
    maker = Maker(seed, size)
    before, rendered, script = maker.tree(), maker.tree(), maker.script(length)
    original = play(before, rendered, script)
    undo = flet_mend.apply()
    try:
        mended = play(before, rendered, script)
    finally:
        undo()
    assert mended == original
