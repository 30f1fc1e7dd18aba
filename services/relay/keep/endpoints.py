"""The calls on a log but for writing and reading it: how long it keeps, limits, emptying, erasing, dropping.

Source: docs/protocol.md section 2.
"""

from collections.abc import Awaitable, Callable

from starlette.routing import Route
from starlette.types import ASGIApp

from services.relay.keep.store import Erasure, KeepStore, Shown
from services.relay.log.endpoints import read_limits
from services.relay.replies import answer
from services.relay.requests import Call, route
from services.sync.protocol import (
    CAPABILITY_HEADER,
    EMPTY_LIMIT_EVENTS,
    KEEP_LIMIT_DAYS,
    SEQ_LIMIT,
    capability_hash,
    parse_capability,
)

SEQS_BYTES = 16 * 1_024
SECRET_BYTES = 32


class KeepApi:
    """`device` finds out who is calling."""

    def __init__(self, store: KeepStore, device: Callable[[Call], Awaitable[bytes]], clock: Callable[[], int]) -> None:
        self._store = store
        self._device = device
        self._now_ms = clock

    def routes(self) -> list[Route]:
        return [
            route("PUT", "/v1/groups/{group}/keeping", self.keep),
            route("PUT", "/v1/groups/{group}/limits", self.limit),
            route("POST", "/v1/groups/{group}/empty", self.empty),
            route("POST", "/v1/groups/{group}/erase", self.erase),
            route("DELETE", "/v1/groups/{group}", self.drop),
        ]

    async def keep(self, call: Call) -> ASGIApp:
        shown = await self._shown(call)
        await self._store.keep_for(shown, (await call.fields()).number("keep_days", KEEP_LIMIT_DAYS))
        return answer({})

    async def limit(self, call: Call) -> ASGIApp:
        shown = await self._shown(call)
        await self._store.set_limits(shown, read_limits(await call.fields()))
        return answer({})

    async def empty(self, call: Call) -> ASGIApp:
        shown = await self._shown(call)
        fields = await call.fields(SEQS_BYTES)
        await self._store.empty(shown, fields.numbers("seqs", EMPTY_LIMIT_EVENTS, SEQ_LIMIT))
        return answer({})

    async def drop(self, call: Call) -> ASGIApp:
        await self._store.drop(await self._shown(call))
        return answer({})

    async def erase(self, call: Call) -> ASGIApp:
        device = await self._device(call)
        capability = call.optional(CAPABILITY_HEADER, parse_capability)
        erasure = Erasure(
            group=call.id(),
            secret=(await call.fields()).octets("secret", SECRET_BYTES),
            capability_hash=None if capability is None else capability_hash(capability),
            device=device,
            at_ms=self._now_ms(),
        )
        await self._store.erase(erasure)
        return answer({})

    async def _shown(self, call: Call) -> Shown:
        await self._device(call)
        return Shown(group=call.id(), capability_hash=call.capability(), keeper=call.keeper())
