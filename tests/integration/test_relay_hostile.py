"""What a stranger may send: each gets the right refusal with one sentence, and nothing is stored."""

import asyncio
import contextlib
import json
import re
import secrets
import time
from importlib.resources import files

import apsw
import httpx
import pytest

from companion.crypto.primitives import sign, signing_keypair
from companion.devices import device_id
from companion.errors import Offline
from services.sync.protocol import decode_octets, encode_octets, session_message

ID = "ab" * 16
CAPABILITY = "cd" * 32


DOCUMENT = json.loads(files("services.relay").joinpath("openapi.json").read_text(encoding="utf-8"))
TEMPLATES = {
    re.compile(re.sub(r"\{\w+\}", "[^/]+", path)): {
        m.upper(): o.get("responses") for m, o in item.items() if m != "parameters"
    }
    for path, item in DOCUMENT["paths"].items()
}


async def check_declared(answer):
    """Every answer in this file is one that the OpenAPI file promises."""
    for template, methods in TEMPLATES.items():
        if template.fullmatch(answer.request.url.path) and answer.request.method in methods:
            assert str(answer.status_code) in methods[answer.request.method]
            return
    assert answer.status_code in (404, 405)


def caller(relay):
    return httpx.AsyncClient(
        base_url=relay.url, trust_env=False, timeout=10, event_hooks={"response": [check_declared]}
    )


@pytest.fixture
async def http(relay):
    async with caller(relay) as http:
        yield http


@pytest.fixture
async def standing_http(standing_relay):
    async with caller(standing_relay) as http:
        yield http


async def proof(http, *, origin=None, at_ms=None, private=None, **changes):
    private, public = signing_keypair() if private is None else signing_keypair(lambda n: private)
    device = bytes.fromhex(device_id(public))
    answer = await http.post("/v1/challenges", json={"device": device.hex()})
    nonce = answer.json()["nonce"]
    at_ms = time.time_ns() // 1_000_000 if at_ms is None else at_ms
    origin = origin or str(http.base_url).rstrip("/")
    message = session_message(origin=origin, device=device, nonce=decode_octets(nonce), at_ms=at_ms)
    fields = {
        "device": device.hex(),
        "public_key": encode_octets(public),
        "nonce": nonce,
        "at_ms": at_ms,
        "signature": encode_octets(sign(private, message)),
    }
    return {**fields, **changes}


async def open_session(http):
    answer = await http.post("/v1/sessions", json=await proof(http))
    assert answer.status_code == 201
    return {"authorization": "Bearer " + answer.json()["token"]}


@pytest.fixture
async def authorised(http):
    return await open_session(http)


@pytest.fixture
async def standing_member(standing_http):
    """Headers of a device with a session, and the group it may use."""
    headers = await open_session(standing_http)
    await standing_http.post("/v1/groups", json={"group": ID, "capability": CAPABILITY}, headers=headers)
    return {**headers, "companion-capability": CAPABILITY}


def rows(relay):
    """How many rows each table has."""
    connection = apsw.Connection(str(relay.data / "relay.db"), flags=apsw.SQLITE_OPEN_READONLY)
    tables = ("grp", "event", "device", "session", "invite")
    counts = {t: next(connection.execute(f"select count(*) from {t}"))[0] for t in tables}  # noqa: S608
    connection.close()
    return counts


def check_refusal(answer, status, code):
    assert (answer.status_code, answer.json()["error"]) == (status, code)
    assert answer.json()["message"].endswith(".")


async def test_forged_signature_opens_no_session(http, relay):
    fields = await proof(http, signature=encode_octets(secrets.token_bytes(64)))
    check_refusal(await http.post("/v1/sessions", json=fields), 401, "no-session")
    assert rows(relay)["device"] == 0


async def test_signature_for_another_service_opens_no_session(http):
    fields = await proof(http, origin="http://evil.example")
    check_refusal(await http.post("/v1/sessions", json=fields), 401, "no-session")


async def test_replayed_proof_opens_no_second_session(http, relay):
    fields = await proof(http)
    assert (await http.post("/v1/sessions", json=fields)).status_code == 201
    check_refusal(await http.post("/v1/sessions", json=fields), 401, "no-session")
    assert rows(relay)["session"] == 1


async def test_stolen_id_with_another_key_is_refused(http):
    victim = await proof(http)
    fields = await proof(http, device=victim["device"])
    check_refusal(await http.post("/v1/sessions", json=fields), 400, "bad-request")


async def test_a_clock_that_is_off_shuts_nobody_out_and_a_challenge_serves_once(http):
    for shift_ms in (-400 * 86_400_000, 400 * 86_400_000):
        fields = await proof(http, at_ms=time.time_ns() // 1_000_000 + shift_ms)
        assert (await http.post("/v1/sessions", json=fields)).status_code == 201
        check_refusal(await http.post("/v1/sessions", json=fields), 401, "no-session")


async def test_what_a_caller_says_it_addressed_does_not_count(http, relay):
    for origin, host in (("http://evil.example", "evil.example"), (f"http://evil:{relay.port}", f"evil:{relay.port}")):
        fields = await proof(http, origin=origin)
        answer = await http.post("/v1/sessions", json=fields, headers={"host": host})
        check_refusal(answer, 401, "no-session")
    fields = await proof(http, origin=f"http://localhost:{relay.port}")
    assert (await http.post("/v1/sessions", json=fields)).status_code == 201


async def test_configured_origin_counts_and_the_host_header_does_not(make_relay):
    relay = make_relay("--origin", "https://Relay.Example:8443")
    async with caller(relay) as http:
        fields = await proof(http)
        check_refusal(await http.post("/v1/sessions", json=fields), 401, "no-session")
        fields = await proof(http, origin="https://relay.example:8443")
        assert (await http.post("/v1/sessions", json=fields)).status_code == 201


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"[" * 2_000,
        b"\xff\xfe",
        b'{"device": 5}',
        b'{"device": "' + b"AB" * 16 + b'"}',
        b'{"device": "ab"}',
        b'{"device": null}',
    ],
)
async def test_malformed_challenge_is_a_bad_request(standing_http, body):
    check_refusal(await standing_http.post("/v1/challenges", content=body), 400, "bad-request")


@pytest.mark.parametrize(
    "changes",
    [
        {"at_ms": "5"},
        {"at_ms": -1},
        {"at_ms": 1.5},
        {"at_ms": True},
        {"at_ms": 10**30},
        {"nonce": "AAAA"},
        {"nonce": "?"},
        {"signature": ""},
        {"signature": None},
        {"public_key": "A" * 44},
        {"public_key": []},
    ],
)
async def test_malformed_proof_is_a_bad_request(standing_http, changes):
    fields = {**await proof(standing_http), **changes}
    check_refusal(await standing_http.post("/v1/sessions", json=fields), 400, "bad-request")


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer x", "Basic eDp5", "Bearer " + "A" * 43, "bearer x"])
async def test_every_authorised_call_needs_a_session(standing_http, header):
    headers = {} if header is None else {"authorization": header}
    calls = [
        ("POST", "/v1/groups"),
        ("POST", f"/v1/groups/{ID}/events"),
        ("GET", f"/v1/groups/{ID}/events"),
        ("POST", "/v1/stream"),
        ("PUT", f"/v1/invites/{ID}"),
        ("GET", f"/v1/invites/{ID}"),
        ("POST", f"/v1/invites/{ID}/claim"),
    ]
    for method, path in calls:
        check_refusal(await standing_http.request(method, path, headers=headers), 401, "no-session")


async def test_oversized_and_empty_envelopes_are_not_stored(http, relay, authorised):
    await http.post("/v1/groups", json={"group": ID, "capability": CAPABILITY}, headers=authorised)
    headers = {**authorised, "companion-capability": CAPABILITY, "idempotency-key": ID}
    path = f"/v1/groups/{ID}/events"

    async def trickle():
        for _ in range(70):
            yield bytes(1_000)

    check_refusal(await http.post(path, content=bytes(65_537), headers=headers), 413, "too-large")
    check_refusal(await http.post(path, content=trickle(), headers=headers), 413, "too-large")
    check_refusal(await http.post(path, content=b"", headers=headers), 400, "bad-request")
    assert rows(relay)["event"] == 0
    assert (await http.post(path, content=bytes(65_536), headers=headers)).status_code == 201


@pytest.mark.parametrize(
    "changes",
    [
        {"idempotency-key": "x"},
        {"idempotency-key": ID.upper()},
        {"companion-capability": "x"},
        {"if-epoch": "-1"},
        {"if-epoch": "9" * 30},
        {"if-epoch": "1.5"},
    ],
)
async def test_malformed_headers_are_a_bad_request(standing_http, standing_relay, standing_member, changes):
    headers = {**standing_member, "idempotency-key": ID, **changes}
    answer = await standing_http.post(f"/v1/groups/{ID}/events", content=b"x", headers=headers)
    check_refusal(answer, 400, "bad-request")
    assert rows(standing_relay)["event"] == 0


@pytest.mark.parametrize(
    "query",
    [
        "since=-1",
        "since=x",
        "since=" + "9" * 30,
        "since=\u0663",
        "limit=",
        "limit=0",
        "limit=501",
        "wait=31",
        "wait=-1",
    ],
)
async def test_malformed_parameters_are_a_bad_request(standing_http, standing_member, query):
    answer = await standing_http.get(f"/v1/groups/{ID}/events?{query}", headers=standing_member)
    check_refusal(answer, 400, "bad-request")


@pytest.mark.parametrize(
    "groups",
    [
        None,
        {},
        [1],
        [{"group": ID}],
        [{"group": ID, "capability": CAPABILITY, "since": -1}],
        [{"group": ID, "capability": CAPABILITY, "since": 0}] * 2,
        [{}] * 513,
    ],
)
async def test_malformed_stream_request_is_a_bad_request(standing_http, standing_member, groups):
    body = json.dumps({"groups": groups})
    check_refusal(await standing_http.post("/v1/stream", content=body, headers=standing_member), 400, "bad-request")


async def test_malformed_ids_and_addresses_are_refused(http, authorised):
    check_refusal(await http.get("/v1/invites/xyz", headers=authorised), 400, "bad-request")
    check_refusal(await http.get("/v1/nothing"), 404, "unknown")
    check_refusal(await http.delete("/v1/groups", headers=authorised), 405, "bad-request")


async def test_device_over_its_rate_has_to_wait(make_relay):
    relay = make_relay("--events-per-minute", "3")
    async with caller(relay) as http:
        token = (await http.post("/v1/sessions", json=await proof(http))).json()["token"]
        headers = {"authorization": f"Bearer {token}", "companion-capability": CAPABILITY}
        await http.post("/v1/groups", json={"group": ID, "capability": CAPABILITY}, headers=headers)
        answers = [
            await http.post(
                f"/v1/groups/{ID}/events",
                content=b"x",
                headers={**headers, "idempotency-key": secrets.token_hex(16)},
            )
            for _ in range(8)  # a new minute may begin once meanwhile
        ]
        refused = [a for a in answers if a.status_code == 429]
        assert refused
        check_refusal(refused[0], 429, "slow-down")
        assert 1 <= int(refused[0].headers["retry-after"]) <= 61
        assert rows(relay)["event"] == len(answers) - len(refused)


async def test_full_disk_stops_appends_and_not_reads(make_relay, device):
    relay = make_relay("--most-bytes", "400000")
    client = device(relay.url)
    name, capability = secrets.token_hex(16), secrets.token_hex(32)
    await client.create_group(name, capability)
    answers = []
    while len(answers) < 200 and not any(isinstance(a, Offline) for a in answers):
        answers += await asyncio.gather(
            client.append(name, capability, secrets.token_hex(16), bytes(8_000)), return_exceptions=True
        )
    assert str(answers[-1]) == "status 503"
    kept = len(answers) - 1
    assert 10 < kept < 60
    assert [e.seq for e in await client.events(name, capability, 0)] == list(range(1, kept + 1))
    relay.stop()
    relay.options = ()
    relay.start()
    assert (await client.append(name, capability, secrets.token_hex(16), bytes(8_000))).seq == kept + 1


async def test_reader_who_takes_nothing_costs_others_nothing(http, relay, device, new_id, new_capability):
    client = device()
    name, capability = new_id(), new_capability()
    await client.create_group(name, capability)
    token = (await http.post("/v1/sessions", json=await proof(http))).json()["token"]
    body = json.dumps({"groups": [{"group": name, "capability": capability, "since": 0}]}).encode()
    _, writer = await asyncio.open_connection("127.0.0.1", relay.port, limit=1_024)
    head = f"POST /v1/stream HTTP/1.1\r\nhost: 127.0.0.1:{relay.port}\r\nauthorization: Bearer {token}\r\n"
    writer.write(head.encode() + f"content-length: {len(body)}\r\n\r\n".encode() + body)
    await writer.drain()
    with contextlib.closing(writer):
        async with asyncio.timeout(30):
            for i in range(150):  # some 13 MB of frames, far more than any buffer on the way
                receipt = await client.append(name, capability, new_id(), bytes(65_536))
                assert receipt.seq == i + 1
            assert len(await client.events(name, capability, 145)) == 5


async def test_garbage_instead_of_http_harms_nobody(relay, http):
    for garbage in (
        b"\x16\x03\x01\x02\x00",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x00" * 5_000,
        b"POST /v1/groups HTTP/1.1\r\n",
    ):
        _, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        writer.write(garbage)
        await writer.drain()
        writer.close()
    assert (await http.get("/healthz")).status_code == 200
    assert (await http.get("/readyz")).status_code == 200


async def test_logs_and_database_hold_no_capability_and_no_token(http, relay, device, new_id, new_capability):
    client = device()
    name, capability = new_id(), new_capability()
    await client.create_group(name, capability)
    await client.append(name, capability, new_id(), b"sealed")
    await http.post("/v1/sessions", json=await proof(http, signature="A" * 86))
    token = client._token
    errors = await asyncio.to_thread(relay.stop)
    kept = errors.encode() + b"".join(p.read_bytes() for p in relay.data.rglob("*") if p.is_file())
    for secret in (capability.encode(), bytes.fromhex(capability), token.encode(), b"127.0.0.1"):
        assert secret not in kept
    assert errors == ""


async def test_second_relay_does_not_take_the_same_folder(relay, make_relay):
    with pytest.raises(AssertionError, match="Another relay is using this folder"):
        make_relay(data=relay.data)


async def test_foreign_database_is_left_alone(make_relay, tmp_path):
    path = tmp_path / "foreign" / "relay.db"
    path.parent.mkdir()
    path.write_bytes(b"not a database at all, but somebody's file" * 100)
    before = path.read_bytes()
    with pytest.raises(AssertionError, match="cannot be opened"):
        make_relay(data=path.parent)
    assert path.read_bytes() == before
