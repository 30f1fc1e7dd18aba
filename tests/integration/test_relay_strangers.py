"""Strangers flood a guest who is not there: the Welcome of the one who let the guest in still finds room."""

import secrets

import pytest

from tests.integration.people import PASSPHRASE, Person, until
from tests.integration.raw_device import RawDevice
from tests.integration.relay_operator import operate
from tests.integration.test_thread import befriend, has_line

STRANGERS = 12


async def flood(relay, device):
    """Post from many devices until none finds room, and return how many letters went in."""
    count = 0
    for _ in range(STRANGERS):
        stranger = await RawDevice(relay.url).open_session()
        status = 201
        while status == 201:
            headers = {"idempotency-key": secrets.token_hex(16)}
            path = f"/v1/devices/{device}/inbox"
            status = (await stranger.call("POST", path, headers=headers, content=bytes(60))).status_code
            count += status == 201
        assert status == 507
        await stranger.close()
    return count


async def test_flooded_guest_is_let_in(relay, tmp_path):
    ann, bob = Person(tmp_path / "ann", relay.url), Person(tmp_path / "bob", relay.url)
    await ann.begin("Ann")
    await bob.begin("Bob")
    group = (await ann.opened.groups.create("Leads", "pine")).id
    invite = await ann.opened.groups.invite(group)
    device = bob.opened.device
    await ann.companion.lock()  # so that the request waits in her inbox while Bob is flooded
    await bob.opened.groups.join(await bob.opened.groups.look_at(invite.code.link))
    await bob.companion.lock()  # what was promised goes before the keys do
    assert await flood(relay, device) == 500
    await ann.companion.unlock(passphrase=PASSPHRASE)

    async def is_answered():
        (line,) = [li for li in operate("people", "--data", relay.data, "list").stdout.splitlines() if device in li]
        return int(line.split()[2]) > 500

    await until(is_answered)
    await bob.companion.unlock(passphrase=PASSPHRASE)

    async def is_member():
        joined = await bob.opened.groups.group(group)
        return joined is not None and joined.state == "member"

    await until(is_member)
    await ann.opened.chat.post(group, "welcome")
    await has_line(bob, group, ("Ann", "welcome", "received"))
    for person in (ann, bob):
        await person.companion.lock()


@pytest.mark.parametrize("way", ["invite", "token"])
async def test_people_get_into_a_closed_service_by_the_invite_of_somebody_who_is_in(make_relay, tmp_path, way):
    tokens = tmp_path / "tokens"
    tokens.write_text("kettle-lantern-marmalade\n", encoding="ascii")
    relay = make_relay("--admission", way, "--admission-tokens", str(tokens))
    ann, bob = (
        Person(tmp_path / "ann", relay.url.replace("//", "//kettle-lantern-marmalade@")),
        Person(tmp_path / "bob", ""),
    )
    await ann.begin("Ann")
    await bob.begin("Bob")
    group = await befriend(ann, bob)  # where only tokens count, the one of the address travels in the invite
    await ann.opened.chat.post(group, "welcome")
    await has_line(bob, group, ("Ann", "welcome", "received"))
    for person in (ann, bob):
        await person.companion.lock()
