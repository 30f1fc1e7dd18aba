"""Invites that were taken back: here at once, at the service as soon as it answers, whenever that is."""

import contextlib
from dataclasses import replace

from companion import inviting
from companion.app.context import Context
from companion.errors import InviteError
from companion.inviting import Invite
from companion.ports import Change, Put, Relay


async def tell_revoked(context: Context, relay: Relay, service: str) -> None:
    """Use up at the service what was taken back here, so that nobody can even read it. Raises SyncError."""
    for invite in [Invite.from_doc(doc) for doc in await context.store.all(inviting.TABLE)]:
        if invite.code.service != service or not invite.is_revoked or invite.is_told:
            continue
        with contextlib.suppress(InviteError):  # used up, or gone
            await relay.claim_invite(invite.code.id)
        await context.commit(Change(put=(Put(inviting.TABLE, replace(invite, is_told=True).to_doc()),)))
