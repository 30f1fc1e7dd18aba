"""Direct lines over a real relay: asked and answered, kept for a year, and one of two when both ask."""

import contextlib
import sqlite3

from tests.integration.peers import Peer, all_closed, let_in
from tests.integration.people import until


async def a_group(service):
    """Ann and Ben, who share one."""
    peers = [await Peer(name=name, service=service).begin() for name in ("Ann Lee", "Ben Okri")]
    ann, ben = peers
    group = (await ann.opened.groups.create("Leads", "pine")).id

    async def may_invite():
        with contextlib.suppress(Exception):
            await let_in(ann, ben, group)
            return True

    async def is_in():
        return await ben.state(group) == "member" and len((await ann.opened.groups.group(group)).seats) == 2

    await until(may_invite)
    await until(is_in)
    return peers


async def open_line(peer):
    """Return the line that both are in, or None."""
    pairs = [g for g in await peer.opened.groups.groups() if g.is_pair and g.state == "member" and not g.awaits_peer]
    return pairs[0].id if len(pairs) == 1 else None


async def test_a_line_is_asked_for_answered_and_kept_for_a_year(standing_relay):
    async with all_closed(await a_group(standing_relay.url)) as (ann, ben):
        asked = await ann.opened.pairs.open(ben.person)

        async def is_wanted():
            return bool(await ben.opened.pairs.wanted())

        async def is_open():
            return await open_line(ann) == await open_line(ben) == asked.id

        async def has_come():
            return [text for _, text in await ann.messages(asked.id)] == ["Good to hear from you"]

        await until(is_wanted)
        await ben.opened.pairs.accept(ann.person)
        await until(is_open)
        await ben.say(asked.id, "Good to hear from you")
        await until(has_come)
        database = sqlite3.connect(f"file:{standing_relay.data / 'relay.db'}?mode=ro", uri=True)
        kept = database.execute("select keep_days from grp where gid = ?", (bytes.fromhex(asked.id),)).fetchone()
        database.close()
        assert kept == (365,)


async def test_both_ask_while_one_is_away_and_one_line_comes_of_it(standing_relay):
    async with all_closed(await a_group(standing_relay.url)) as (ann, ben):
        person = ben.person
        await ben.opened.pairs.open(ann.person)
        await ben.off()
        await ann.opened.pairs.open(person)
        await ben.on()

        async def is_one():
            line = await open_line(ann)
            return line is not None and line == await open_line(ben)

        await until(is_one)
