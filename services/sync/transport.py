"""HTTP with everything bounded: time, size, and the kinds of answer. What is not a proper answer is `Offline`."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from typing import Any, Protocol, cast

import httpx
from httpx_sse import EventSource, ServerSentEvent, SSEError

from companion.errors import Offline, RelayRefused
from companion.fields import refused
from companion.strings import clean_line

CONNECT_S = 5.0
ANSWER_S = 10.0
STREAM_SILENCE_S = 40.0  # the relay speaks at least every 15 s
ANSWER_LIMIT_BYTES = 3 * 1_048_576
FRAME_LIMIT_BYTES = 262_144


class Answer:
    """A whole answer with a status below 300. `at_ms` is the time of the service that gave it, 0 if it names none."""

    def __init__(self, status: int, body: bytes, at_ms: int = 0) -> None:
        self.status = status
        self.body = body
        self.at_ms = at_ms

    def fields(self) -> dict[str, Any]:
        """Return the JSON object in the body. Raises Offline: a service that talks nonsense is not there."""
        return parse_fields(self.body)


class Call(Protocol):
    """One authorised call to the relay; raises Offline and RelayRefused."""

    async def __call__(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        answer_s: float = ANSWER_S,
    ) -> Answer: ...


class Transport:
    """Calls to one base address."""

    def __init__(self, base_url: str, http: httpx.AsyncClient | None) -> None:
        url = httpx.URL(base_url)
        self.base_url = base_url.rstrip("/")
        self.origin = f"{url.scheme}://{url.netloc.decode()}".lower()
        self._owns = http is None
        # A proxy of the environment has no business with this machine itself.
        is_loopback = url.host in ("127.0.0.1", "::1", "localhost")
        self._http = http or httpx.AsyncClient(trust_env=not is_loopback)

    async def close(self) -> None:
        if self._owns:
            await self._http.aclose()

    def trusted_origin(self, text: object) -> str:
        """Return an announced origin if it may be called: as well protected as the service itself; else nothing."""
        try:
            url = httpx.URL(text) if isinstance(text, str) else None
        except (httpx.InvalidURL, ValueError):
            return ""
        if url is None or not url.host or url.userinfo or url.path not in ("", "/"):
            return ""
        is_allowed = url.scheme == "https" or (url.scheme == "http" and self.origin.startswith("http://"))
        return str(url) if is_allowed else ""

    async def call(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        answer_s: float = ANSWER_S,
    ) -> Answer:
        """Make one call. Raises Offline without a usable answer and RelayRefused for 4xx."""
        try:
            async with self._http.stream(
                method, self.base_url + path, headers=headers, content=content, timeout=_timeout(answer_s)
            ) as response:
                body = await _whole(response)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise Offline(type(error).__name__) from None
        refuse(response.status_code, body, response.headers.get("retry-after"))
        return Answer(response.status_code, body, _time(response.headers.get("date", "")))

    async def direct(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        answer_s: float = ANSWER_S,
    ) -> Answer:
        """Call an address outside the service, without any credentials of ours and without following it elsewhere.

        Raises Offline, and RelayRefused for 4xx.
        """
        try:
            async with self._http.stream(
                method, url, headers=headers, content=content, timeout=_timeout(answer_s), follow_redirects=False
            ) as response:
                body = await _whole(response)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise Offline(type(error).__name__) from None
        if 400 <= response.status_code < 500:
            raise RelayRefused(response.status_code, "direct")
        if not 200 <= response.status_code < 300:
            raise Offline(f"status {response.status_code}")
        return Answer(response.status_code, body)

    @asynccontextmanager
    async def frames(
        self, path: str, *, headers: Mapping[str, str], content: bytes
    ) -> AsyncIterator[AsyncIterator[ServerSentEvent]]:
        """Open an event stream. Raises like `call`, also while it is read."""
        try:
            async with self._http.stream(
                "POST",
                self.base_url + path,
                headers={**headers, "accept": "text/event-stream"},
                content=content,
                timeout=_timeout(STREAM_SILENCE_S),
            ) as response:
                if response.status_code != 200:
                    refuse(response.status_code, await _whole(response), response.headers.get("retry-after"))
                    raise Offline("an answer that is no stream")
                yield EventSource(cast(httpx.Response, _Bounded(response))).aiter_sse()
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, SSEError) as error:
            raise Offline(type(error).__name__) from None


class _Bounded:
    """A response whose lines cannot grow without end."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self.headers = response.headers

    async def aiter_text(self) -> AsyncIterator[str]:
        open_bytes = 0
        async for text in self._response.aiter_text():
            end = text.rfind("\n")
            open_bytes = open_bytes + len(text) if end < 0 else len(text) - end
            if open_bytes > FRAME_LIMIT_BYTES:
                raise Offline("a line without end")
            yield text


def parse_fields(body: bytes | str) -> dict[str, Any]:
    with refused("an answer", Offline):
        fields = json.loads(body)
    if not isinstance(fields, dict):
        raise Offline("an answer that is not an object")
    return fields


def refuse(status: int, body: bytes, retry_after: str | None = None) -> None:
    """Raise RelayRefused for 4xx, Offline for anything else that is not 2xx."""
    if 200 <= status < 300:
        return
    is_number = retry_after is not None and retry_after.isascii() and retry_after.isdecimal() and len(retry_after) < 9
    retry_after_s = int(retry_after or "") if is_number else None
    if not 400 <= status < 500:
        raise Offline(f"status {status}", retry_after_s=retry_after_s)
    try:
        code = parse_fields(body).get("error")
    except Offline:
        code = None
    if not isinstance(code, str):  # a refusal in other words is a proxy's or somebody else's
        raise Offline(f"status {status} from something that is not the service")
    raise RelayRefused(status, clean_line(code, 40), retry_after_s=retry_after_s)


def _time(date: str) -> int:
    """Return the moment of a Date header in ms, 0 if it is none."""
    try:
        return max(0, int(parsedate_to_datetime(date).timestamp() * 1_000))
    except (ValueError, TypeError, OverflowError, OSError):  # the last for local times that Windows does not know
        return 0


def _timeout(answer_s: float) -> httpx.Timeout:
    return httpx.Timeout(connect=CONNECT_S, read=answer_s, write=max(ANSWER_S, answer_s), pool=CONNECT_S)


async def _whole(response: httpx.Response) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > ANSWER_LIMIT_BYTES:
            raise Offline("an answer without end")
        chunks.append(chunk)
    return b"".join(chunks)
