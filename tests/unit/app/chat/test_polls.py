"""Polls, open and secret."""

import pytest

from companion.chat.polls import results
from companion.errors import UsageError
from tests.fakes import Desk, deliver
from tests.unit.app.chat.talk import HOUR_MS, core, forge, make_six, only


async def test_an_open_poll_shows_results_to_those_who_answered(hazel: Desk, jay: Desk, group: str) -> None:
    poll = await core(hazel).polls.ask(group, "Tuesday?", ("Yes", "No"), is_secret=False)
    await deliver(hazel, jay)
    names = {core(jay).me.person: "Jay"}
    now = hazel.clock.now_ms()
    shown = (await only(hazel, group)).poll
    assert shown is not None
    assert results(shown, names, now).counts is None
    for desk, option in ((hazel, 0), (jay, 1), (jay, 0)):
        await core(desk).polls.vote(group, poll.id, option)
    await deliver(hazel, jay)
    shown = (await only(hazel, group)).poll
    assert shown is not None
    assert results(shown, names, now).counts == (2, 0)
    assert results(shown, names, now).names[0] == ("Jay",)
    await core(hazel).polls.close(group, poll.id)
    await deliver(hazel, jay)
    with pytest.raises(UsageError):
        await core(jay).polls.vote(group, poll.id, 1)


@pytest.mark.parametrize(("voters", "reason", "counts"), [(5, "", (5, 0)), (4, "few", None)])
async def test_a_secret_poll_tells_numbers_when_it_closes_and_not_under_five(
    hazel: Desk, jay: Desk, voters: int, reason: str, counts: tuple[int, ...] | None
) -> None:
    group, desks = await make_six(hazel, jay)
    closes = hazel.clock.now_ms() + HOUR_MS
    poll = await core(hazel).polls.ask(group, "Are you well?", ("Yes", "No"), is_secret=True, closes_ms=closes)
    await deliver(*desks)
    for desk in desks[:voters]:
        await core(desk).polls.vote(group, poll.id, 0)
    await deliver(*desks)
    person = core(jay).me.person
    for desk in (hazel, *desks[2:]):
        kept = (await only(desk, group)).poll
        assert kept is not None
        assert results(kept, {}, hazel.clock.now_ms()).reason == "secret"
        if desk is not hazel:
            assert person not in str(kept)
    hazel.clock.move(HOUR_MS)
    assert await core(hazel).due.next_ms() <= hazel.clock.now_ms()
    await core(hazel).due.run()
    await deliver(*desks)
    for desk in desks:
        kept = (await only(desk, group)).poll
        assert kept is not None
        told = results(kept, {}, hazel.clock.now_ms())
        assert (told.reason, told.counts, told.is_closed) == (reason, counts, True)


async def test_only_who_asked_closes(hazel: Desk, jay: Desk, group: str) -> None:
    poll = await core(hazel).polls.ask(group, "Tuesday?", ("Yes", "No"), is_secret=False)
    await deliver(hazel, jay)
    with pytest.raises(UsageError):
        await core(jay).polls.close(group, poll.id)
    await forge(jay, hazel, group, {"kind": "close", "id": poll.id})
    assert (await only(hazel, group)).poll["is_closed"] is False
