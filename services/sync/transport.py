"""HTTP with everything bounded: time, size, and the kinds of answer. What is not a proper answer is `Offline`.

Only what bears the service's mark is the service's answer, whatever its status says. Nothing is unpacked: an answer in
another coding than its own bytes is refused, so what comes over the line is all that lands in memory. No cookies.

Must not know what a call means.
"""

import asyncio
import codecs
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Protocol, cast

import httpx
from httpx_sse import EventSource, ServerSentEvent, SSEError

from companion.errors import Offline, OtherAnswers, ProxyRefuses, RelayRefused, ServiceDown, ServiceFull, StreamHeld
from companion.fields import NUMBER_LIMIT, refused
from companion.strings import clean_line
from services.sync.protocol import MARK_HEADER, PART_BYTES, SERVICE
from services.sync.trust import make_context, reason

CONNECT_S = 5.0
ANSWER_S = 10.0
WHOLE_S = 110.0  # longer than an answer may take to begin: what drips has an end
STREAM_SILENCE_S = 40.0  # the relay speaks at least every 15 s
STREAM_FIRST_S = 12.0  # and at once when a stream is opened
FIELDS_LIMIT_BYTES = 65_536
PAGE_ANSWER_BYTES = 2 * 1_048_576  # a page of 1 MiB in base64, and one envelope more
PIECE_LIMIT_BYTES = PART_BYTES
FRAME_LIMIT_BYTES = 262_144
IDLE_LIMIT_BYTES = 1_048_576  # of comments in one stream: three weeks of them
PARTS_MOST = 6_000  # values in one JSON text: a page of 500 events has 2,500
PROXY_ASKS, TOO_LARGE, FULL_STATUS = 407, "too-large", 507


class Answer:
    """A whole answer with a status below 300. `at_ms` is the time of the service that gave it, 0 if it names none."""

    def __init__(self, status: int, body: bytes, at_ms: int = 0, *, is_marked: bool = True) -> None:
        self.status = status
        self.body = body
        self.at_ms = at_ms
        self.is_marked = is_marked

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
        most_bytes: int = FIELDS_LIMIT_BYTES,
    ) -> Answer: ...


class Transport:
    """Calls to one base address."""

    def __init__(
        self,
        base_url: str,
        http: httpx.AsyncClient | None,
        *,
        whole_s: float = WHOLE_S,
        first_s: float = STREAM_FIRST_S,
    ) -> None:
        url = plain_address(base_url)
        self.base_url = str(url).rstrip("/")
        self.origin = origin_of(url)
        self._whole_s, self._first_s = whole_s, first_s
        self._owns = http is None
        # A proxy of the environment has no business with this machine itself.
        is_loopback = url.host in ("127.0.0.1", "::1", "localhost")
        self._http = http or httpx.AsyncClient(trust_env=not is_loopback, verify=make_context())
        self._http.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))

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
        most_bytes: int = FIELDS_LIMIT_BYTES,
        needs_mark: bool = True,
    ) -> Answer:
        """Make one call. Raises Offline without a usable answer of the service, and RelayRefused for its 4xx.

        Without `needs_mark` a success without the mark is handed on: its content has to speak for itself.
        """
        async with self._asked(method, self.base_url + path, headers, content, answer_s) as response:
            is_marked = _believe(response, needs_mark)
            body = await _whole(response, most_bytes)
        refuse(response.status_code, body, response.headers.get("retry-after"))
        return Answer(response.status_code, body, _time(response.headers.get("date", "")), is_marked=is_marked)

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

        Nobody vouches for its answers: what is put there the service checks, what is got there its seal.
        Raises Offline, and RelayRefused for 4xx.
        """
        async with self._asked(method, url, headers, content, answer_s) as response:
            body = await _whole(response, PIECE_LIMIT_BYTES)
        if 400 <= response.status_code < 500:
            raise RelayRefused(response.status_code, "direct")
        if not 200 <= response.status_code < 300:
            raise Offline(f"status {response.status_code}")
        return Answer(response.status_code, body, is_marked=False)

    @asynccontextmanager
    async def _asked(
        self, method: str, url: str, headers: Mapping[str, str] | None, content: bytes, answer_s: float
    ) -> AsyncIterator[httpx.Response]:
        """Ask, and hold everything that is done with the answer to one time. What fails is Offline."""
        try:
            async with (
                asyncio.timeout(answer_s + self._whole_s),
                self._http.stream(
                    method,
                    url,
                    headers={**(headers or {}), "accept-encoding": "identity"},
                    content=content,
                    timeout=_timeout(answer_s),
                    follow_redirects=False,
                ) as response,
            ):
                yield response
        except TimeoutError:
            raise Offline("an answer that comes too slowly") from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise await self._reason(error, url) from None

    @asynccontextmanager
    async def frames(
        self, path: str, *, headers: Mapping[str, str], content: bytes
    ) -> AsyncIterator[AsyncIterator[ServerSentEvent]]:
        """Open an event stream. Raises like `call`, also while it is read, and StreamHeld where nothing comes."""
        asked = {**headers, "accept": "text/event-stream", "accept-encoding": "identity"}
        url = self.base_url + path
        try:
            request = self._http.build_request(
                "POST", url, headers=asked, content=content, timeout=_timeout(STREAM_SILENCE_S)
            )
            async with asyncio.timeout(self._first_s):
                response = await self._http.send(request, stream=True, follow_redirects=False)
            try:
                _believe(response)
                if response.status_code != 200:
                    async with asyncio.timeout(self._first_s):
                        body = await _whole(response, FIELDS_LIMIT_BYTES)
                    refuse(response.status_code, body, response.headers.get("retry-after"))
                    raise Offline("an answer that is no stream")
                yield EventSource(cast(httpx.Response, _Bounded(response, self._first_s))).aiter_sse()
            finally:
                await response.aclose()
        except (TimeoutError, httpx.ReadTimeout):
            raise StreamHeld("a stream that nothing comes of") from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, SSEError) as error:
            raise await self._reason(error, url) from None

    async def _reason(self, error: Exception, url: str) -> Offline:
        try:
            address = httpx.URL(url)
        except (httpx.InvalidURL, ValueError):
            return Offline(type(error).__name__)
        return await reason(error, address.host, address.port or 443)


def plain_address(base_url: str) -> httpx.URL:
    """Return the address of a service as it is called. Raises: httpx.InvalidURL."""
    url = httpx.URL(base_url.strip())
    if url.host.endswith("."):  # the same name, which the service knows without
        url = url.copy_with(host=url.host.rstrip("."))
    return url


def origin_of(url: httpx.URL) -> str:
    """Return what a device signs of the address that it speaks to."""
    return f"{url.scheme}://{url.netloc.decode()}".lower()


class _Bounded:
    """A response whose frames cannot grow without end, and whose first word comes soon.

    Its text is UTF-8 whatever its head says: a charset may be the name of something that unpacks.
    """

    def __init__(self, response: httpx.Response, first_s: float) -> None:
        self._response = response
        self._first_s = first_s
        self.headers = response.headers

    async def aiter_text(self) -> AsyncIterator[str]:
        _require_plain(self._response)
        text_of = codecs.getincrementaldecoder("utf-8")(errors="replace")
        open_bytes, idle_bytes, tail = 0, 0, ""
        pieces = self._response.aiter_bytes()
        piece = await self._first(pieces)
        while piece is not None:
            text = text_of.decode(piece)
            open_bytes += len(piece)
            last = (tail + text).rfind("\n\n")
            if last >= 0:
                open_bytes = len(tail + text) - last
            idle_bytes += 0 if "data:" in text else len(piece)
            if open_bytes > FRAME_LIMIT_BYTES or idle_bytes > IDLE_LIMIT_BYTES:
                raise Offline("a frame without end")
            tail = text[-1:]
            if text:
                yield text
            piece = await anext(pieces, None)

    async def _first(self, pieces: AsyncIterator[bytes]) -> bytes | None:
        async with asyncio.timeout(self._first_s):
            return await anext(pieces, None)


def parse_fields(body: bytes | str) -> dict[str, Any]:
    """Raises Offline, also for more values than any answer has: each of them would take many times its length."""
    text = body.encode() if isinstance(body, str) else body
    if sum(map(text.count, (b",", b"[", b"{"))) > PARTS_MOST:
        raise Offline("an answer of too many parts")
    with refused("an answer", Offline):
        fields = json.loads(body)
    if not isinstance(fields, dict):
        raise Offline("an answer that is not an object")
    return fields


def refuse(status: int, body: bytes, retry_after: str | None = None) -> None:
    """Raise RelayRefused for 4xx, ServiceDown for 5xx, Offline for anything else that is not 2xx.

    What the service has no room for, it may have room for later: ServiceFull.
    """
    if 200 <= status < 300:
        return
    retry_after_s = _seconds(retry_after)
    if not 400 <= status < 500 and status != FULL_STATUS:
        raise _unavailable(status, retry_after_s)
    try:
        fields = parse_fields(body)
    except Offline:
        fields = {}
    code, head = fields.get("error"), fields.get("head")
    if not isinstance(code, str):  # a refusal in other words is a proxy's or somebody else's
        raise OtherAnswers(f"status {status} from something that is not the service")
    is_full = status == FULL_STATUS or (status == 413 and code != TOO_LARGE)
    kind = ServiceFull if is_full else RelayRefused
    head = head if type(head) is int and 0 <= head < NUMBER_LIMIT else 0
    raise kind(status, clean_line(code, 40), retry_after_s=retry_after_s, head=head)


def _believe(response: httpx.Response, needs_mark: bool = True) -> bool:
    """Return whether the answer is the service's. Raises Offline for one that somebody else gave in its place."""
    if response.headers.get(MARK_HEADER) == SERVICE:
        return True
    status = response.status_code
    if status == PROXY_ASKS:
        raise ProxyRefuses("the proxy asks who we are")
    if status in (429, *range(500, 511)):  # what stands before the service speaks for it: it is down, or busy
        raise _unavailable(status, _seconds(response.headers.get("retry-after")))
    if needs_mark or status != 200:
        raise OtherAnswers(f"status {status} without the service's mark")
    return False


def _unavailable(status: int, retry_after_s: int | None) -> Offline:
    kind = ServiceDown if 500 <= status < 600 else Offline
    return kind(f"status {status}", retry_after_s=retry_after_s)


def _seconds(retry_after: str | None) -> int | None:
    is_number = retry_after is not None and retry_after.isascii() and retry_after.isdecimal() and len(retry_after) < 9
    return int(retry_after or "") if is_number else None


def _time(date: str) -> int:
    """Return the moment of a Date header in ms, 0 if it is none."""
    try:
        return max(0, int(parsedate_to_datetime(date).timestamp() * 1_000))
    except (ValueError, TypeError, OverflowError, OSError):  # the last for local times that Windows does not know
        return 0


def _timeout(answer_s: float) -> httpx.Timeout:
    return httpx.Timeout(connect=CONNECT_S, read=answer_s, write=max(ANSWER_S, answer_s), pool=CONNECT_S)


def _require_plain(response: httpx.Response) -> None:
    codings = response.headers.get("content-encoding", "").replace(",", " ").lower().split()
    if any(coding != "identity" for coding in codings):
        raise Offline("an answer in another coding than its own")


async def _whole(response: httpx.Response, most_bytes: int) -> bytes:
    _require_plain(response)
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > most_bytes:
            raise Offline("an answer without end")
        chunks.append(chunk)
    return b"".join(chunks)
