"""The calls that concern one group: making it, writing to its log and reading it, and what goes from there.

It never retries.

Source: docs/protocol.md section 2.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict

from companion.ports import Appended, Limits, RelayEvent
from services.sync.answers import read_event, read_items, read_number
from services.sync.protocol import (
    BLOBS_HEADER,
    CAPABILITY_HEADER,
    CID_HEADER,
    EPOCH_HEADER,
    ERASE_HEADER,
    KEEPER_HEADER,
    NEXT_CAPABILITY_HEADER,
    NEXT_KEEPER_HEADER,
    PAGE_LIMIT_EVENTS,
    capability_hash,
    encode_octets,
)
from services.sync.transport import ANSWER_S, PAGE_ANSWER_BYTES, Call


class GroupCalls:
    """The calls of one device on groups. Capabilities, keepers and hashes are hex; the service gets the hash of what is
    to come, and keeps hashes only.
    """

    def __init__(self, call: Call) -> None:
        self._call = call

    async def create_group(
        self,
        group: str,
        capability: str,
        *,
        keeper: str | None = None,
        keep_days: int | None = None,
        limits: Limits | None = None,
    ) -> None:
        """Make a group, with a keeper if one is given; the same again changes nothing."""
        fields: dict[str, object] = {"group": group, "capability": capability}
        fields |= {} if keeper is None else {"keeper": keeper}
        fields |= {} if keep_days is None else {"keep_days": keep_days}
        fields |= {} if limits is None else {"limits": asdict(limits)}
        await self._call("POST", "/v1/groups", content=_json(fields))

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
        keeper: str | None = None,
        next_keeper: str | None = None,
        erase: str | None = None,
    ) -> Appended:
        """Put an envelope into the log; the same cid and bytes again give the first receipt again.

        `next_capability` takes the place of `capability` with this envelope, and `next_keeper` that of `keeper`; both
        need an `epoch`. `erase` is the hash of the secret that can erase it.
        """
        headers = {CAPABILITY_HEADER: capability, CID_HEADER: cid, **_kept(keeper)}
        if next_capability is not None:
            headers[NEXT_CAPABILITY_HEADER] = _hash(next_capability)
        if next_keeper is not None:
            headers[NEXT_KEEPER_HEADER] = _hash(next_keeper)
        if erase is not None:
            headers[ERASE_HEADER] = erase
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

    async def keep_for(self, group: str, capability: str, days: int, *, keeper: str | None = None) -> None:
        """Let envelopes lose their bodies after so many days, 0 for never. A log with a keeper asks for the keeper."""
        headers = {CAPABILITY_HEADER: capability, **_kept(keeper)}
        await self._call("PUT", f"/v1/groups/{group}/keeping", headers=headers, content=_json({"keep_days": days}))

    async def set_limits(self, group: str, capability: str, keeper: str, limits: Limits) -> None:
        headers = {CAPABILITY_HEADER: capability, **_kept(keeper)}
        await self._call("PUT", f"/v1/groups/{group}/limits", headers=headers, content=_json(asdict(limits)))

    async def empty(self, group: str, capability: str, keeper: str, seqs: tuple[int, ...]) -> None:
        """Take the bodies of these envelopes, 1 to 500; their numbers and cids stay."""
        headers = {CAPABILITY_HEADER: capability, **_kept(keeper)}
        await self._call("POST", f"/v1/groups/{group}/empty", headers=headers, content=_json({"seqs": list(seqs)}))

    async def drop_group(self, group: str, capability: str, keeper: str) -> None:
        """Drop the log with all that is in it."""
        headers = {CAPABILITY_HEADER: capability, **_kept(keeper)}
        await self._call("DELETE", f"/v1/groups/{group}", headers=headers)

    async def erase(self, group: str, secret: bytes, capability: str | None = None) -> None:
        """Erase what names the SHA-256 of this secret (32 bytes), now and from now on.

        Where nothing names it the service says 404, unless the group's present `capability` is shown: then it is
        remembered for what is still to come.
        """
        headers = {} if capability is None else {CAPABILITY_HEADER: capability}
        content = _json({"secret": encode_octets(secret)})
        await self._call("POST", f"/v1/groups/{group}/erase", headers=headers, content=content)


def _kept(keeper: str | None) -> dict[str, str]:
    return {} if keeper is None else {KEEPER_HEADER: keeper}


def _hash(secret: str) -> str:
    return capability_hash(bytes.fromhex(secret)).hex()


def _json(fields: Mapping[str, object]) -> bytes:
    return json.dumps(fields).encode()
