"""The gate in front of the app's window."""

import pytest

from services.web import Gate

HOST = b"127.0.0.1:8550"


class Inside:
    """The app behind the gate; notes what reaches it."""

    def __init__(self) -> None:
        self.reached: list[str] = []

    async def __call__(self, scope, receive, send) -> None:
        self.reached.append(scope["type"])
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"the app"})


@pytest.fixture
def inside() -> Inside:
    return Inside()


@pytest.fixture
def gate(inside: Inside) -> Gate:
    return Gate(inside, "no")


async def ask(gate: Gate, path: str, kind: str = "http", **headers: bytes) -> tuple[int, dict[bytes, bytes]]:
    sent: list[dict] = []

    async def receive():
        return {"type": "http.request"}

    async def send(message):
        sent.append(message)

    all_headers = {"host": HOST, **headers}
    scope = {"type": kind, "path": path, "headers": [(k.encode(), v) for k, v in all_headers.items()]}
    await gate(scope, receive, send)
    if not sent:
        return 0, {}
    return sent[0].get("status", sent[0].get("code")), dict(sent[0].get("headers", []))


async def enter(gate: Gate) -> bytes:
    _, headers = await ask(gate, gate.path)
    return headers[b"set-cookie"].split(b";")[0]


async def test_address_works_once(gate: Gate, inside: Inside) -> None:
    path = gate.path
    status, headers = await ask(gate, path)
    assert status == 200
    assert b"HttpOnly" in headers[b"set-cookie"]
    assert b"SameSite=Strict" in headers[b"set-cookie"]
    assert (await ask(gate, path))[0] == 403
    assert inside.reached == []


async def test_cookie_opens_page_and_socket(gate: Gate, inside: Inside) -> None:
    cookie = await enter(gate)
    assert (await ask(gate, "/", cookie=cookie))[0] == 200
    await ask(gate, "/ws", "websocket", cookie=cookie, origin=b"http://" + HOST)
    assert inside.reached == ["http", "websocket"]


async def test_nothing_opens_without_the_cookie(gate: Gate, inside: Inside) -> None:
    await enter(gate)
    assert (await ask(gate, "/"))[0] == 403
    assert (await ask(gate, "/", cookie=b"companion-8550=guess"))[0] == 403
    assert (await ask(gate, "/ws", "websocket"))[0] == 4403
    assert inside.reached == []


async def test_another_site_cannot_use_the_cookie(gate: Gate, inside: Inside) -> None:
    cookie = await enter(gate)
    assert (await ask(gate, "/ws", "websocket", cookie=cookie, origin=b"http://evil.example"))[0] == 4403
    assert inside.reached == []


async def test_another_host_name_is_refused(gate: Gate, inside: Inside) -> None:
    cookie = await enter(gate)
    assert (await ask(gate, "/", host=b"rebound.example:8550", cookie=cookie))[0] == 403
    assert (await ask(gate, gate.path, host=b"rebound.example:8550"))[0] == 403


async def test_another_profile_has_another_cookie(gate: Gate, inside: Inside) -> None:
    cookie = await enter(gate)
    assert cookie.startswith(b"companion-8550=")
    assert (await ask(gate, "/", host=b"127.0.0.1:8551", cookie=cookie))[0] == 403


async def test_wrong_ticket_does_not_spend_the_right_one(gate: Gate, inside: Inside) -> None:
    assert (await ask(gate, "/open/guess"))[0] == 403
    assert (await ask(gate, gate.path))[0] == 200


async def test_page_may_load_from_this_address_only(gate: Gate, inside: Inside) -> None:
    cookie = await enter(gate)
    _, headers = await ask(gate, "/", cookie=cookie)
    assert b"default-src 'self' data: blob:;" in headers[b"content-security-policy"]
    assert b"*" not in headers[b"content-security-policy"]
