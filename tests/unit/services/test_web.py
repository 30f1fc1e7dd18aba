"""The gate in front of the app's window."""

import re
import socket
import stat
from pathlib import Path

import pytest

from services.web import PLAIN_NAME, Gate, OpenFile, random_name, system_knows

HOST = "c0ffee.localhost:8550"
HERE = {"host": HOST.encode()}
PAGE = b"<html><head><script>var flet = {}</script></head><body></body></html>"


class Inside:
    """The app behind the gate; notes what reaches it."""

    def __init__(self) -> None:
        self.reached: list[tuple[str, str]] = []

    async def __call__(self, scope, receive, send) -> None:
        self.reached.append((scope["type"], scope["path"]))
        if scope["type"] == "http":
            headers = [(b"content-type", b"text/html"), (b"access-control-allow-origin", b"*"), (b"etag", b"1")]
            headers += [(b"content-length", b"%d" % len(PAGE)), (b"last-modified", b"Sat, 28 Nov 2026 00:00:00 GMT")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": PAGE[:40], "more_body": True})
            await send({"type": "http.response.body", "body": PAGE[40:]})


@pytest.fixture
def inside() -> Inside:
    return Inside()


@pytest.fixture
def gate(inside: Inside) -> Gate:
    return Gate(inside, HOST, "no")


class Answer:
    def __init__(self, sent: list[dict]) -> None:
        self.status = sent[0].get("status", sent[0].get("code")) if sent else 0
        self.pairs = list(sent[0].get("headers", [])) if sent else []
        self.headers = dict(self.pairs)
        self.body = b"".join(message.get("body", b"") for message in sent[1:])


async def ask(gate: Gate, path: str, kind: str = "http", method: str = "GET", twice: str = "", **headers: bytes):
    sent: list[dict] = []

    async def receive():
        return {"type": "http.request"}

    async def send(message):
        sent.append(message)

    pairs = [(k.replace("_", "-").encode(), v) for k, v in {**HERE, **headers}.items()]
    pairs += [(k, v) for k, v in pairs if k == twice.encode()]
    await gate({"type": kind, "method": method, "path": path, "headers": pairs}, receive, send)
    return Answer(sent)


def path_of(gate: Gate) -> str:
    return gate.address.removeprefix(f"http://{HOST}")


async def enter(gate: Gate) -> str:
    """Spend the ticket; return the pass."""
    found = re.search(rb'setItem\("companion", "([\w-]{43})"\)', (await ask(gate, path_of(gate))).body)
    assert found is not None
    return found.group(1).decode()


async def connect(gate: Gate, word: str, **headers: bytes) -> int:
    return (await ask(gate, f"/ws/{word}", "websocket", **{"origin": b"http://" + HOST.encode(), **headers})).status


async def test_address_works_once_and_the_next_one_is_another(gate: Gate, inside: Inside) -> None:
    path = path_of(gate)
    assert (await ask(gate, path)).status == 200
    assert path_of(gate) != path
    assert (await ask(gate, path)).status == 403
    assert (await ask(gate, path_of(gate))).status == 200
    assert inside.reached == []


async def test_every_new_address_is_told(inside: Inside) -> None:
    told: list[str] = []
    gate = Gate(inside, HOST, "no", told.append)
    await enter(gate)
    assert len(set(told)) == 2
    assert told[-1] == gate.address


async def test_a_ticket_opens_its_window_also_where_the_next_one_cannot_be_written(inside: Inside) -> None:
    told: list[str] = []

    def renew(address: str) -> None:
        if told:
            raise OSError("no room")
        told.append(address)

    gate = Gate(inside, HOST, "no", renew)
    path = path_of(gate)
    await connect(gate, await enter(gate))
    assert inside.reached == [("websocket", "/ws")]
    assert (await ask(gate, path)).status == 403


async def test_nothing_is_put_where_programs_share_it(gate: Gate) -> None:
    answer = await ask(gate, path_of(gate))
    assert b"set-cookie" not in answer.headers
    assert answer.headers[b"cache-control"] == b"no-store"
    assert b"set-cookie" not in (await ask(gate, "/")).headers


async def test_the_pass_opens_the_socket(gate: Gate, inside: Inside) -> None:
    await connect(gate, await enter(gate))
    assert inside.reached == [("websocket", "/ws")]


@pytest.mark.parametrize("word", ["", "guess", "null", "../ws"])
async def test_no_other_word_opens_the_socket(gate: Gate, inside: Inside, word: str) -> None:
    await enter(gate)
    assert await connect(gate, word) == 4403
    assert (await ask(gate, "/ws", "websocket", origin=b"http://" + HOST.encode())).status == 4403
    assert inside.reached == []


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": b"http://evil.example"},
        {"origin": b"http://127.0.0.1:8550"},
        {"origin": b"null"},
        {"origin": b""},
        {"host": b"127.0.0.1:8550", "origin": b"http://127.0.0.1:8550"},
        {"host": b"rebound.example:8550"},
        {"twice": "host"},
        {"twice": "origin"},
    ],
)
async def test_no_page_of_another_origin_opens_the_socket_with_the_pass(
    gate: Gate, inside: Inside, headers: dict
) -> None:
    assert await connect(gate, await enter(gate), **headers) == 4403
    assert inside.reached == []


@pytest.mark.parametrize(
    "headers",
    [
        {"host": b"rebound.example:8550"},
        {"host": b"127.0.0.1:8550"},
        {"host": b"localhost:8550"},
        {"host": b"c0ffee.localhost:8551"},
        {"host": b"c0ffee.localhost"},
        {"origin": b"http://evil.example"},
        {"twice": "host"},
        {"origin": b"http://" + HOST.encode(), "twice": "origin"},
    ],
)
async def test_another_name_is_refused_and_spends_nothing(gate: Gate, inside: Inside, headers: dict) -> None:
    assert (await ask(gate, "/", **headers)).status == 403
    assert (await ask(gate, path_of(gate), **headers)).status == 403
    assert inside.reached == []
    await enter(gate)


@pytest.mark.parametrize("site", [b"cross-site", b"same-site"])
async def test_no_other_page_looks_whether_the_app_is_here(gate: Gate, inside: Inside, site: bytes) -> None:
    assert (await ask(gate, "/favicon.png", sec_fetch_site=site)).status == 403
    assert (await ask(gate, "/favicon.png", sec_fetch_site=b"none", twice="sec-fetch-site")).status == 403
    assert inside.reached == []


@pytest.mark.parametrize("site", [b"none", b"same-origin"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_the_owner_and_the_page_itself_get_the_page(gate: Gate, inside: Inside, site: bytes, method: str) -> None:
    assert (await ask(gate, "/", method=method, sec_fetch_site=site)).status == 200
    assert inside.reached == [("http", "/")]


async def test_who_has_no_pass_is_led_to_a_refusal(gate: Gate, inside: Inside) -> None:
    assert (await ask(gate, "/closed")).status == 403
    assert inside.reached == []


async def test_the_app_hears_of_the_start_and_the_end_of_its_server() -> None:
    heard: list[str] = []

    async def app(scope, receive, send) -> None:
        heard.append(scope["type"])

    await Gate(app, HOST, "no")({"type": "lifespan"}, None, None)
    assert heard == ["lifespan"]


@pytest.mark.parametrize("method", ["POST", "PUT", "OPTIONS", "DELETE"])
async def test_the_app_is_only_read(gate: Gate, inside: Inside, method: str) -> None:
    assert (await ask(gate, "/", method=method)).status == 403
    assert inside.reached == []


async def test_looking_at_the_head_of_the_address_does_not_spend_it(gate: Gate) -> None:
    assert (await ask(gate, path_of(gate), method="HEAD")).status == 403
    await enter(gate)


@pytest.mark.parametrize("path", ["/open/guess", "/open/", "/open/é"])
async def test_wrong_ticket_does_not_spend_the_right_one(gate: Gate, path: str) -> None:
    assert (await ask(gate, path)).status == 403
    await enter(gate)


async def test_the_page_takes_its_pass_from_the_window_and_holds_none_itself(gate: Gate) -> None:
    word, answer = await enter(gate), await ask(gate, "/")
    assert b'sessionStorage.getItem("companion")' in answer.body
    assert word.encode() not in answer.body
    assert [value for name, value in answer.pairs if name == b"content-length"] == [b"%d" % len(answer.body)]
    assert not {b"etag", b"last-modified"} & set(answer.headers)


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (200, [(b"x", b"text/html"), (b"content-type", b"image/png"), (b"etag", b"1")]),
        (404, [(b"content-type", b"text/html"), (b"etag", b"1")]),
        (200, [(b"etag", b"1")]),
    ],
)
async def test_what_is_no_page_goes_through_as_it_is(status: int, headers: list[tuple[bytes, bytes]]) -> None:
    async def app(scope, receive, send) -> None:
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"a</head>", "more_body": True})
        await send({"type": "http.response.body", "body": b"b"})

    answer = await ask(Gate(app, HOST, "no"), "/x")
    assert (answer.status, answer.body, answer.headers[b"etag"]) == (status, b"a</head>b", b"1")


@pytest.mark.parametrize("path", ["/", "/closed", "the ticket"])
async def test_no_answer_tells_others_where_it_came_from_or_is_taken_for_another_kind(gate: Gate, path: str) -> None:
    headers = (await ask(gate, path_of(gate) if path == "the ticket" else path)).headers
    assert (headers[b"referrer-policy"], headers[b"x-content-type-options"]) == (b"no-referrer", b"nosniff")


async def test_page_may_load_from_this_address_only(gate: Gate) -> None:
    headers = (await ask(gate, "/")).headers
    assert b"default-src 'self' data: blob:;" in headers[b"content-security-policy"]
    assert b"access-control-allow-origin" not in headers


def test_each_start_has_a_name_of_its_own() -> None:
    assert random_name() != random_name()
    assert re.fullmatch(r"c[0-9a-f]{20}\.localhost", random_name())
    assert PLAIN_NAME == "127.0.0.1"


@pytest.mark.parametrize(
    ("addresses", "is_known"),
    [
        (["127.0.0.1"], True),
        (["::1"], True),
        (["::1", "127.0.0.1"], True),
        (["192.0.2.1"], False),
        (["127.0.0.1", "192.0.2.1"], False),
        ([], False),
    ],
)
def test_the_system_knows_a_name_that_leads_to_this_computer_only(
    monkeypatch: pytest.MonkeyPatch, addresses: list[str], is_known: bool
) -> None:
    def found(name: str, port: None, **more: int) -> list[tuple[object, ...]]:
        if not addresses:
            raise socket.gaierror("not known")
        return [(socket.AF_UNSPEC, socket.SOCK_STREAM, 6, "", (address, 0)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", found)
    assert system_knows("c0ffee.localhost") is is_known


class TestOpenFile:
    @pytest.fixture
    def file(self):
        file = OpenFile()
        yield file
        file.remove()

    def test_only_its_owner_can_read_it(self, file: OpenFile) -> None:
        file.write("http://a/open/1")
        assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.path.parent.stat().st_mode) == 0o700

    def test_it_leads_to_the_newest_address(self, file: OpenFile) -> None:
        for number in (1, 2):
            file.write(f"http://a/open/{number}")
        assert 'location.replace("http://a/open/2")' in file.path.read_text("utf-8")
        assert [one.name for one in file.path.parent.iterdir()] == ["open.html"]

    def test_what_somebody_planted_in_its_place_is_not_written_to(
        self, file: OpenFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("services.web.secrets.token_hex", lambda size: "planted")
        (file.path.parent / "planted").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(FileExistsError):
            file.write("http://a/open/1")
        assert not (tmp_path / "elsewhere").exists()

    def test_it_goes_with_the_app(self, file: OpenFile) -> None:
        file.write("http://a/open/1")
        file.remove()
        assert not Path(file.path).parent.exists()
