"""Connections that do not say what they want, against a real server."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn

from services.heads import HEAD_BYTES, PromptHeads
from services.relay.heads import REST_BYTES, PromptRequests
from tests.fakes import soon

WHOLE = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
HALF = b"GET / HTTP/1.1\r\nHos"


class Hurried(PromptHeads):
    head_s = 0.3


class HurriedRelay(PromptRequests):
    head_s = 0.3
    rest_s = 0.6


async def answer(scope, receive, send) -> None:
    await asyncio.sleep(0.6)  # an answer may take longer than a head
    while scope["path"] == "/read" and (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


@asynccontextmanager
async def serving(protocol: type[asyncio.Protocol]) -> AsyncIterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        answer, http=protocol, h11_max_incomplete_event_size=HEAD_BYTES, lifespan="off", log_config=None, ws="none"
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None
    task = asyncio.create_task(server._serve([listener]))
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await task


@pytest.fixture(params=[Hurried, HurriedRelay])
async def port(request: pytest.FixtureRequest) -> AsyncIterator[int]:
    async with serving(request.param) as port:
        yield port


async def talk(port: int, *parts: bytes, pause_s: float = 0.0) -> bytes:
    """Send the parts, and return what came until the connection ended or 4 s were over."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    said = b""

    async def speak() -> None:
        for part in parts:
            writer.write(part)
            await asyncio.sleep(pause_s)

    speaking = asyncio.create_task(speak())
    try:
        async with asyncio.timeout(4):
            while piece := await reader.read(65_536):
                said += piece
    except ConnectionError:
        pass
    except TimeoutError:
        said += b"STILL OPEN"
    speaking.cancel()
    writer.close()
    return said


async def left_open(port: int, *talks: tuple[bytes, ...], pause_s: float = 0.0) -> list[tuple[bytes, ...]]:
    """Talk in all these ways at once; return those that were not cut off."""
    said = await asyncio.gather(*(talk(port, *parts, pause_s=pause_s) for parts in talks))
    return [parts for parts, one in zip(talks, said, strict=True) if b"STILL OPEN" in one]


async def test_who_says_nothing_or_half_of_it_is_cut_off(port: int) -> None:
    assert await left_open(port, (), (HALF,), (b"\r\n",)) == []


async def test_who_says_half_of_it_after_an_answer_is_cut_off(port: int) -> None:
    assert await left_open(port, (WHOLE, HALF), (WHOLE, b"\r\n"), (WHOLE, b"G"), pause_s=0.8) == []


async def test_a_byte_now_and_then_does_not_buy_time(port: int) -> None:
    drops = tuple(HALF[n : n + 1] for n in range(len(HALF)))
    assert b"STILL OPEN" not in await talk(port, *drops, pause_s=0.1)


async def test_a_whole_head_is_answered_however_long_that_takes(port: int) -> None:
    assert b" 204 " in await talk(port, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")


async def test_a_head_in_two_pieces_is_answered(port: int) -> None:
    rest = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"[len(HALF) :]
    assert b" 204 " in await talk(port, HALF, rest, pause_s=0.1)


async def test_a_head_that_is_too_long_is_refused(port: int) -> None:
    one, many = b"x: " + b"y" * HEAD_BYTES, b"\r\n".join(b"x%d: y" % n for n in range(4_000))
    pads = (one, one + b"\r\n\r\n", many, many + b"\r\n\r\n")
    said = await asyncio.gather(*(talk(port, b"GET / HTTP/1.1\r\nHost: x\r\n" + pad) for pad in pads))
    assert [(b"STILL OPEN" in one, b" 204 " in one) for one in said] == [(False, False)] * len(pads)


async def test_a_head_that_is_too_long_by_its_last_piece_is_refused(port: int) -> None:
    most = b"y" * (HEAD_BYTES * 3 // 4)
    said = await talk(port, b"GET / HTTP/1.1\r\nHost: x\r\nx: " + most, most + b"\r\n\r\n", pause_s=0.05)
    assert (b"STILL OPEN" in said, b" 204 " in said) == (False, False)


async def test_a_body_is_not_bounded_like_a_head(port: int) -> None:
    body = bytes(2 * HEAD_BYTES) + b"\r\n\r\n"
    head = b"POST /read HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    assert b" 204 " in await talk(port, head, body, pause_s=0.05)


async def test_a_body_that_stands_still_within_the_head_of_a_chunk_is_waited_for(port: int) -> None:
    head = b"POST /read HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert b" 204 " in await talk(port, head + b"1", b"\r\nx\r\n0\r\n\r\n", pause_s=0.45)


async def test_an_address_that_is_too_long_is_refused(port: int) -> None:
    said = await talk(port, b"GET /" + b"y" * HEAD_BYTES + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert b" 204 " not in said
    assert b"STILL OPEN" not in said


async def test_trailers_without_end_are_cut(port: int) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    trailers = tuple(b"".join(b"t%d: y\r\n" % n for n in range(k, k + 1_000)) for k in range(0, 4_000, 1_000))
    said = await talk(port, head + b"1\r\nx\r\n0\r\n", *trailers, pause_s=0.01)
    assert b"STILL OPEN" not in said


async def test_many_calls_on_one_connection_are_answered(port: int) -> None:
    last = WHOLE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    assert (await talk(port, WHOLE, last, pause_s=0.8)).count(b" 204 ") == 2


@pytest.mark.parametrize("protocol", [PromptHeads, PromptRequests])
@pytest.mark.parametrize("end", [b"", b"\r\nx", b": y\r\nz"])
async def test_a_head_without_end_is_cut_by_its_length_before_its_time(
    protocol: type[asyncio.Protocol], end: bytes
) -> None:
    piece = b"x" * (HEAD_BYTES // 2)
    async with serving(protocol) as port:
        said = await talk(port, b"GET / HTTP/1.1\r\nHost: x\r\n", piece + end, piece, piece, pause_s=0.05)
    assert b"STILL OPEN" not in said


BODY = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
HALF_BODY = bytes(HEAD_BYTES * 2)


async def test_who_is_answered_before_the_body_was_sent_may_send_the_rest_and_ask_again() -> None:
    last = WHOLE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    async with serving(PromptRequests) as port:
        said = await talk(port, BODY % (2 * len(HALF_BODY)) + HALF_BODY, HALF_BODY, b"\r\n", last, pause_s=0.65)
    assert said.count(b" 204 ") == 2


async def test_who_has_sent_the_rest_may_be_silent_for_longer_than_the_rest_might_have_taken() -> None:
    last = WHOLE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    async with serving(HurriedRelay) as port:
        said = await talk(port, BODY % 2, b"", b"x", b"x", b"", last, pause_s=0.35)
    assert said.count(b" 204 ") == 2


async def test_the_rest_of_a_body_that_nobody_waits_for_is_bounded_in_time() -> None:
    async with serving(HurriedRelay) as port:
        said = await talk(port, BODY % 1_000, *[b"x"] * 7, pause_s=0.3)
    assert b"STILL OPEN" not in said


async def test_the_rest_of_a_body_that_nobody_waits_for_is_bounded_in_size() -> None:
    more = bytes(REST_BYTES // 4)
    async with serving(PromptRequests) as port:
        said = await talk(port, BODY % (8 * len(more)), b"x", *[more] * 6, pause_s=0.35)
    assert b"STILL OPEN" not in said


@pytest.mark.parametrize("before", [(), (WHOLE,)], ids=["first", "second"])
async def test_a_body_that_is_waited_for_may_take_longer_than_the_rest_of_another(before: tuple[bytes, ...]) -> None:
    head = b"POST /read HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\n"
    async with serving(HurriedRelay) as port:
        said = await talk(port, *before, *before and (b"",), head + b"x", *[b"x"] * 4, pause_s=0.35)
    assert said.count(b" 204 ") == 1 + len(before)


@pytest.mark.parametrize("protocol", [PromptHeads, PromptRequests])
async def test_who_hangs_up_leaves_no_timer_behind(protocol: type[PromptHeads]) -> None:
    made: list[PromptHeads] = []

    class Noted(protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:
            made.append(self)
            super().connection_made(transport)

    async with serving(Noted) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        await soon(lambda: bool(made) and made[0]._late is None)
