"""What the tests of devices at the relay share: calls of a client that its interface does not offer."""

import asyncio
from contextlib import aclosing

from companion.ports import GroupCursor

DEADLINE_S = 20


def device_of(client):
    return client._device


async def read_until(client, last, *groups, inbox=None):
    """Return the items of a stream up to and including the first of which `last` is true."""
    items = []
    async with asyncio.timeout(DEADLINE_S), aclosing(client.stream(groups, inbox=inbox)) as stream:
        async for item in stream:
            items.append(item)
            if last(item):
                return items
    raise AssertionError("the stream ended")


def cursor(group, capability, since=0):
    return GroupCursor(group=group, capability=capability, since=since)


async def raw(client, method, path, headers=None, content=b""):
    """Make a call with the client's session and get the answer as it is."""
    await client._session()
    url = client.base_url + path
    return await client._transport._http.request(method, url, headers=client._authorised(headers), content=content)
