"""The calls that concern one group: making it, putting envelopes into its log, and reading them. It never retries.

Source: docs/protocol.md section 2.
"""

import json

from companion.ports import Appended, RelayEvent
from services.sync.answers import read_event, read_items, read_number
from services.sync.protocol import (
    BLOBS_HEADER,
    CAPABILITY_HEADER,
    CID_HEADER,
    EPOCH_HEADER,
    NEXT_CAPABILITY_HEADER,
    PAGE_LIMIT_EVENTS,
    capability_hash,
)
from services.sync.transport import ANSWER_S, PAGE_ANSWER_BYTES, Call


class GroupCalls:
    """The calls of one device on groups. Capabilities are hex."""

    def __init__(self, call: Call) -> None:
        self._call = call

    async def create_group(self, group: str, capability: str) -> None:
        await self._call("POST", "/v1/groups", content=json.dumps({"group": group, "capability": capability}).encode())

    async def append(
        self,
        group: str,
        capability: str,
        cid: str,
        body: bytes,
        epoch: int | None = None,
        *,
        next_capability: str | None = None,
        blobs: tuple[str, ...] = (),
    ) -> Appended:
        """Put an envelope into the log; the same cid and bytes again give the first receipt again.

        `next_capability` takes the place of `capability` with this envelope; it needs an `epoch`.
        """
        headers = {CAPABILITY_HEADER: capability, CID_HEADER: cid}
        if next_capability is not None:
            headers[NEXT_CAPABILITY_HEADER] = capability_hash(bytes.fromhex(next_capability)).hex()
        if blobs:
            headers[BLOBS_HEADER] = ",".join(blobs)
        if epoch is not None:
            headers[EPOCH_HEADER] = str(epoch)
        answer = await self._call("POST", f"/v1/groups/{group}/events", headers=headers, content=body)
        fields = answer.fields()
        return Appended(seq=read_number(fields, "seq"), at_ms=read_number(fields, "at_ms"))

    async def events(
        self,
        group: str,
        capability: str,
        since: int,
        limit: int = PAGE_LIMIT_EVENTS,
        wait_s: int = 0,
        *,
        cid: str = "",
        at_ms: int = 0,
    ) -> tuple[RelayEvent, ...]:
        """Return what comes after `since`, waiting up to `wait_s` seconds (at most 30) if there is nothing yet. `cid`
        and `at_ms` say which event stands at `since`, if that is known: in another log it is refused.
        """
        known = f"&cid={cid}&at_ms={at_ms}" if cid else ""
        answer = await self._call(
            "GET",
            f"/v1/groups/{group}/events?since={since}&limit={limit}&wait={wait_s}{known}",
            headers={CAPABILITY_HEADER: capability},
            answer_s=ANSWER_S + wait_s,
            most_bytes=PAGE_ANSWER_BYTES,
        )
        return tuple(read_event(group, item) for item in read_items(answer.fields(), "events", limit))
