"""Blobs on their way to a relay, for tests."""

import contextlib
import secrets

import httpx


class Source:
    """Bytes to upload, and how much of them was read."""

    def __init__(self, size):
        self.data = secrets.token_bytes(size)
        self.reads = []

    async def read(self, offset, length):
        self.reads.append((offset, length))
        return self.data[offset : offset + length]


@contextlib.asynccontextmanager
async def http_of(client):
    """Calls of our own making in the client's session."""
    token = await client._session()
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=client.base_url, headers=headers, trust_env=False, timeout=20) as http:
        yield http


async def sent(client, new_id, size):
    blob, source = new_id(), Source(size)
    await client.put_blob(blob, size, source.read)
    return blob, source.data
