"""Invites over the wire: put, read, used up once, and gone when they are too old."""

import asyncio
import time

import pytest

from companion.errors import InviteExpired, InviteUnknown, InviteUsed, RelayRefused

WEEK_MS = 7 * 24 * 3_600_000
SOON_MS = 400


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def still_there(guest, name):
    try:
        return bool(await guest.get_invite(name))
    except InviteExpired:
        return False


@pytest.fixture
def relay(either_relay):
    return either_relay


@pytest.fixture
async def invite(device, new_id):
    inviter = device()
    name = new_id()
    await inviter.put_invite(name, b"sealed invite", now_ms() + WEEK_MS - 1_000)
    return inviter, name


async def test_invite_is_claimed_once(invite, device):
    _, name = invite
    first, second = device(), device()
    assert await first.get_invite(name) == b"sealed invite"
    assert await first.claim_invite(name) == b"sealed invite"
    with pytest.raises(InviteUsed):
        await second.claim_invite(name)
    with pytest.raises(InviteUsed):
        await second.get_invite(name)


async def test_same_device_may_claim_again(invite, device):
    _, name = invite
    guest = device()
    await guest.claim_invite(name)
    assert await guest.claim_invite(name) == b"sealed invite"
    assert await guest.get_invite(name) == b"sealed invite"


async def test_of_many_claims_at_once_one_wins(invite, device):
    _, name = invite
    results = await asyncio.gather(*(device().claim_invite(name) for _ in range(8)), return_exceptions=True)
    assert results.count(b"sealed invite") == 1
    assert sum(isinstance(r, InviteUsed) for r in results) == 7


async def test_claim_survives_a_kill(invite, device, relay):
    _, name = invite
    await device().claim_invite(name)
    relay.kill()
    relay.start()
    with pytest.raises(InviteUsed):
        await device().claim_invite(name)


async def test_expired_invite_says_so(device, new_id):
    inviter, guest, name, lasting = device(), device(), new_id(), new_id()
    expires_ms = now_ms() + SOON_MS
    await inviter.put_invite(name, b"sealed", expires_ms)
    await inviter.put_invite(lasting, b"sealed", now_ms() + 3_600_000)
    assert await guest.get_invite(lasting) == b"sealed"
    deadline_ms = expires_ms + 10_000
    while await still_there(guest, name):
        assert now_ms() < deadline_ms
    with pytest.raises(InviteExpired):
        await guest.get_invite(name)
    with pytest.raises(InviteExpired):
        await guest.claim_invite(name)


async def test_unknown_invite_says_so(device, new_id):
    with pytest.raises(InviteUnknown):
        await device().get_invite(new_id())
    with pytest.raises(InviteUnknown):
        await device().claim_invite(new_id())


async def test_same_invite_may_be_put_again_and_no_other(invite):
    inviter, name = invite
    await inviter.put_invite(name, b"sealed invite", now_ms() + WEEK_MS - 1_000)
    with pytest.raises(RelayRefused, match="409 exists"):
        await inviter.put_invite(name, b"another", now_ms() + WEEK_MS - 1_000)


@pytest.mark.parametrize("lifetime_ms", [WEEK_MS + 60_000, -1])
async def test_invite_lasts_a_week_at_most(device, new_id, lifetime_ms):
    with pytest.raises(RelayRefused, match="400 bad-request"):
        await device().put_invite(new_id(), b"sealed", now_ms() + lifetime_ms)


async def test_invite_has_a_largest_size(device, new_id):
    await device().put_invite(new_id(), bytes(8_192), now_ms() + 60_000)
    with pytest.raises(RelayRefused, match="413 too-large"):
        await device().put_invite(new_id(), bytes(8_193), now_ms() + 60_000)
