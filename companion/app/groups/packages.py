"""The key packages of this device at one service: made once, and offered until the service holds them."""

import logging

from companion.app.groups.key_states import PACKAGES_LEAST, PACKAGES_PUBLISHED
from companion.app.groups.linking import account_of, waits_for_handover
from companion.app.groups.tools import Tools
from companion.errors import RelayRefused
from companion.ports import Change, Relay

log = logging.getLogger(__name__)

NO_SESSION = frozenset({401, 408})


class Packages:
    """One service's. Must not keep anything else from going: what is refused now is offered at the next connection."""

    def __init__(self, tools: Tools, service: str) -> None:
        self._tools = tools
        self._context = tools.context
        self._service = service
        self._are_there = False
        self._made: tuple[tuple[bytes, ...], bytes | None] = ((), None)

    def forget(self) -> None:
        """The service may not hold them any more."""
        self._are_there = False

    async def provide(self, relay: Relay) -> None:
        """See that the service holds some. Raises SyncError without an answer."""
        if self._are_there or await waits_for_handover(self._context):
            return
        try:
            await relay.join_account(account_of(self._context.me))
            await self._publish(relay)
            self._are_there = True
        except RelayRefused as refusal:
            if refusal.status in NO_SESSION:
                raise
            log.warning("key packages have to wait: %d %s", refusal.status, refusal.reason)

    async def _publish(self, relay: Relay) -> None:
        held = await relay.key_packages_left()
        if self._made == ((), None):
            await self._make(PACKAGES_PUBLISHED - held if held < PACKAGES_LEAST else 0)
        one_time, last_resort = self._made
        if one_time or last_resort is not None:
            await relay.publish_key_packages(one_time, last_resort)
        self._made = ((), None)

    async def _make(self, wanted: int) -> None:
        keys = self._tools.key_states
        is_due, change = await keys.aged_packages(await self._tools.certainty.now_ms())
        made = [keys.make_package(self._service) for _ in range(wanted)]
        last = keys.make_package(self._service, is_last_resort=True) if is_due else None
        puts = tuple(put for put, _ in (*made, *([last] if last else [])))
        if puts or change.drop:
            await self._context.commit(change + Change(put=puts))  # first here: a package without its keys is a trap
        self._made = tuple(message for _, message in made), last[1] if last else None
