"""Who may register, what newcomers may take up together, and challenges that cost nothing; on both databases."""

import secrets
import time

import httpx
import pytest

from companion.crypto.primitives import sign, signing_keypair
from companion.devices import device_id
from companion.errors import RelayRefused
from services.relay import newcomers
from services.relay.blobs.store import Upload
from services.relay.devices.admission import INVITE, OPEN, TOKEN, Admission, Introduction
from services.relay.devices.sessions import Proof, Sessions
from services.relay.devices.store import Post
from services.relay.limits import DAY_MS, MINUTE_MS, Quotas
from services.relay.log.store import Draft
from services.relay.refusal import Refusal, busy

NOW_MS = 1_800_000_000_000
ORIGIN = "https://relay.example"
GROUP, CAPABILITY = b"g" * 16, b"c" * 32
TOKEN_TEXT = "kettle-lantern-marmalade"


class Device:
    """A key that opens sessions."""

    def __init__(self):
        self.private, self.public = signing_keypair()
        self.id = bytes.fromhex(device_id(self.public))

    async def proof(self, sessions, origin=ORIGIN):
        nonce = await sessions.challenge(self.id)
        unsigned = Proof(device=self.id, public_key=self.public, nonce=nonce, at_ms=NOW_MS, signature=b"")
        signature = sign(self.private, unsigned.message(origin))
        return Proof(device=self.id, public_key=self.public, nonce=nonce, at_ms=NOW_MS, signature=signature)

    async def open(self, sessions, **shown):
        return await sessions.open(await self.proof(sessions), Introduction(**shown))


def sessions_of(store, way=OPEN, tokens=None, now_ms=NOW_MS):
    return Sessions(store.devices, (ORIGIN,), Admission(way, tokens, store.log.vouches), lambda: now_ms, b"s" * 32)


async def refusal_of(work):
    with pytest.raises(Refusal) as refusal:
        await work
    return refusal.value.status, refusal.value.code


async def rows(store, table):
    sql = f"select count(*) from {table}"  # noqa: S608
    if hasattr(store, "_read"):
        return await store._read(lambda connection: next(connection.execute(sql))[0])
    async with store._connection() as connection:
        return await connection.fetchval(sql)


# Challenges


async def test_a_flood_of_challenges_leaves_nothing_behind_and_stops_no_login(make_store):
    store = await make_store()
    sessions, member = sessions_of(store), Device()
    proof = await member.proof(sessions)
    for number in range(20_000):
        await sessions.challenge(number.to_bytes(16, "big"))
    assert (await sessions.open(proof, Introduction()))[0]
    assert await member.open(sessions)
    if hasattr(store, "_read"):
        assert len(store.devices._spent) == 2
    else:
        assert await rows(store, "spent") == 2


async def test_challenge_serves_once_and_only_a_signature_that_holds_uses_it_up(make_store):
    sessions, member = sessions_of(await make_store()), Device()
    proof = await member.proof(sessions)
    forged = Proof(
        device=proof.device, public_key=proof.public_key, nonce=proof.nonce, at_ms=NOW_MS, signature=bytes(64)
    )
    assert await refusal_of(sessions.open(forged, Introduction())) == (401, "no-session")
    assert await sessions.open(proof, Introduction())
    assert await refusal_of(sessions.open(proof, Introduction())) == (401, "no-session")


@pytest.mark.parametrize("make_store", ["postgres"], indirect=True)
async def test_node_takes_the_challenge_of_another_and_not_one_that_was_used_there(make_store):
    first, second, member = sessions_of(await make_store()), sessions_of(await make_store()), Device()
    proof = await member.proof(first)
    assert await second.open(proof, Introduction())
    assert await refusal_of(first.open(proof, Introduction())) == (401, "no-session")


async def test_login_for_another_service_is_not_passed_on(make_store):
    sessions, member = sessions_of(await make_store()), Device()
    proof = await member.proof(sessions, origin="https://elsewhere.example")
    assert await refusal_of(sessions.open(proof, Introduction())) == (401, "no-session")


# A database that takes nothing


class Full:
    """Devices of a database that takes nothing new."""

    def __init__(self, devices):
        self._devices = devices

    def __getattr__(self, name):
        return getattr(self._devices, name)

    async def open_session(self, *session, may_register):
        raise busy()


def full_sessions(store, now_ms=NOW_MS, key=b"s" * 32):
    return Sessions(Full(store.devices), (ORIGIN,), Admission(OPEN, None, None), lambda: now_ms, key)


async def test_session_that_is_not_kept_counts_for_its_device_and_its_time_only(make_store):
    store, member = await make_store(), Device()
    await member.open(sessions_of(store))
    token, expires_ms = await member.open(full_sessions(store))
    shown = f"Bearer {token}"
    assert await full_sessions(store).device(shown) == member.id  # at another node, too
    for changed in (0, 20, 40, 60, 85):
        other = token[:changed] + ("A" if token[changed] != "A" else "g") + token[changed + 1 :]
        assert await refusal_of(full_sessions(store).device(f"Bearer {other}")) == (401, "no-session")
    assert await refusal_of(full_sessions(store, expires_ms).device(shown)) == (401, "no-session")
    assert await refusal_of(full_sessions(store, key=b"t" * 32).device(shown)) == (401, "no-session")
    await store.devices.delete(member.id, member.id, NOW_MS)
    assert await refusal_of(full_sessions(store).device(shown)) == (401, "no-session")


async def test_stranger_gets_no_session_that_is_not_kept(make_store):
    store = await make_store()
    assert await refusal_of(Device().open(full_sessions(store))) == (503, "busy")


# Newcomers


async def test_thousands_of_registrations_shut_out_nobody(make_store):
    store = await make_store()
    for number in range(1_500):
        key = number.to_bytes(32, "big")
        assert await store.devices.open_session(key[16:], key, key, NOW_MS + 9, NOW_MS, may_register=True)
    assert await Device().open(sessions_of(store))


async def test_idle_newcomers_are_forgotten_and_come_back_as_if_nothing_had_been(make_store):
    store = await make_store()
    idle, active, waiting = Device(), Device(), Device()
    sessions = sessions_of(store)
    for device in (idle, active, waiting):
        await device.open(sessions)
    await store.log.create_group(GROUP, CAPABILITY, active.id, NOW_MS)
    letter = Post(device=waiting.id, cid=b"1" * 16, body=b"x", sender=active.id, at_ms=NOW_MS)
    await store.devices.post(letter)
    await store.sweep(NOW_MS + newcomers.IDLE_MS - 1)
    assert await store.devices.public_key(idle.id) is not None
    await store.sweep(NOW_MS + newcomers.IDLE_MS)
    known = [await store.devices.public_key(d.id) is not None for d in (idle, active, waiting)]
    assert known == [False, True, True]
    assert await idle.open(sessions)
    assert await store.devices.public_key(idle.id) == idle.public


async def test_of_too_many_idle_newcomers_the_oldest_go(make_store, monkeypatch):
    monkeypatch.setattr(newcomers, "IDLE_MOST", 3)
    store, devices = await make_store(), [Device() for _ in range(6)]
    for number, device in enumerate(devices):
        await device.open(sessions_of(store, now_ms=NOW_MS + number))
    await store.sweep(NOW_MS + MINUTE_MS)
    assert [await store.devices.public_key(d.id) is not None for d in devices] == [False, False] + [True] * 4


STORES = {
    "events": lambda store, device: store.log.append(
        Draft(group=GROUP, capability_hash=CAPABILITY, device=device, cid=b"1" * 16, body=bytes(500), at_ms=NOW_MS)
    ),
    "blobs": lambda store, device: store.blobs.reserve(
        Upload(blob=b"b" * 16, size=500, sha256=b"s" * 32, device=device, at_ms=NOW_MS)
    ),
    "letters": lambda store, device: store.devices.post(
        Post(device=b"m" * 16, cid=b"1" * 16, body=bytes(500), sender=device, at_ms=NOW_MS)
    ),
    "invites": lambda store, device: store.log.put_invite(b"i" * 16, bytes(500), NOW_MS + 9, device, NOW_MS),
    "packages": lambda store, device: store.devices.publish(device, [bytes(250)], bytes(250), NOW_MS),
    "groups": lambda store, device: store.log.create_group(b"h" * 16, CAPABILITY, device, NOW_MS),
}


@pytest.mark.parametrize("kind", STORES)
async def test_newcomers_share_one_pot_and_members_have_their_own(make_store, kind):
    store = await make_store(Quotas(newcomer_bytes_per_day=1_000))
    member, first, second = Device(), Device(), Device()
    await member.open(sessions_of(store, now_ms=NOW_MS - DAY_MS))
    await store.log.create_group(GROUP, CAPABILITY, member.id, NOW_MS - DAY_MS)
    register = store.devices.open_session
    await register(b"m" * 16, b"k" * 32, b"t" * 32, NOW_MS + 9, NOW_MS - DAY_MS, may_register=True)
    await store.devices.publish(b"m" * 16, [b"p"], None, NOW_MS - DAY_MS)
    await store.sweep(NOW_MS)
    for newcomer in (first, second):
        await newcomer.open(sessions_of(store))
    pot = Upload(blob=b"0" * 16, size=800, sha256=b"s" * 32, device=first.id, at_ms=NOW_MS)
    await store.blobs.reserve(pot)
    with pytest.raises(Refusal) as refusal:
        await STORES[kind](store, second.id)
    assert (refusal.value.status, refusal.value.code) == (429, "slow-down")
    assert "newcomers" in refusal.value.message
    await STORES[kind](store, member.id)


async def test_newcomer_is_none_any_more_after_a_day(make_store):
    store = await make_store(Quotas(newcomer_bytes_per_day=1_000))
    device = Device()
    await device.open(sessions_of(store))
    await store.log.create_group(GROUP, CAPABILITY, device.id, NOW_MS)
    await store.sweep(NOW_MS + DAY_MS)
    big = Upload(blob=b"0" * 16, size=5_000, sha256=b"s" * 32, device=device.id, at_ms=NOW_MS + DAY_MS)
    assert (await store.blobs.reserve(big)).size == 5_000


async def test_sentence_says_whose_limit_it_is(make_store):
    store = await make_store(Quotas(posted_per_hour=0, events_per_minute=0))
    register = store.devices.open_session
    await register(b"m" * 16, b"k" * 32, b"t" * 32, NOW_MS + 9, NOW_MS, may_register=True)
    await store.log.create_group(GROUP, CAPABILITY, b"m" * 16, NOW_MS)
    said = []
    for kind in ("letters", "events"):
        with pytest.raises(Refusal) as refusal:
            await STORES[kind](store, b"s" * 16)
        said.append(refusal.value.message)
    assert ["that device" in said[0], "This device" in said[1]] == [True, True]


# Admission


@pytest.fixture
def tokens(tmp_path):
    path = tmp_path / "tokens"
    path.write_text(f"# for the practice\n{TOKEN_TEXT}\n", encoding="ascii")
    return path


async def test_member_gets_in_whatever_newcomers_need(make_store, tokens):
    store, member = await make_store(), Device()
    await member.open(sessions_of(store))
    for way in (INVITE, TOKEN):
        assert await member.open(sessions_of(store, way, tokens))


async def test_newcomer_without_anything_to_show_is_not_admitted_and_not_kept(make_store, tokens):
    store, stranger = await make_store(), Device()
    for way in (INVITE, TOKEN):
        assert await refusal_of(stranger.open(sessions_of(store, way, tokens))) == (403, "not-admitted")
        wrong = stranger.open(sessions_of(store, way, tokens), token=TOKEN_TEXT + "x", invite=b"i" * 16)
        assert await refusal_of(wrong) == (403, "not-admitted")
    assert await rows(store, "device") == 0


async def test_token_counts_until_the_operator_takes_it_out(make_store, tokens):
    store = await make_store()
    for way in (INVITE, TOKEN):
        assert await Device().open(sessions_of(store, way, tokens), token=TOKEN_TEXT)
    tokens.write_text("another-token-of-the-operator\n", encoding="ascii")
    assert await refusal_of(Device().open(sessions_of(store, TOKEN, tokens), token=TOKEN_TEXT)) == (403, "not-admitted")
    tokens.unlink()
    assert await refusal_of(Device().open(sessions_of(store, TOKEN, tokens), token=TOKEN_TEXT)) == (503, "busy")


async def test_invite_lets_in_as_many_devices_as_a_person_may_have_until_it_runs_out(make_store):
    store, member = await make_store(), Device()
    await member.open(sessions_of(store))
    await store.log.put_invite(b"i" * 16, b"sealed", NOW_MS + MINUTE_MS, member.id, NOW_MS)
    sessions = sessions_of(store, INVITE)
    for _ in range(8):
        assert await Device().open(sessions, invite=b"i" * 16)
    assert await refusal_of(Device().open(sessions, invite=b"i" * 16)) == (429, "slow-down")
    late = sessions_of(store, INVITE, now_ms=NOW_MS + MINUTE_MS)
    assert await refusal_of(Device().open(late, invite=b"i" * 16)) == (403, "not-admitted")
    only_tokens = sessions_of(store, TOKEN)
    assert await refusal_of(Device().open(only_tokens, invite=b"i" * 16)) == (403, "not-admitted")


async def test_clients_show_their_invite_and_the_token_of_the_address(make_relay, device_at, tokens, new_id):
    relay = make_relay("--admission", "invite", "--admission-tokens", str(tokens))
    founder = device_at(relay.url.replace("//", f"//{TOKEN_TEXT}@"))
    stranger, guest = device_at(relay.url), device_at(relay.url)
    async with httpx.AsyncClient(trust_env=False) as http:
        assert (await http.get(relay.url + "/v1/about")).json()["admission"] == "invite"
    invite = new_id()
    await founder.put_invite(invite, b"sealed", time.time_ns() // 1_000_000 + MINUTE_MS)
    with pytest.raises(RelayRefused, match="403 not-admitted"):
        await stranger.key_packages_left()
    with pytest.raises(RelayRefused, match="403 not-admitted"):
        await stranger.get_invite(secrets.token_hex(16))
    assert await guest.claim_invite(invite) == b"sealed"
    assert await guest.key_packages_left() == 0
