"""Making a group with nobody but me in it, and asking to be let into one: what groups and pairs do alike."""

from companion.app.groups.asking import Asked
from companion.app.groups.key_states import KeyState, own_identity, ruled
from companion.app.groups.tools import Tools, stand
from companion.devices import Device
from companion.groups import MEMBER, Group, Seat
from companion.inviting import expect_content, request_content
from companion.mls import group as mls
from companion.people import Member
from companion.ports import Change
from companion.wire import InviteCode


def made(
    tools: Tools, name: str, look: str, service: str, created_ms: int, *, peer: Member | None = None
) -> tuple[Group, KeyState, Change]:
    """Return a group of mine with its keys, and the change that keeps it and lets my other devices in.

    `created_ms`: ms since the epoch, UTC. In a pair, which `peer` makes it, nobody but me may add anybody.
    """
    context, id = tools.context, tools.context.new_id()
    me = context.me
    keys = mls.create_group(
        own_identity(me),
        bytes.fromhex(id),
        tools.key_states.environment((), context.told.now_ms(service)),
        administrators=(me.member.identity_key,),
        members_may_add=peer is None,
    )
    bare = Group(
        id=id,
        name=name,
        look=look,
        service=service,
        capability="",
        seats=(Seat(member=me.member, joined_ms=0, invited_by=""),),
        state=MEMBER,
        created_ms=created_ms,
        renewed_ms=context.clock.now_ms(),
        peer=peer,
    )
    group = ruled(bare, keys)
    expect = {**expect_content(group), "asks": True}
    told = tuple(tools.outbox.letter(service, device, expect) for device in me.other_devices)
    return group, KeyState(id=id, keys=keys), Change(put=(stand(group), tools.outbox.creation(group), *told))


def asking_in(tools: Tools, group: Group, code: InviteCode, to: Device, others: dict[str, bytes]) -> Change:
    """Return the change with which this device asks `to`, which holds the code, to let all my devices into a group.

    `others`: key packages of my other devices, by their ids; one without is told to ask for itself.
    """
    me, service = tools.context.me, group.service
    package, message = tools.key_states.make_package(service)
    packages = {me.device: message, **others}
    expect = expect_content(group)
    told = tuple(
        tools.outbox.letter(service, device, {**expect, "asks": device.id not in packages})
        for device in me.other_devices
    )
    letter = tools.outbox.letter(service, to, request_content(code, group.id, me, packages))
    asked = Asked(group=group.id, at_ms=tools.context.clock.now_ms(), code=code.code, device=to.id)
    return Change(put=(package, stand(group), *told, letter, asked.put()))
