"""An invite that the service may not hold is offered until it does, and never one that was taken back."""

from companion.app.groups import offering
from companion.errors import Offline, RelayRefused, ServiceFull
from companion.inviting import TABLE, Invite
from tests.unit.app.groups.conftest import core


class Relay:
    """Takes invites, unless `answers` holds something else to say first."""

    def __init__(self, *answers):
        self.answers, self.put = list(answers), []

    async def put_invite(self, id, body, expires_ms):
        if self.answers and (answer := self.answers.pop(0)) is not None:
            raise answer
        self.put.append(id)


async def invites(desk):
    return [Invite.from_doc(doc) for doc in await core(desk)._context.store.all(TABLE)]


async def offer_rest(desk, relay):
    await offering.offer_rest(core(desk).groups.tools, relay, "local")


async def test_invite_that_never_came_to_the_service_is_offered_at_the_next_connection(relay, alice, bob, group):
    taking = await waiting(relay, alice, group)
    await offer_rest(alice, taking)
    await offer_rest(alice, taking)
    assert len(taking.put) == 1
    assert [invite.is_put for invite in await invites(alice)][-1]


async def test_what_the_service_holds_already_is_not_offered_again(relay, alice, bob, group):
    await core(alice).groups.invite(group)
    taking = Relay()
    await offer_rest(alice, taking)
    assert taking.put == []


async def waiting(relay, alice, group, *answers):
    """An invite of Alice that the service has not, and what it says to it."""
    relay.is_online = False
    try:
        await core(alice).groups.invite(group)
    except Offline:
        relay.is_online = True
    return Relay(*answers)


async def test_invite_that_is_there_in_another_form_counts_as_held(relay, alice, bob, group):
    taking = await waiting(relay, alice, group, RelayRefused(409, "other-bytes"))
    await offer_rest(alice, taking)
    await offer_rest(alice, taking)
    assert taking.put == []
    assert all(invite.is_put for invite in await invites(alice))


async def test_invite_that_finds_no_room_stops_nothing_and_is_offered_again(relay, alice, bob, group):
    taking = await waiting(relay, alice, group, ServiceFull(507, "full"))
    await offer_rest(alice, taking)
    assert taking.put == []
    await offer_rest(alice, taking)
    assert len(taking.put) == 1


async def test_invite_that_was_taken_back_is_not_offered(relay, alice, bob, group):
    taking = await waiting(relay, alice, group)
    [code] = [invite.code.id for invite in await invites(alice) if not invite.is_put]
    await core(alice).groups.revoke_invite(code)
    await offer_rest(alice, taking)
    assert taking.put == []


async def test_invite_that_is_taken_back_while_it_is_offered_stays_taken_back(relay, alice, bob, group):
    taking = await waiting(relay, alice, group)
    [code] = [invite.code.id for invite in await invites(alice) if not invite.is_put]
    plain = taking.put_invite

    async def meanwhile(id, body, expires_ms):
        await plain(id, body, expires_ms)
        await core(alice).groups.revoke_invite(code)

    taking.put_invite = meanwhile
    await offer_rest(alice, taking)
    [invite] = [invite for invite in await invites(alice) if invite.code.id == code]
    assert (invite.is_revoked, invite.is_put) == (True, True)
