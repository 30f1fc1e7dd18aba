"""Only what bears the service's mark is the service's answer: a sign-in page says yes to everything."""

import asyncio

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.crypto.primitives import signing_keypair
from companion.devices import device_id
from companion.errors import Offline, OtherAnswers, ProxyRefuses, RelayRefused, ServiceDown, ServiceTooOld, SyncError
from companion.farewells import DEVICE, Farewell
from companion.ports import GroupCursor
from services.sync.client import RelayClient
from services.sync.farewells import bring_farewell
from services.sync.protocol import MARK_HEADER, SERVICE

ID, OTHER, CAPABILITY = "ab" * 16, "ef" * 16, "cd" * 32
FAREWELL = Farewell(service="http://relay.example", device=ID, scope=DEVICE, signature=bytes(64))
ABOUT = {"service": SERVICE, "protocol_min": 1, "protocol_max": 1, "incarnation": "0" * 32, "version": "1"}
MARK = {MARK_HEADER: SERVICE}
OPENING = {
    "/v1/about": httpx.Response(200, json=ABOUT),
    "/v1/challenges": httpx.Response(200, json={"nonce": "A" * 43}),
    "/v1/sessions": httpx.Response(201, json={"token": "t", "expires_ms": 1}),
}
PAGE = b"<html><body>Welcome to guest Wi-Fi. Please accept the terms.</body></html>"


async def octets(offset, length):
    return bytes(length)


async def first_of(stream):
    async for item in stream:
        return item


CALLS = {
    "create_group": lambda c: c.create_group(ID, CAPABILITY),
    "append": lambda c: c.append(ID, CAPABILITY, OTHER, b"x"),
    "events": lambda c: c.events(ID, CAPABILITY, 0),
    "stream": lambda c: first_of(c.stream((GroupCursor(group=ID, capability=CAPABILITY, since=0),))),
    "put_invite": lambda c: c.put_invite(ID, b"x", 1),
    "get_invite": lambda c: c.get_invite(ID),
    "claim_invite": lambda c: c.claim_invite(ID),
    "post_to_inbox": lambda c: c.post_to_inbox(ID, OTHER, b"x"),
    "inbox": lambda c: c.inbox(0),
    "acknowledge_inbox": lambda c: c.acknowledge_inbox(1),
    "publish_key_packages": lambda c: c.publish_key_packages((b"x",), None),
    "key_packages_left": lambda c: c.key_packages_left(),
    "claim_key_package": lambda c: c.claim_key_package(ID),
    "join_account": lambda c: c.join_account(CAPABILITY),
    "revoke_device": lambda c: c.revoke_device(ID),
    "farewell": lambda c: bring_farewell("http://relay.example", FAREWELL, c._transport._http),
    "put_blob": lambda c: c.put_blob(ID, 5, octets),
    "put_large_blob": lambda c: c.put_blob(ID, 2_000_000, octets),
    "get_blob": lambda c: c.get_blob(ID, 0, 5),
}
STREAM = {"content-type": "text/event-stream"}
PAGES = {
    "page": lambda: httpx.Response(200, content=PAGE, headers={"content-type": "text/html"}),
    "made": lambda: httpx.Response(201, content=PAGE),
    "nothing": lambda: httpx.Response(204),
    "object": lambda: httpx.Response(200, json={"seq": 1, "at_ms": 1, "left": 20, "events": [], "items": []}),
    "stream": lambda: httpx.Response(200, content=b"event: live\ndata: {}\n\n", headers=STREAM),
    "unknown": lambda: httpx.Response(404, json={"error": "unknown"}),
    "blocked": lambda: httpx.Response(403, json={"error": "blocked", "message": "by policy"}),
    "gone": lambda: httpx.Response(410, json={"error": "expired"}),
    "signed out": lambda: httpx.Response(401, json={"error": "no-session"}),
    "full": lambda: httpx.Response(413, json={"error": "too-large"}),
    "elsewhere": lambda: httpx.Response(302, headers={"location": "https://login.example/"}),
    "piece": lambda: httpx.Response(206, content=b"12345"),
    "sign in": lambda: httpx.Response(511, content=PAGE),
}  # fmt: skip


def client_behind(answer):
    """A client whose session opens, and who then gets `answer`, without the mark, for every call."""

    def handle(request):
        opening = OPENING.get(request.url.path)
        if opening is None or "authorization" in request.headers:
            return answer()
        return httpx.Response(opening.status_code, content=opening.content, headers=MARK)

    private, public = signing_keypair()
    http = httpx.AsyncClient(transport=httpx.MockTransport(handle))
    return RelayClient("http://relay.example", device_id(public), private, http=http)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("page", PAGES)
async def test_what_others_answer_is_never_the_services_answer(call, page):
    with pytest.raises(OtherAnswers):
        await CALLS[call](client_behind(PAGES[page]))


@given(st.integers(200, 599), st.binary(max_size=80), st.sampled_from(["text/html", "application/json", ""]))
def test_whatever_others_answer_is_neither_a_yes_nor_a_no(status, body, kind):
    def answer():
        return httpx.Response(status, content=body, headers={"content-type": kind} if kind else {})

    async def ask():
        for call in ("create_group", "post_to_inbox"):
            with pytest.raises(Offline):
                await CALLS[call](client_behind(answer))

    asyncio.run(ask())


@pytest.mark.parametrize(
    ("status", "kind"),
    [(407, ProxyRefuses), (502, ServiceDown), (503, ServiceDown), (504, ServiceDown), (429, Offline)],
)
async def test_what_stands_between_says_who_it_is(status, kind):
    with pytest.raises(Offline) as problem:
        await CALLS["create_group"](client_behind(lambda: httpx.Response(status, headers={"retry-after": "7"})))
    assert type(problem.value) is kind
    assert problem.value.retry_after_s == (None if kind is ProxyRefuses else 7)


async def test_service_without_marks_is_too_old_to_be_believed():
    http = httpx.AsyncClient(transport=httpx.MockTransport(lambda request: OPENING[request.url.path]))
    private, public = signing_keypair()
    client = RelayClient("http://relay.example", device_id(public), private, http=http)
    assert (await client.about()).version == "1"
    with pytest.raises(ServiceTooOld):
        await client.create_group(ID, CAPABILITY)


async def test_page_in_place_of_the_service_is_no_service():
    http = httpx.AsyncClient(transport=httpx.MockTransport(lambda request: PAGES["page"]()))
    private, public = signing_keypair()
    with pytest.raises(OtherAnswers):
        await RelayClient("http://relay.example", device_id(public), private, http=http).about()


async def test_refusal_with_the_mark_counts():
    def answer():
        return httpx.Response(404, json={"error": "unknown"}, headers=MARK)

    with pytest.raises(RelayRefused):
        await CALLS["create_group"](client_behind(answer))
    assert issubclass(RelayRefused, SyncError)
