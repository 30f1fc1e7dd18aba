"""Who is calling: how a session is opened, for how long it holds at which node, and what proves nothing."""

import pytest

from companion.crypto.primitives import sign, signing_keypair
from companion.devices import device_id
from companion.times import SLACK_MS
from services.relay.devices import sessions as module
from services.relay.devices.admission import INVITE, OPEN, Admission, Introduction
from services.relay.devices.challenges import SPENT_MS
from services.relay.devices.sessions import SESSION_MS, TRUSTED_MS, UNKEPT_MS, Proof, Sessions, SignedCall
from services.relay.refusal import Refusal, busy
from services.sync.protocol import decode_octets, encode_octets, farewell_message, request_message, session_message

NOW_MS = 1_800_000_000_000
ORIGINS = ("https://relay.example", "http://127.0.0.1:8443")
VOUCHED = b"i" * 16
NODE_KEY = b"n" * 32
STRANGER = Introduction()


class Store:
    """The devices of a real database. While it is `full` it takes nothing; what was looked up stands in `looked`."""

    def __init__(self, devices):
        self._devices = devices
        self.is_full = False
        self.looked = []

    def __getattr__(self, name):
        return getattr(self._devices, name)

    async def open_session(self, *session, may_register):
        if self.is_full:
            raise busy()
        return await self._devices.open_session(*session, may_register=may_register)

    async def spend(self, nonce, until_ms, at_ms):
        if self.is_full:
            raise busy()
        return await self._devices.spend(nonce, until_ms, at_ms)

    async def session(self, token_hash, at_ms):
        self.looked.append(token_hash)
        return await self._devices.session(token_hash, at_ms)


class Device:
    def __init__(self):
        self._private, self.public_key = signing_keypair()
        self.id = bytes.fromhex(device_id(self.public_key))

    async def proof(self, node, origin=ORIGINS[0], **changes):
        nonce = await node.challenge(self.id)
        message = session_message(origin=origin, device=self.id, nonce=nonce, at_ms=NOW_MS)
        fields = {"device": self.id, "public_key": self.public_key, "nonce": nonce, "at_ms": NOW_MS}
        return Proof(**{**fields, "signature": sign(self._private, message), **changes})

    async def call(self, node, **changes):
        said = {"device": self.id, "method": "DELETE", "path": "/v1/account", "body": b"{}", "at_ms": NOW_MS}
        nonce = await node.challenge(self.id)
        message = request_message(origin=ORIGINS[0], nonce=nonce, **said)
        return SignedCall(**{**said, "nonce": nonce, "signature": sign(self._private, message), **changes})

    def farewell(self, scope="account"):
        return sign(self._private, farewell_message(origin=ORIGINS[1], device=self.id, scope=scope))


class Clock:
    ms = NOW_MS

    def now_ms(self):
        return self.ms


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def database(open_store):
    return await open_store()


@pytest.fixture
def store(database):
    return Store(database.devices)


@pytest.fixture
def make_node(store, clock):
    """Nodes of one service: one database, one clock, and caches of their own."""

    async def vouches(invite, at_ms):
        return invite == VOUCHED

    def make(way=OPEN, key=NODE_KEY):
        return Sessions(store, ORIGINS, Admission(way, None, vouches), clock.now_ms, key)

    return make


@pytest.fixture
def node(make_node):
    return make_node()


@pytest.fixture
def device():
    return Device()


async def log_in(node, device, shown=STRANGER):
    token, expires_ms = await node.open(await device.proof(node), shown)
    return f"Bearer {token}", expires_ms


async def is_known(node, header):
    try:
        await node.device(header)
    except Refusal as refusal:
        assert (refusal.status, refusal.code) == (401, "no-session")  # noqa: PT017  (either is an answer)
        return False
    return True


async def code_of(work):
    with pytest.raises(Refusal) as refusal:
        await work
    return refusal.value.status, refusal.value.code


NO_SESSION = (401, "no-session")


async def test_session_holds_for_half_an_hour_at_each_node(node, make_node, device, clock):
    header, expires_ms = await log_in(node, device)
    assert expires_ms == NOW_MS + SESSION_MS
    for ms, is_open in ((NOW_MS, True), (expires_ms - 1, True), (expires_ms, False)):
        clock.ms = ms
        for one in (node, make_node()):
            assert await is_known(one, header) is is_open
    assert not node._known, "what is over is not remembered"
    clock.ms = NOW_MS
    assert await node.device(header) == device.id


@pytest.mark.parametrize("origin", ORIGINS)
async def test_each_address_of_the_service_may_be_signed(node, device, origin):
    token, _ = await node.open(await device.proof(node, origin), STRANGER)
    assert await node.device(f"Bearer {token}") == device.id


async def test_what_proves_nothing_opens_no_session_and_uses_no_nonce_up(node, device):
    proof = await device.proof(node)
    other = await device.proof(node, "https://evil.example")
    bad = Proof(**{**{name: getattr(proof, name) for name in Proof.__slots__}, "signature": bytes(64)})
    for wrong in (other, bad):
        assert await code_of(node.open(wrong, STRANGER)) == NO_SESSION
    await node.open(proof, STRANGER)
    assert await code_of(node.open(proof, STRANGER)) == NO_SESSION


async def test_a_nonce_of_somebody_else_proves_nothing(node, device):
    theirs = await node.challenge(Device().id)
    proof = await device.proof(node)
    message = session_message(origin=ORIGINS[0], device=device.id, nonce=theirs, at_ms=NOW_MS)
    fields = {name: getattr(proof, name) for name in Proof.__slots__}
    wrong = Proof(**{**fields, "nonce": theirs, "signature": sign(device._private, message)})
    assert await code_of(node.open(wrong, STRANGER)) == NO_SESSION


async def test_an_id_that_is_not_that_of_the_key_is_a_bad_request(node, device):
    assert await code_of(node.open(await device.proof(node, device=Device().id), STRANGER)) == (400, "bad-request")


async def test_who_is_new_is_asked_who_vouches_and_who_is_in_is_not(make_node, device):
    node = make_node(INVITE)
    assert await code_of(log_in(node, device)) == (403, "not-admitted")
    assert await code_of(log_in(node, device, Introduction(invite=b"x" * 16))) == (403, "not-admitted")
    await log_in(node, device, Introduction(invite=VOUCHED))
    header, _ = await log_in(node, device)
    assert await node.device(header) == device.id


@pytest.mark.parametrize("header", [None, "", "Bearer ", "bearer {}", "Basic {}", "{}", "Bearer {}A", "Bearer  {}"])
async def test_a_header_that_shows_no_token_is_nobodys(node, device, header):
    shown, _ = await log_in(node, device)
    assert not await is_known(node, header and header.format(shown.removeprefix("Bearer ")))


async def test_a_node_looks_again_after_half_a_minute(node, make_node, device, store, clock):
    header, _ = await log_in(node, device)
    await store.delete_account(device.id, NOW_MS)  # at another node
    assert not await is_known(make_node(), header)
    clock.ms += TRUSTED_MS - 1
    assert await is_known(node, header)
    clock.ms += 1
    assert not await is_known(node, header)
    clock.ms = NOW_MS
    assert not await is_known(node, header)  # it is not remembered any more


async def test_a_node_looks_again_where_its_clock_was_set_back(node, device, store, clock):
    header, _ = await log_in(node, device)
    await store.delete_account(device.id, NOW_MS)
    assert await is_known(node, header)
    clock.ms -= 1
    assert not await is_known(node, header)


async def test_a_session_that_was_looked_up_costs_no_read_for_a_while(make_node, device, store, clock):
    header, _ = await log_in(make_node(), device)
    node = make_node()
    for ms in (0, 1, TRUSTED_MS - 1, TRUSTED_MS, TRUSTED_MS + 1):
        clock.ms = NOW_MS + ms
        assert await is_known(node, header)
    assert len(store.looked) == 2


async def test_a_session_of_a_clock_that_was_ahead_ends(node, device, clock):
    header, expires_ms = await log_in(node, device)
    clock.ms = expires_ms - SESSION_MS - SLACK_MS
    assert await is_known(node, header)
    clock.ms -= 1
    assert not await is_known(node, header)


async def test_a_deleted_devices_sessions_end_at_once_and_nobody_elses(node, device, store):
    other = Device()
    mine, second = [(await log_in(node, device))[0] for _ in range(2)]
    theirs, _ = await log_in(node, other)
    await store.delete_account(device.id, NOW_MS)
    node.forget(device.id)
    assert [await is_known(node, header) for header in (mine, second, theirs)] == [False, False, True]
    assert len(store.looked) == 2, "nobody else had to be looked up"


async def test_a_node_remembers_so_many_sessions_and_the_newest(node, device, store, monkeypatch):
    monkeypatch.setattr(module, "CACHE_MOST", 2)
    headers = [(await log_in(node, device))[0] for _ in range(3)]
    for header, looked in zip(reversed(headers), (0, 0, 1), strict=True):
        await node.device(header)
        assert len(store.looked) == looked


# A database that takes nothing -------------------------------------------------------------------------


async def test_who_is_known_logs_in_for_ten_minutes_while_the_database_takes_nothing(
    node, make_node, device, store, clock
):
    await log_in(node, device)
    store.is_full = True
    header, expires_ms = await log_in(node, device)
    assert expires_ms == NOW_MS + UNKEPT_MS
    for ms, is_open in ((NOW_MS, True), (expires_ms - 1, True), (expires_ms, False)):
        clock.ms = ms
        for one in (node, make_node()):
            assert await is_known(one, header) is is_open
    assert store.looked == []
    clock.ms = NOW_MS
    assert await make_node().device(header) == device.id


async def test_who_is_new_waits_until_the_database_takes_something(node, device, store):
    store.is_full = True
    assert await code_of(log_in(node, device)) == (503, "busy")


async def test_who_was_blocked_gets_no_session_of_either_kind(node, device, database):
    await log_in(node, device)
    await database.operate(("insert into blocked(device) values($1)",), device.id)
    assert await code_of(log_in(node, device)) == (403, "blocked")


async def test_who_was_deleted_gets_no_session_of_either_kind(node, device, store):
    await log_in(node, device)
    await store.delete_account(device.id, NOW_MS)
    assert (await code_of(log_in(node, device)))[0] == 403


async def test_a_session_that_was_not_kept_is_proven_by_the_nodes_key_alone(node, make_node, device, store):
    await log_in(node, device)
    store.is_full = True
    header, _ = await log_in(node, device)
    token = decode_octets(header.removeprefix("Bearer "))
    assert not await is_known(make_node(key=b"m" * 32), header)
    for at in (0, 15, 16, 23, 24, 31, 32, 63):
        changed = bytearray(token)
        changed[at] ^= 1
        assert not await is_known(make_node(), f"Bearer {encode_octets(bytes(changed))}")
    assert not await is_known(make_node(), "Bearer " + "?" * 86)


async def test_a_session_that_was_not_kept_ends_with_its_device(node, make_node, device, store):
    await log_in(node, device)
    store.is_full = True
    header, _ = await log_in(node, device)
    await store.delete_account(device.id, NOW_MS)
    assert not await is_known(make_node(), header)


async def test_a_nonce_serves_once_at_a_node_whose_database_takes_nothing(node, device, store, clock):
    await log_in(node, device)
    store.is_full = True
    proof = await device.proof(node)
    await node.open(proof, STRANGER)
    clock.ms += 1
    assert await code_of(node.open(proof, STRANGER)) == NO_SESSION
    assert list(node._spent) == [proof.nonce]
    clock.ms += SPENT_MS - 1
    await log_in(node, device)
    assert len(node._spent) == 2
    clock.ms += 1
    await log_in(node, device)
    assert len(node._spent) == 2


# What a device signed ----------------------------------------------------------------------------------


async def test_a_signed_call_serves_once_and_for_what_it_says(node, device):
    await log_in(node, device)
    for changes in ({"method": "POST"}, {"path": "/v1/other"}, {"body": b"[]"}, {"at_ms": 0}, {"signature": bytes(64)}):
        assert await code_of(node.check_signed(await device.call(node, **changes))) == NO_SESSION
    call = await device.call(node)
    await node.check_signed(call)
    assert await code_of(node.check_signed(call)) == NO_SESSION


async def test_a_signed_call_of_nobody_here_is_refused(node, device):
    assert await code_of(node.check_signed(await device.call(node))) == NO_SESSION


async def test_a_farewell_counts_where_its_device_is_and_signed_it(node, device, store):
    signature = device.farewell()
    assert await code_of(node.check_farewell(device.id, "account", signature)) == (404, "never-here")
    await log_in(node, device)
    for scope, shown in (("device", signature), ("account", bytes(64))):
        assert await code_of(node.check_farewell(device.id, scope, shown)) == NO_SESSION
    assert await node.check_farewell(device.id, "account", signature) is True
    await store.delete_account(device.id, NOW_MS)
    assert await node.check_farewell(device.id, "account", bytes(64)) is False
