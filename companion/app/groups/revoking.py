"""Invites that were taken back: here at once, at the service as soon as it answers, whenever that is."""

import contextlib
import logging
from dataclasses import replace

from companion import inviting
from companion.app.context import Context
from companion.errors import InviteError, RelayRefused, Tampered
from companion.fields import each_read
from companion.inviting import Invite
from companion.ports import Change, Put, Relay

log = logging.getLogger(__name__)


async def tell_revoked(context: Context, relay: Relay, service: str) -> None:
    """Use up at the service what was taken back here, so that nobody can even read it.

    What it refuses for now is told the next time. Raises SyncError without an answer.
    """
    for invite in each_read(await context.store.all(inviting.TABLE), Invite.from_doc):
        if invite.code.service != service or not invite.is_revoked or invite.is_told:
            continue
        try:
            with contextlib.suppress(InviteError):  # used up, or gone
                await relay.claim_invite(invite.code.id)
        except RelayRefused as refusal:
            log.warning("an invite is still at the service: %d %s", refusal.status, refusal.reason)
            continue
        with contextlib.suppress(Tampered):  # told again at the next connection, which changes nothing there
            await context.commit(Change(put=(Put(inviting.TABLE, replace(invite, is_told=True).to_doc()),)))
