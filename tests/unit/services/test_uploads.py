"""A file from the browser: one address, one file, bounded, in memory, and only for a window of ours."""

import re

import pytest

from companion.errors import PictureUnreadable
from services.uploads import Uploads
from services.web import Gate


async def _inner(scope, receive, send):
    await send({"type": "http.response.start", "status": 299, "headers": []})


async def call(app, path, *pieces, method="PUT", headers=(), is_cut=False):
    """Return the status of one request with this body, None if it was cut off and got none."""
    said = []
    messages = [{"type": "http.request", "body": one, "more_body": True} for one in pieces]
    messages += [] if is_cut else [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive():
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def send(message):
        said.append(message)

    app = app.in_front_of(_inner) if isinstance(app, Uploads) else app
    scope = {"type": "http", "path": path, "method": method, "headers": list(headers), "scheme": "http"}
    await app(scope | {"server": ("127.0.0.1", 80)}, receive, send)
    return next((one["status"] for one in said if one["type"] == "http.response.start"), None)


@pytest.fixture
def uploads():
    return Uploads(limit_bytes=10)


async def test_a_file_comes_in_pieces_and_whole(uploads):
    upload = uploads.expect()
    assert await call(uploads, upload.address, b"12345", b"67890") == 200
    assert await upload.content == b"1234567890"


async def test_an_address_takes_one_file_and_an_unknown_one_none(uploads):
    upload = uploads.expect()
    await call(uploads, upload.address, b"first")
    assert await call(uploads, upload.address, b"second") == 404
    assert await call(uploads, "/take/" + "x" * 32, b"third") == 404
    assert await upload.content == b"first"


async def test_each_address_is_a_secret_of_its_own(uploads):
    addresses = [uploads.expect().address for _ in range(9)]
    assert len(set(addresses)) == 9
    assert all(re.fullmatch(r"/take/[\w-]{32}", address) for address in addresses)


async def test_a_file_that_was_cut_off_may_be_sent_again(uploads):
    upload = uploads.expect()
    assert await call(uploads, upload.address, b"half", is_cut=True) is None
    assert not upload.content.done()
    assert await call(uploads, upload.address, b"whole") == 200
    assert await upload.content == b"whole"


async def test_the_app_hears_of_the_start_and_the_end_of_its_server(uploads):
    heard = []

    async def app(scope, receive, send):
        heard.append(scope["type"])

    await uploads.in_front_of(app)({"type": "lifespan"}, None, None)
    assert heard == ["lifespan"]


async def test_nothing_comes_where_nobody_waits_any_more(uploads):
    upload = uploads.expect()
    uploads.forget(upload)
    assert await call(uploads, upload.address, b"late") == 404


async def test_a_file_that_is_too_large_is_refused_before_all_of_it_is_read(uploads):
    upload = uploads.expect()
    assert await call(uploads, upload.address, b"x" * 11, b"y" * 999) == 413
    with pytest.raises(PictureUnreadable):
        await upload.content


async def test_reading_an_address_takes_nothing(uploads):
    upload = uploads.expect()
    assert await call(uploads, upload.address, method="GET") == 404
    assert await call(uploads, upload.address, b"here") == 200


async def test_everything_else_is_the_apps(uploads):
    assert await call(uploads, "/assets/x", method="GET") == 299


HOST = b"c0ffee.localhost:8550"
OURS = [(b"host", HOST), (b"origin", b"http://" + HOST), (b"sec-fetch-site", b"same-origin")]


async def test_a_window_of_ours_gets_through_the_gate(uploads):
    upload = uploads.expect()
    gate = Gate(uploads.in_front_of(_inner), HOST.decode(), "not this window")
    assert await call(gate, upload.address, b"here", headers=OURS) == 200
    assert await upload.content == b"here"


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("PUT", [(b"host", b"127.0.0.1:8550")]),
        ("PUT", [(b"host", HOST), (b"origin", b"http://elsewhere.example")]),
        ("PUT", [(b"host", HOST), (b"origin", b"http://" + HOST), (b"sec-fetch-site", b"cross-site")]),
        ("POST", OURS),
        ("DELETE", OURS),
    ],
)
async def test_nobody_else_hands_anything_over(uploads, method, headers):
    upload = uploads.expect()
    gate = Gate(uploads.in_front_of(_inner), HOST.decode(), "not this window")
    assert await call(gate, upload.address, b"x", method=method, headers=headers) == 403
    assert not upload.content.done()


async def test_the_gate_lets_nothing_else_be_written(uploads):
    gate = Gate(uploads.in_front_of(_inner), HOST.decode(), "not this window")
    for path in ("/", "/assets/x", "/takes", "/open/x"):
        assert await call(gate, path, b"x", headers=OURS) == 403
