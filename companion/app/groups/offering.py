"""Invites on their way to the service: one counts only when the service holds it, and is offered until it does."""

import logging

from companion import inviting
from companion.app.groups.tools import Tools
from companion.errors import RelayRefused
from companion.fields import each_read
from companion.groups import MEMBER, Group
from companion.inviting import Invite
from companion.ports import Change, Edit, Relay

log = logging.getLogger(__name__)

THERE = 409  # sealed another time: the answer to the first offer was lost


async def offer(tools: Tools, relay: Relay, group: Group, invite: Invite) -> None:
    """Let the service hold an invite that this device keeps. Raises SyncError if it does not now."""
    context = tools.context
    left_ms = invite.expires_ms - context.clock.now_ms()
    sealed = inviting.seal_invitation(group, context.me, invite, context.told.now_ms(group.service) + left_ms)
    try:
        await relay.put_invite(invite.code.id, sealed, invite.expires_ms)
    except RelayRefused as refusal:
        if refusal.status != THERE:
            raise
    # What became of it meanwhile stays: it may have been revoked or used.
    is_put = Edit(inviting.TABLE, invite.code.id, lambda doc: None if doc is None else {**doc, "is_put": True})
    await context.commit(Change(edit=(is_put,)))


async def offer_rest(tools: Tools, relay: Relay, service: str) -> None:
    """Offer what may not have come to a service. What it refuses for now is offered the next time.

    Raises: SyncError without an answer.
    """
    now_ms = tools.context.clock.now_ms()
    for invite in each_read(await tools.context.store.all(inviting.TABLE), Invite.from_doc):
        group = await tools.group(invite.group)
        is_here = invite.code.service == service and group is not None and group.state == MEMBER
        if group is None or not is_here or invite.is_put or not invite.is_open(now_ms):
            continue
        try:
            await offer(tools, relay, group, invite)
        except RelayRefused as refusal:
            log.warning("an invite is not at the service: %d %s", refusal.status, refusal.reason)
