"""A clock that jumps anywhere and comes back costs nothing: no word, no longer lock-out, and every timer ends.

The device lives through any mix of time that passes, jumps of its clock and restarts of the app; true time is known
to the test alone.
"""

import asyncio
from collections.abc import Awaitable, Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from companion.app.chat.chatting import UNDO_MS, Ways
from companion.app.tries import Tries
from companion.chat.agreement import Agreement
from companion.errors import WrongKey
from companion.times import DAY_MS, HOUR_MS, MINUTE_MS, SLACK_MS, Sure
from companion.unlocking import LONGEST_WAIT_MS, Attempts
from services.autolock import AutoLock
from tests.clocks import JumpingClock, OwnDesk
from tests.fakes import PASSPHRASE, FakeTries, deliver, make_pair

YEAR_MS = 365 * DAY_MS
FAR = st.integers(-20 * YEAR_MS, 20 * YEAR_MS)
JUMPS = st.one_of(FAR, st.sampled_from([-YEAR_MS, -DAY_MS, -HOUR_MS, -MINUTE_MS, MINUTE_MS, HOUR_MS, DAY_MS, YEAR_MS]))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("pass"), st.integers(0, HOUR_MS)),
        st.tuples(st.just("jump"), JUMPS),
        st.tuples(st.just("restart"), st.just(0)),
    ),
    max_size=6,
)
Step = tuple[str, int]
FEW = settings(max_examples=40, deadline=None)


async def live(desk: OwnDesk, steps: list[Step], *, comes_back: bool = True) -> None:
    """Let it happen; at the end the clock is as far off as it was at the beginning."""
    off_ms = 0
    for kind, ms in steps:
        if kind == "pass":
            desk.wait(ms)
            await desk.companion.opened.due.run()
        elif kind == "jump":
            desk.clock.jump(ms)
            off_ms += ms
        else:
            await desk.companion.lock()
            desk.clock.restart()
            await desk.companion.unlock(passphrase=PASSPHRASE)
    if comes_back:
        desk.clock.jump(-off_ms)


async def pair() -> tuple[OwnDesk, OwnDesk, str]:
    hazel = await OwnDesk("Hazel Ford").set_up()
    jay = await OwnDesk("Jay Thistle", hazel.relay).set_up()
    group = await make_pair(hazel, jay)
    await deliver(hazel, jay)
    return hazel, jay, group


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(test())  # type: ignore[arg-type]  # a coroutine


@given(
    steps=st.lists(st.tuples(st.sampled_from(("jump", "restart", "try")), JUMPS), max_size=12),
    wrong=st.integers(0, 30),
)
def test_no_lock_out_is_longer_than_the_honest_one(steps: list[Step], wrong: int) -> None:
    async def lives() -> None:
        clock, counter = JumpingClock(), FakeTries()
        counter.attempts = Attempts(wrong=wrong, last_ms=clock.now_ms())
        tries = Tries(counter, clock)
        for kind, ms in steps:
            if kind == "jump":
                clock.jump(ms)
            elif kind == "restart":
                clock.restart()
                tries = Tries(counter, clock)
            else:
                try:
                    async with tries.one():
                        raise WrongKey("no")
                except WrongKey:
                    pass
        assert (await tries.so_far())[1] <= LONGEST_WAIT_MS
        clock.move(LONGEST_WAIT_MS)
        async with tries.one():
            pass

    run(lives)


@given(jumps=st.lists(st.tuples(JUMPS, st.integers(0, 10 * MINUTE_MS)), max_size=8))
def test_the_lock_falls_when_its_minutes_are_over_and_not_before(jumps: list[tuple[int, int]]) -> None:
    class App:
        last_used_ms = 0
        has_keys = True
        opened = None

    async def lives() -> None:
        clock, unused_ms = JumpingClock(), 0
        lock = AutoLock(App(), clock)  # type: ignore[arg-type]  # as much of it as the lock looks at
        for jump_ms, passed_ms in jumps:
            clock.jump(jump_ms)
            clock.move(passed_ms)
            unused_ms += passed_ms
        assert (lock.left_ms() <= 0) == (unused_ms >= 5 * MINUTE_MS)

    run(lives)


@FEW
@given(steps=STEPS)
def test_every_pause_ends_when_its_time_has_passed(steps: list[Step]) -> None:
    async def lives() -> None:
        hazel, _, group = await pair()
        await hazel.companion.opened.attention.set_in_clinic(HOUR_MS)
        await hazel.companion.opened.attention.mute(group, HOUR_MS)
        await live(hazel, steps)
        hazel.wait(HOUR_MS + SLACK_MS)
        attention = hazel.companion.opened.attention
        assert not await attention.is_in_clinic()
        assert not attention.is_muted(await attention.wishes(group))

    run(lives)


@FEW
@given(steps=STEPS, hold_ms=st.sampled_from((UNDO_MS, HOUR_MS)))
def test_every_held_message_goes_and_none_is_lost(steps: list[Step], hold_ms: int) -> None:
    async def lives() -> None:
        hazel, jay, group = await pair()
        await hazel.companion.opened.chat.post(group, "Not to be lost", Ways(hold_ms=hold_ms))
        await live(hazel, steps)
        hazel.wait(hold_ms + SLACK_MS)
        await hazel.companion.opened.due.run()
        await deliver(hazel, jay)
        texts = [one.text for one in await jay.companion.opened.chat.messages(group) if one.kind == "message"]
        assert texts == ["Not to be lost"]

    run(lives)


@FEW
@given(steps=STEPS)
def test_no_word_goes_before_the_time_that_was_agreed(steps: list[Step]) -> None:
    async def lives() -> None:
        hazel, jay, group = await pair()
        await hazel.companion.opened.agreements.put_forward(Agreement(group=group, keep_days=30))
        await deliver(hazel, jay)
        hazel.wait(2 * DAY_MS)
        jay.clock.move(2 * DAY_MS)
        await hazel.companion.opened.chat.post(group, "Not to be lost")
        await deliver(hazel, jay)
        await live(jay, steps)
        texts = [one.text for one in await jay.companion.opened.chat.messages(group) if one.kind == "message"]
        assert texts == ["Not to be lost"]

    run(lives)


@FEW
@given(steps=STEPS)
def test_a_check_in_is_due_after_a_week_at_the_latest(steps: list[Step]) -> None:
    async def lives() -> None:
        hazel = await OwnDesk().set_up()
        await live(hazel, steps, comes_back=False)
        await hazel.companion.opened.today.check_in(3)
        off_ms = hazel.relay.clock.now_ms() - hazel.clock.now_ms()
        hazel.clock.jump(off_ms)
        is_due = await hazel.companion.opened.today.check_in_due()  # at once, if the answer lies ahead
        hazel.wait(7 * DAY_MS + SLACK_MS)
        assert is_due or await hazel.companion.opened.today.check_in_due()

    run(lives)


@given(
    looks=st.lists(
        st.tuples(st.booleans(), st.integers(0, 3 * DAY_MS), JUMPS, st.booleans()),
        max_size=40,
    )
)
def test_the_certain_time_is_never_ahead_of_the_clock_and_jumps_bring_it_no_further(
    looks: list[tuple[bool, int, int, bool]],
) -> None:
    """`is_watched`, what passes, by how much the clock jumps at once, and whether it jumps."""
    clock_ms = true_ms = 1_796_000_000_000
    sure, worst_ms = Sure(sure_ms=clock_ms).looked(clock_ms, None), 0
    for is_watched, passed_ms, jump_ms, jumps in looks:
        true_ms += passed_ms
        clock_ms = max(0, clock_ms + passed_ms + (jump_ms if jumps else 0))
        worst_ms = max(worst_ms, clock_ms - true_ms)
        sure = sure.looked(clock_ms, passed_ms if is_watched else None)
        assert sure.sure_ms <= clock_ms
        assert sure.sure_ms <= true_ms + worst_ms
