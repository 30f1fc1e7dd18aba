"""Direct lines and a power cut: whatever commit was the last, one line comes of it, with what was said in it."""

import pytest

from companion.errors import StoreError
from companion.ports import Change
from tests.fake_store import FakeStore
from tests.fakes import PASSPHRASE, Desk, deliver, make_pair
from tests.unit.app.groups.conftest import core, person, said


class CutStore(FakeStore):
    """Loses its power after a number of commits, until it is opened again."""

    commits_left: int | None = None

    async def commit(self, change: Change) -> None:
        if self.commits_left == 0:
            raise StoreError("no power")
        if self.commits_left is not None:
            self.commits_left -= 1
        await super().commit(change)


async def new_desk(name, relay=None):
    desk = Desk(name, *([] if relay is None else [relay]))
    desk.vault.store = CutStore(desk.vault.calls)
    return await desk.set_up()


async def through_a_cut(desk, job):
    """Do it; where the power goes, begin anew on what was kept and do it once more."""
    try:
        return await job()
    except StoreError:
        desk.companion.opened = None
        desk.network.sides.clear()
        desk.vault.store.commits_left = None
        await desk.companion.unlock(passphrase=PASSPHRASE)
        return await job()


async def one_line(one, other):
    found = [g for g in await core(one).groups.groups() if g.is_pair and g.state == "member" and not g.awaits_peer]
    assert [g.peer.person for g in found] == [person(other)]
    return found[0].id


@pytest.mark.parametrize("commits", range(6))
@pytest.mark.parametrize("which", [0, 1])
async def test_a_cut_between_any_two_steps_of_asking_and_answering_costs_nothing(which, commits):
    ann = await new_desk("Ann Lee")
    ben = await new_desk("Ben Okri", ann.relay)
    await make_pair(ann, ben)
    desk = (ann, ben)[which]
    desk.vault.store.commits_left = commits

    async def ask():
        pair = await core(ann).pairs.open(person(ben))
        if not await core(ann).chat.waiting(pair.id):
            await core(ann).chat.post(pair.id, "Are you there?")

    async def answer():
        for wanted in await core(ben).pairs.wanted():
            await core(ben).pairs.accept(wanted.request.person)

    async def send():
        await deliver(ann, ben)
        ann.clock.move(10_000)
        await core(ann).due.run()
        await deliver(ann, ben)

    for job in (ask, send, answer, send, send):
        await through_a_cut(desk, job)
    pair = await one_line(ann, ben)
    assert await one_line(ben, ann) == pair
    assert await said(ben, pair) == [("Ann Lee", "Are you there?")]


@pytest.mark.parametrize("commits", range(8))
@pytest.mark.parametrize("which", [0, 1])
async def test_a_cut_while_both_ask_leaves_one_line(which, commits):
    ann = await new_desk("Ann Lee")
    ben = await new_desk("Ben Okri", ann.relay)
    await make_pair(ann, ben)
    desk = (ann, ben)[which]
    desk.vault.store.commits_left = commits
    jobs = [
        lambda: core(ann).pairs.open(person(ben)),
        lambda: core(ben).pairs.open(person(ann)),
        *[lambda: deliver(ann, ben, rounds=1)] * 4,
        lambda: deliver(ann, ben),
    ]
    for job in jobs:
        await through_a_cut(desk, job)
    desk.vault.store.commits_left = None
    await deliver(ann, ben)
    assert await one_line(ann, ben) == await one_line(ben, ann)
