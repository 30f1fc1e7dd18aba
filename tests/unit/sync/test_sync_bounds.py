"""Everything that a service can send has an end: in memory, in time, and all of it together."""

import asyncio
import gzip
import itertools
import tracemalloc
import zlib
from contextlib import asynccontextmanager, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.errors import Offline, StreamHeld, SyncError
from companion.ports import GroupCursor, InboxItem, RelayEvent
from services.sync.answers import GroupRefused, Live, Worth
from services.sync.transport import FIELDS_LIMIT_BYTES, PARTS_MOST, Transport, parse_fields
from tests.raw_server import HEAD, serving, whole

MOST_BYTES = 8_000_000
BOMB = zlib.compress(bytes(50_000_000), 9)
STREAM = HEAD + b"content-type: text/event-stream\r\n\r\n"


@asynccontextmanager
async def transport_to(said, **times):
    async with serving(said) as port:
        transport = Transport(f"http://127.0.0.1:{port}", None, **times)
        yield transport
        await transport.close()


async def read(transport):
    async with transport.frames("/v1/stream", headers={}, content=b"{}") as frames:
        return [frame async for frame in frames]


@asynccontextmanager
async def little_memory():
    tracemalloc.start()
    yield
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < MOST_BYTES, peak


@pytest.mark.parametrize("coding", [b"gzip", b"deflate", b"GZIP", b"identity, gzip", b"br", b"zstd"])
async def test_nothing_is_unpacked_on_its_way_in(coding):
    body = gzip.compress(bytes(50_000_000)) if b"zip" in coding.lower() else BOMB
    async with transport_to(whole(body[:60_000], b"content-encoding: " + coding)) as transport, little_memory():
        with pytest.raises(Offline):
            await transport.call("GET", "/v1/groups")


async def test_charset_that_unpacks_is_not_obeyed():
    head = HEAD + b"content-type: text/event-stream; charset=zlib\r\n\r\n"
    async with transport_to([head + BOMB[:60_000]]) as transport, little_memory():
        assert await read(transport) == []


@pytest.mark.parametrize("kind", ["call", "direct", "stream", "refusal"])
async def test_bomb_bursts_nowhere(kind):
    status = b"HTTP/1.1 413 Full\r\ncompanion-service: companion-relay\r\n" if kind == "refusal" else HEAD
    head = status + b"content-type: text/event-stream\r\ncontent-encoding: deflate\r\n\r\n"
    async with transport_to([head + BOMB]) as transport, little_memory():
        ways = {"direct": transport.direct("GET", transport.base_url), "stream": read(transport)}
        asking = ways.pop(kind, None) or transport.call("GET", "/v1/groups")
        with pytest.raises(Offline):
            await asking
        for other in ways.values():
            other.close()


@pytest.mark.parametrize(
    "piece",
    [
        b"x" * 65_536,
        b"data: x\n" * 8_000,
        b"\ndata: xxxxxxx" * 5_000,
        b"event: x\nid: y\n" * 4_000,
        b":\n" * 32_000,
        b":\n\n" * 20_000,
    ],
)
async def test_frame_without_end_is_cut(piece):
    async with transport_to(itertools.chain([STREAM], itertools.repeat(piece))) as transport, little_memory():
        with pytest.raises(Offline):
            await read(transport)


async def test_answer_without_end_is_cut():
    said = itertools.chain([HEAD + b"\r\n"], itertools.repeat(bytes(65_536)))
    async with transport_to(said) as transport, little_memory():
        with pytest.raises(Offline, match="without end"):
            await transport.call("GET", "/v1/groups")


async def drip(first, piece):
    yield first
    while True:
        yield piece
        await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    "said",
    [(HEAD + b"\r\n", b"x"), (b"HTTP/1.1 200 OK\r\n", b"x"), (b"", b"HTTP/1.1 103 Early\r\n\r\n")],
    ids=["body", "head", "hints"],
)
async def test_answer_that_drips_has_an_end(said):
    async with transport_to(drip(*said), whole_s=0.3) as transport:
        with pytest.raises(Offline, match="slowly"):
            await transport.call("GET", "/v1/groups", answer_s=0.2)


async def test_head_without_end_is_cut():
    lines = (b"x-%d: %s\r\n" % (n, b"y" * 1_000) for n in itertools.count())
    async with transport_to(itertools.chain([HEAD], lines)) as transport, little_memory():
        with pytest.raises(Offline):
            await transport.call("GET", "/v1/groups")


@pytest.mark.parametrize("first", [b"", STREAM])
async def test_stream_that_nothing_comes_of_is_held(first):
    async def silent():
        yield first
        await asyncio.sleep(30)

    async with transport_to(silent(), first_s=0.3) as transport:
        with pytest.raises(StreamHeld):
            await read(transport)


async def test_redirection_leads_nowhere():
    async with serving(whole(b'{"stolen": 1}')) as elsewhere:
        head = HEAD.replace(b"200 OK", b"307 Go") + b"location: http://127.0.0.1:%d/\r\n\r\n" % elsewhere
        async with transport_to([head]) as transport:
            with pytest.raises(Offline):
                await transport.call("POST", "/v1/groups", content=b"secret")


async def test_no_cookie_is_kept():
    async with transport_to(whole(b"{}", b"set-cookie: who=you; path=/")) as transport:
        await transport.call("GET", "/v1/groups")
        assert not transport._http.cookies


@pytest.mark.parametrize("text", ["[]," * 30_000, "1," * 60_000, '{"a":' * 20_000, '{"x":1},' * 8_000])
def test_many_small_values_are_refused_before_they_are_made(text):
    with pytest.raises(Offline):
        parse_fields('{"events": [' + text + "0]}")


def test_page_of_full_length_is_read():
    event = '{"seq": 1, "cid": "%s", "at_ms": 1, "body": "x"}' % ("ab" * 16)
    page = '{"events": [' + ", ".join([event] * 500) + '], "head": 500}'
    assert len(parse_fields(page)["events"]) == 500
    assert PARTS_MOST < 10_000 < FIELDS_LIMIT_BYTES


CURSORS = (GroupCursor(group="ab" * 16, capability="cd" * 32, since=0),)


def old(seq=1, group="ab" * 16):
    return RelayEvent(group=group, seq=seq, cid="ef" * 16, at_ms=1, body=b"x")


@pytest.mark.parametrize(
    "item",
    [
        None,
        Live(),
        old(),
        InboxItem(seq=1, cid="ef" * 16, at_ms=1, body=b"x"),
        GroupRefused(group="ab" * 16, reason="unknown"),
    ],
    ids=["unknown", "live", "event", "item", "refusal"],
)
def test_stream_that_goes_on_about_nothing_is_ended(item):
    worth = Worth()

    def go_on():
        for _ in range(1_000):
            worth.weigh(item)

    with pytest.raises(Offline):
        go_on()


def test_stream_that_has_news_goes_on():
    worth = Worth()
    for seq in range(1, 5_000):
        worth.weigh(old(seq))


@given(st.lists(st.binary(max_size=200), max_size=20))
def test_any_bytes_are_an_answer_or_none(pieces):
    """Whatever comes over the line, the caller gets one of our errors or an object."""

    async def ask():
        async with transport_to([HEAD + b"\r\n", *pieces], whole_s=2.0) as transport:
            with suppress(SyncError):
                assert isinstance((await transport.call("GET", "/v1/about")).fields(), dict)

    asyncio.run(ask())


LINES = st.sampled_from(
    [b"event: live\n", b"event: event\n", b"data: {}\n", b"data: x\n", b"\n", b":\n", b"id: \n", b"retry: 9\n"]
)


@given(st.lists(st.one_of(st.binary(max_size=50), LINES), max_size=30))
def test_any_bytes_are_frames_or_the_end_of_a_stream(pieces):
    """Whatever a stream says, reading it ends, in frames or in one of our errors."""

    async def ask():
        async with transport_to([STREAM, *pieces]) as transport:
            with suppress(SyncError):
                assert len(await read(transport)) <= len(b"".join(pieces))

    asyncio.run(ask())
