"""Going back, and coming back: a restored service, a device that was put back or that lost its place in a group."""

import logging
from collections.abc import Sequence
from dataclasses import replace

from companion import outgoing
from companion.app.groups.asking import rejoin_change
from companion.app.groups.early import EARLY, early_events
from companion.app.groups.tail import seq_of, tail_of, tail_table
from companion.app.groups.tools import Tools, stand
from companion.chat.message import messages_table
from companion.errors import Tampered
from companion.fields import each_read
from companion.groups import MEMBER, Group, line
from companion.outgoing import Outgoing
from companion.ports import PACKAGES, Change, Doc, Drop, Put

log = logging.getLogger(__name__)

EARLY_MS = 60_000  # how long an envelope in keys that we never saw may wait for them
ASTRAY = 3  # envelopes in other keys than ours that show that the group was parted
OLDER = "older"
"""The kind of the line that says that this device was put back to an older state."""


# A device ----------------------------------------------------------------------------------------------


async def roll_back(tools: Tools) -> None:
    """Come back everywhere, once, after the data of this device were put back to an older state. The turn is held.

    From then on nothing is sealed in the keys that it has, and what was said meanwhile is read with them. Every group
    lets it in anew; one in which it is alone only gets other keys. Its key packages may have been used: they go.
    """
    if tools.was_older:
        return
    log.warning("this device was put back to an older state")
    docs = await tools.context.store.all(PACKAGES)
    gone = Change(drop=tuple(Drop(PACKAGES, str(doc["_id"])) for doc in docs))
    changes = dict[str, Change]()
    for group in await tools.groups():
        with tools.aside.holding(group.id):
            if group.state == MEMBER and tools.aside.of(group.id) is None:
                changes[group.id] = await _back_in(tools, group)
    try:
        await tools.context.commit(sum(changes.values(), gone))
    except Tampered:  # one by one: what is damaged is set aside, and seals nothing either
        for id, change in changes.items():
            with tools.aside.holding(id):
                await tools.context.commit(change)
    tools.was_older = True


async def _back_in(tools: Tools, group: Group) -> Change:
    key_state = await tools.key_states.of(group.id)
    if key_state is not None and len(key_state.keys.members()) == 1:
        return Change(put=(stand(replace(group, renewed_ms=0)),))
    me, at_ms = tools.context.me.member, tools.context.told.now_ms(group.service)
    said = line(group, OLDER, "", me, id=tools.context.new_id(), seq=group.cursor, at_ms=at_ms)
    return await rejoin_change(tools, group) + Change(put=(Put(messages_table(group.id), said.to_doc()),))


# A place in a group ------------------------------------------------------------------------------------


async def judge(tools: Tools, group_id: str, at_ms: int) -> bool:
    """Ask to be let in again if envelopes have waited too long for keys that never came; return whether it did."""
    group = await tools.group(group_id)
    if group is None or group.state != MEMBER:
        return False
    early = early_events(await tools.context.store.all(EARLY), group_id)
    is_parted = group.astray >= ASTRAY or (bool(early) and at_ms - early[0].at_ms > EARLY_MS)
    if is_parted:
        await ask_to_rejoin(tools, group)
    return is_parted


async def ask_for_keys(tools: Tools, group_id: str) -> bool:
    """Ask to be let in again where this device is a member without keys; return whether it did."""
    group = await tools.group(group_id)
    if group is None or group.state != MEMBER or await tools.key_states.of(group_id) is not None:
        return False
    await ask_to_rejoin(tools, group)
    return True


async def ask_to_rejoin(tools: Tools, group: Group) -> None:
    await tools.context.commit(await rejoin_change(tools, group))


# A service ---------------------------------------------------------------------------------------------


async def founded_again(tools: Tools, group: Group) -> Group:
    """Return the group as it was when it was made at the service."""
    tail = await tail_of(tools.context.store, group.id)
    return replace(group, capability=capability_at(group, tail, 0))


async def offered_again(tools: Tools, group: Group, head: int, *, founds: bool) -> tuple[Change, tuple[Outgoing, ...]]:
    """Return the change with which a service that went back to `head` is offered what this device has beyond that.

    That is what I sent after it, and every commit, in the order it had; these come second. `founds`: the group as well.
    """
    tail = await tail_of(tools.context.store, group.id)
    lost = [doc for doc in tail if seq_of(doc) > head]
    change = Change(put=tuple(Put(tail_table(group.id), {**doc, "is_lost": True}) for doc in lost))
    if founds:
        first = replace(group, capability=capability_at(group, tail, 0))
        change += Change(put=(tools.outbox.creation(first),))
    items = each_read([doc["item"] for doc in lost if isinstance(doc["item"], dict)], Outgoing.from_doc)
    change += Change(put=tuple(Put(outgoing.TABLE, item.to_doc()) for item in items))
    rewound = replace(group, cursor=head, capability=capability_at(group, tail, head))
    return change + Change(put=(stand(rewound),)), items


def capability_at(group: Group, tail: Sequence[Doc], head: int) -> str:
    """Return the capability that was in force at a place of the log, as far as the tail goes back."""
    commits = [doc for doc in tail if doc["next_capability"]]
    before = [doc for doc in commits if seq_of(doc) <= head]
    after = [doc for doc in commits if seq_of(doc) > head]
    if before:
        return str(before[-1]["next_capability"])
    return str(after[0]["capability"]) if after else group.capability
