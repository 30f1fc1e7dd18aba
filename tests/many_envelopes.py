"""Many envelopes that wait at a relay: sealed with a member's keys and put in through the relay's own store.

Nobody waits for 10,000 calls. The relay is down meanwhile.
"""

import asyncio
import json
import secrets
from collections.abc import Iterable

from companion.app import Opened
from companion.mls import group as mls
from companion.ports import Change, Doc
from companion.wire import SUITE_MLS, format_envelope
from services.relay.database.sqlite import DATABASE_NAME, SqliteDatabase
from services.relay.hub import Hub
from services.relay.limits import Quotas
from services.relay.log.store import Draft
from services.sync.protocol import capability_hash
from tests.relay_process import RelayProcess

AT_ONCE = 500


def lines(count: int, at_ms: int) -> list[Doc]:
    return [line(f"line {number}", at_ms + number) for number in range(count)]


def line(text: str, at_ms: int) -> Doc:
    return {"kind": "message", "id": secrets.token_hex(16), "text": text, "at_ms": at_ms}


async def leave_waiting(relay: RelayProcess, sender: Opened, group: str, contents: Iterable[Doc]) -> None:
    """Say all this in the group. The sender keeps no copy, and its keys move on."""
    tools = sender.groups.tools
    async with tools.key_states.turn():
        known, state = await tools.group(group), await tools.key_states.of(group)
        assert known is not None
        assert state is not None
        environment = tools.key_states.environment(known.known, sender._context.clock.now_ms())
        keys, bodies = state.keys, []
        for content in contents:
            keys, message = mls.protect(keys, json.dumps(content).encode(), environment)
            bodies.append(format_envelope(SUITE_MLS, message))
        await tools.key_states.commit(Change(), type(state)(id=state.id, keys=keys))
    await asyncio.to_thread(relay.stop)
    await _append(relay, group, known.capability, sender.device, bodies, sender._context.clock.now_ms())
    await asyncio.to_thread(relay.start)


async def _append(
    relay: RelayProcess, group: str, capability: str, device: str, bodies: list[bytes], at_ms: int
) -> None:
    database = SqliteDatabase(relay.data / DATABASE_NAME, Quotas(events_per_minute=2 * len(bodies) + AT_ONCE))
    await database.open(Hub())
    drafts = [
        Draft(
            group=bytes.fromhex(group),
            capability_hash=capability_hash(bytes.fromhex(capability)),
            device=bytes.fromhex(device),
            cid=secrets.token_bytes(16),
            body=body,
            at_ms=at_ms,
        )
        for body in bodies
    ]
    try:
        for start in range(0, len(drafts), AT_ONCE):
            await asyncio.gather(*map(database.log.append, drafts[start : start + AT_ONCE]))
    finally:
        await database.close()
