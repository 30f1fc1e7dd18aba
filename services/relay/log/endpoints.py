"""Reading: the log of a group page by page, and one stream for everything that a device reads."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.relay.hub import Hub
from services.relay.log.frames import event_fields, refused_frame
from services.relay.log.store import Opening, Page, Store
from services.relay.log.stream import EventStream, Wanted
from services.relay.push.pusher import Pusher
from services.relay.refusal import ahead, bad_request, busy, rotated, unknown_group
from services.relay.replies import answer
from services.relay.requests import Fields, path_id, read_capability, read_fields, read_query
from services.sync.protocol import (
    PAGE_LIMIT_EVENTS,
    SEQ_LIMIT,
    STREAM_LIMIT_GROUPS,
    WAIT_LIMIT_S,
    capability_hash,
)

STREAMS_MOST = 20_000
FIELDS_BYTES = 128 * 1_024
INCARNATION_LENGTH = 32


class StreamApi:
    """`device` finds out who is calling."""

    def __init__(self, store: Store, hub: Hub, pusher: Pusher, device: Callable[[Request], Awaitable[bytes]]) -> None:
        self._store = store
        self._hub = hub
        self._pusher = pusher
        self._device = device

    def routes(self) -> list[Route]:
        return [
            Route("/v1/groups/{group}/events", self.events, methods=["GET"]),
            Route("/v1/stream", self.stream, methods=["POST"]),
        ]

    async def events(self, request: Request) -> Response:
        await self._device(request)
        group, capability = path_id(request, "group"), read_capability(request)
        since = read_query(request, "since", 0, SEQ_LIMIT, 0)
        limit = read_query(request, "limit", 1, PAGE_LIMIT_EVENTS, PAGE_LIMIT_EVENTS)
        wait_s = read_query(request, "wait", 0, WAIT_LIMIT_S, 0)
        (opening,) = await self._store.openings([(group, capability)])
        if opening is None:
            raise unknown_group()
        if since > opening.head and not opening.is_former:
            raise ahead(opening.head)
        page = await self._store.read(group, capability, since, limit)
        if not page.events and not page.is_former and wait_s:
            page = await self._await_page(group, capability, since, limit, wait_s)
        if page.is_former and not page.events:
            raise rotated(page.head)
        return answer({"events": [event_fields(event) for event in page.events], "head": page.head})

    async def _await_page(self, group: bytes, capability: bytes, since: int, limit: int, wait_s: int) -> Page:
        reader = self._hub.join([group])
        try:
            page = await self._store.read(group, capability, since, limit)
            if not page.events:
                await reader.wait(wait_s)
                page = await self._store.read(group, capability, since, limit)
        finally:
            self._hub.leave(reader)
        return page

    async def stream(self, request: Request) -> EventStream:
        device = await self._device(request)
        if self._hub.readers >= STREAMS_MOST:
            raise busy()
        wanted = await self._wanted(await read_fields(request, FIELDS_BYTES))
        if wanted.inbox is not None:
            await self._store.devices.acknowledge(device, wanted.inbox)
        self._pusher.arrived(device, list(wanted.capabilities.items()))
        return EventStream(store=self._store, hub=self._hub, device=device, wanted=wanted)

    async def _wanted(self, fields: Fields) -> Wanted:
        asked = [
            (item.id("group"), capability_hash(item.capability("capability")), item.number("since", SEQ_LIMIT))
            for item in fields.items("groups", STREAM_LIMIT_GROUPS)
        ]
        groups = [group for group, _, _ in asked]
        if len(set(groups)) != len(groups):
            raise bad_request("A group is named twice.")
        inbox = fields.number("inbox", SEQ_LIMIT, default=-1)
        incarnation = fields.text("incarnation", INCARNATION_LENGTH, default=self._store.incarnation)
        limits: tuple[int, ...] = tuple(SEQ_LIMIT for _ in groups)
        if incarnation != self._store.incarnation:  # it speaks of a log from before a restore
            inbox = -1
            limits = await self._store.devices.went_back(groups, incarnation)
        wanted = Wanted(inbox=inbox if inbox >= 0 else None)
        openings = await self._store.openings([(group, capability) for group, capability, _ in asked])
        for (group, capability, since), opening, limit in zip(asked, openings, limits, strict=True):
            refusal = _refusal(opening, since, limit)
            if refusal is None:
                wanted.cursors[group], wanted.capabilities[group] = since, capability
            else:
                wanted.preface += refused_frame(group, *refusal)
        return wanted


def _refusal(opening: Opening | None, since: int, limit: int) -> tuple[str, dict[str, object]] | None:
    """Return why a stream cannot go on after `since`. The log is another one beyond `limit`."""
    if opening is None:
        return "unknown", {}
    if since > limit:
        return "restored", {"head": limit}
    if opening.is_former and since >= opening.head:
        return "rotated", {"head": opening.head}
    if since > opening.head:
        return "ahead", {"head": opening.head}
    return None
