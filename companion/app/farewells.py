"""What the services still hold of profiles that were erased here: asking them to delete it, and what came of that.

It needs no keys. What is owed outlives the app (`Eraser`); what is done is known until the app ends, or was seen.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from companion.errors import RelayRefused, ServiceFull, SyncError
from companion.farewells import OWED, REFUSED, Farewell
from companion.ports import Eraser, Network

log = logging.getLogger(__name__)

CHANGED = "farewells"
NOT_NOW = frozenset({404, 408, 429})
"""Refusals that say nothing of the farewell. With another code, 404 is a service that is too old to know of any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remains:
    """The services that are being asked, gave no answer yet, did not take it, and that have nothing any more."""

    asking: tuple[str, ...] = ()
    unanswered: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


class Farewells:
    """Of one profile's folder. Each settles once, whoever tries it and however often."""

    def __init__(self, network: Network, eraser: Eraser, tell: Callable[[frozenset[str]], None]) -> None:
        self._network = network
        self._eraser = eraser
        self._tell = tell
        self._unanswered = set[tuple[str, str]]()
        self._gone = list[str]()

    async def remains(self) -> Remains:
        """Return what there is to say."""
        kept = await self._eraser.owed()
        owed = [one for one in kept if one.state == OWED]
        return Remains(
            asking=_services(one for one in owed if one.whose not in self._unanswered),
            unanswered=_services(one for one in owed if one.whose in self._unanswered),
            refused=_services(one for one in kept if one.state == REFUSED),
            gone=tuple(dict.fromkeys(self._gone)),
        )

    async def deliver(self) -> bool:
        """Ask every service that still owes an answer, once; return whether one still does. Raises: StoreError."""
        owed = [one for one in await self._eraser.owed() if one.state == OWED]
        for farewell in owed:
            try:
                await self._bring(farewell)
            finally:
                self._tell(frozenset({CHANGED}))
        return any(one.state == OWED for one in await self._eraser.owed())

    async def _bring(self, farewell: Farewell) -> None:
        try:
            await self._network.bring(farewell)
        except RelayRefused as refusal:
            if isinstance(refusal, ServiceFull) or refusal.status in NOT_NOW:
                self._unanswered.add(farewell.whose)
                return
            log.warning("a service did not take a farewell: %d %s", refusal.status, refusal.reason)
            await self._eraser.settle((farewell,), REFUSED)
        except SyncError as error:
            log.info("a farewell has to wait: %s", type(error).__name__)
            self._unanswered.add(farewell.whose)
        else:
            await self._eraser.settle((farewell,))
            self._gone.append(farewell.service)

    async def let_be(self) -> None:
        """Ask nobody any more. Nobody can begin anew: the keys are gone. Raises: StoreError."""
        await self._forget(OWED)

    async def seen(self) -> None:
        """Forget what is settled. Raises: StoreError."""
        self._gone.clear()
        await self._forget(REFUSED)

    async def _forget(self, state: str) -> None:
        try:
            await self._eraser.settle([one for one in await self._eraser.owed() if one.state == state])
        finally:
            self._tell(frozenset({CHANGED}))


def _services(farewells: Iterable[Farewell]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.service for one in farewells))
