"""A press is one act, whatever is pressed again while it is at work."""

import asyncio
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from views.parts.safe import STUCK_S, Presses, guarded


def pressed(target: int, name: str = "click") -> SimpleNamespace:
    return SimpleNamespace(target=target, name=name)


class Work:
    """Something that takes as long as the test wants."""

    def __init__(self) -> None:
        self.begun = 0
        self.may_end = asyncio.Event()

    async def __call__(self) -> None:
        self.begun += 1
        await self.may_end.wait()


async def test_a_second_press_does_nothing_while_the_first_is_at_work() -> None:
    work = Work()
    handler = guarded(work)
    running = asyncio.create_task(handler(pressed(1)))
    await asyncio.sleep(0)
    await handler(pressed(1))
    work.may_end.set()
    await running
    assert work.begun == 1


async def test_enter_and_the_button_that_do_the_same_are_one_press() -> None:
    work = Work()
    handler = guarded(work)
    running = asyncio.create_task(handler(pressed(1, "submit")))
    await asyncio.sleep(0)
    await handler(pressed(2, "click"))
    work.may_end.set()
    await running
    assert work.begun == 1


async def test_the_next_press_counts_when_the_first_has_ended() -> None:
    work = Work()
    work.may_end.set()
    handler = guarded(work)
    await handler(pressed(1))
    await handler(pressed(1))
    assert work.begun == 2


def test_the_control_after_a_rendering_is_the_same_control() -> None:
    presses = Presses()
    with presses.one(pressed(7), lambda: None) as first, presses.one(pressed(7), lambda: None) as second:
        assert (first, second) == (True, False)


def test_other_controls_go_on_working() -> None:
    presses = Presses()
    with presses.one(pressed(7), lambda: None) as first, presses.one(pressed(8), lambda: None) as second:
        assert (first, second) == (True, True)


def test_a_value_is_never_left_out() -> None:
    presses, handler = Presses(), lambda value: None
    with presses.one(pressed(7, "change"), handler), presses.one(pressed(7, "change"), handler) as is_taken:
        assert is_taken


def test_a_press_that_never_ends_frees_its_control_in_time() -> None:
    now_s = [0.0]
    presses = Presses(lambda: now_s[0])
    with presses.one(pressed(7), print):
        now_s[0] = STUCK_S - 0.1
        with presses.one(pressed(7), print) as is_early:
            assert not is_early
        now_s[0] = STUCK_S
        with presses.one(pressed(7), print) as is_late:
            assert is_late


def test_the_end_of_a_stuck_press_does_not_free_the_one_that_came_after_it() -> None:
    now_s = [0.0]
    presses = Presses(lambda: now_s[0])
    stuck = presses.one(pressed(7), print)
    stuck.__enter__()
    now_s[0] = STUCK_S
    with presses.one(pressed(7), print):
        stuck.__exit__(None, None, None)
        with presses.one(pressed(7), print) as is_first:
            assert not is_first


@given(st.lists(st.tuples(st.sampled_from("AB"), st.sampled_from(["press", "end"])), max_size=30))
def test_in_any_order_nothing_is_ever_at_work_twice(steps: list[tuple[str, str]]) -> None:
    presses = Presses()
    at_work: dict[str, object] = {}
    for control, step in steps:
        if step == "end" and control in at_work:
            at_work.pop(control).__exit__(None, None, None)  # type: ignore[attr-defined]  # a context manager
        elif step == "press":
            one = presses.one(pressed(ord(control)), control.lower)
            is_first = one.__enter__()
            assert is_first == (control not in at_work)
            if is_first:
                at_work[control] = one
            else:
                one.__exit__(None, None, None)
