"""A service that is played over HTTP: its answers bear the service's mark."""

import inspect

import httpx

from services.sync.protocol import MARK_HEADER, SERVICE


def marked_transport(handle):
    """Return a transport that answers as `handle` does, in the service's name."""

    async def answer(request):
        response = handle(request)
        if inspect.isawaitable(response):
            response = await response
        response.headers.setdefault(MARK_HEADER, SERVICE)
        return response

    return httpx.MockTransport(answer)
