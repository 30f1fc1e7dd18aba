"""Letters that one service brings to this device: read once each, kept for later, or passed over."""

import logging

from companion.app.groups.inbox import LATER, Inbox, kept_letter, later
from companion.app.groups.tools import Outcome, Tools
from companion.app.record import Record
from companion.errors import CryptoError, MessageRejected, Tampered
from companion.ports import Change, Doc, Drop, InboxItem

log = logging.getLogger(__name__)


class Letters:
    """A letter and how far the inbox was read are one commit. Callers hold the turn of `KeyStates`."""

    def __init__(self, tools: Tools, inbox: Inbox, service: str, record: Record) -> None:
        self._tools = tools
        self._context = tools.context
        self._inbox = inbox
        self._service = service
        self._record = record
        self.rejected = 0

    async def take_later(self, group_id: str) -> None:
        """Take in letters that overtook the group."""
        for doc in await self._context.store.all(LATER):
            if doc.get("group") != group_id:
                continue
            outcome = Outcome()
            try:
                outcome, _ = await self._inbox.read(str(doc.get("service")), kept_letter(doc))
            except (MessageRejected, CryptoError) as error:
                log.warning("a kept letter was skipped: %s", error)
            if not any(put.table == LATER for put in outcome.change.put):
                gone = Change(drop=(Drop(LATER, str(doc["_id"])),))
                await self._tools.key_states.commit(outcome.change + gone, *outcome.key_states, forget=outcome.forget)

    async def receive(self, item: InboxItem) -> Change | None:
        """Take in one letter; return what it changed, None if it has to wait. A bad one only moves the cursor."""
        standing = {**await self._record.read(), "inbox": item.seq}
        outcome, group = Outcome(), ""
        try:
            outcome, group = await self._inbox.read(self._service, item)
        except (MessageRejected, CryptoError) as error:
            self.rejected += 1
            log.warning("letter skipped: %s", error)
        change = outcome.change + self._record.keeping(standing)
        try:
            await self._tools.key_states.commit(change, *outcome.key_states, forget=outcome.forget)
        except Tampered as error:
            await self._pass_over(item, group, standing, error)
            return None
        with self._tools.aside.holding(group):
            if group:
                await self.take_later(group)
                await self._tools.next(group)
        return outcome.change

    async def _pass_over(self, item: InboxItem, group: str, standing: Doc, error: Tampered) -> None:
        """Keep a letter that damaged data do not let in until its group is taken up again; the next ones go on."""
        log.error("a letter has to wait: %s of %s", error.kind, error.part)
        self._tools.aside.put(group, error)
        kept = Change(put=(later(self._service, item, group),)) if group else Change()
        try:
            await self._context.commit(kept + self._record.keeping(standing))
        except Tampered:  # it stays at the service, and comes again after the next unlock
            self._record.remember(standing)
