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
from companion.fields import each_read, whole
from companion.groups import MEMBER, Group, line
from companion.outgoing import CONTENT, Outgoing
from companion.ports import PACKAGES, Change, Doc, Documents, Drop, GroupCursor, Put, Store

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


async def offered_again(tools: Tools, group: Group, head: int, *, founds: bool) -> tuple[Change, tuple[str, ...]]:
    """Return the change with which a service whose log is another one after `head` is offered what this device has
    beyond that, and the ids of what it is offered.

    That is what I sent after it, and every commit, in the order it had. `founds`: the group as well.
    """
    tail = await tail_of(tools.context.store, group.id)
    lost = [doc for doc in tail if seq_of(doc) > head]
    change = Change(put=tuple(Put(tail_table(group.id), {**doc, "is_lost": True}) for doc in lost))
    if founds:
        first = replace(group, capability=capability_at(group, tail, 0))
        change += Change(put=(tools.outbox.creation(first),))
    docs = [{**doc["item"], "place": doc["seq"]} for doc in lost if isinstance(doc["item"], dict)]
    items = each_read(docs, Outgoing.from_doc)
    waiting = {item.cid for item in await tools.outbox.of_group(group.id)}  # as it is, it may be sealed in newer keys
    change += Change(put=tuple(Put(outgoing.TABLE, item.to_doc()) for item in items if item.cid not in waiting))
    place = next((doc for doc in tail if seq_of(doc) == head and not doc["is_lost"]), None)
    at = ("", 0) if place is None else (str(place["_id"]), whole(place["at_ms"]))
    rewound = replace(group.at(head, *at), capability=capability_at(group, tail, head))
    return change + Change(put=(stand(rewound),)), tuple(item.cid for item in items)


async def sealed_anew(tools: Tools, group: str, documents: Documents) -> Change:
    """Return the change with which nothing of mine is offered again as it went: the keys that it was sealed in are over
    at the service, or never came in force there, and who did not read it before can open it no more.
    """
    change = Change()
    for item in await tools.outbox.of_group(group):
        if item.kind != CONTENT or not item.is_fixed:
            continue
        mine = item.content or ({"kind": "message", "id": item.message} if item.message else None)  # as 0.1.0 did
        content = None if mine is None else await tools.contents.again(group, mine, documents)
        if content is None:
            change += Change(drop=(Drop(outgoing.TABLE, item.cid),))
        else:
            loose = replace(item, is_fixed=False, place=0, content=content).sealed(b"", item.epoch)
            change += Change(put=(Put(outgoing.TABLE, loose.to_doc()),))
        tools.outbox.forget(item.cid)
    return change


def cursor_of(group: Group) -> GroupCursor:
    """Return where to go on reading."""
    return GroupCursor(
        group=group.id,
        capability=group.capability,
        since=group.cursor,
        cid=group.cursor_cid,
        at_ms=group.cursor_ms,
    )


async def trail_of(store: Store, group: Group) -> tuple[GroupCursor, ...]:
    """Return what is remembered of the log up to the cursor, oldest first; the first is the place before all that."""
    tail = [doc for doc in await tail_of(store, group.id) if not doc["is_lost"] and seq_of(doc) <= group.cursor]
    first = seq_of(tail[0]) - 1 if tail else group.cursor
    capability = capability_at(group, tail, first)
    places = [GroupCursor(group=group.id, capability=capability, since=first)]
    for doc in tail:
        capability = str(doc["next_capability"]) or capability
        cid, at_ms = str(doc["_id"]), whole(doc["at_ms"])
        places.append(GroupCursor(group=group.id, capability=capability, since=seq_of(doc), cid=cid, at_ms=at_ms))
    if group.cursor_cid and group.cursor > places[-1].since:
        places.append(cursor_of(group))
    return tuple(places)


def capability_at(group: Group, tail: Sequence[Doc], head: int) -> str:
    """Return the capability that was in force at a place of the log, as far as the tail goes back."""
    commits = [doc for doc in tail if doc["next_capability"]]
    before = [doc for doc in commits if seq_of(doc) <= head and not doc["is_lost"]]
    after = [doc for doc in commits if doc not in before]
    if before:
        return str(before[-1]["next_capability"])
    return str(after[0]["capability"]) if after else group.capability
