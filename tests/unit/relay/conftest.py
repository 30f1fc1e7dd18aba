"""A store in a fresh file, and shorthand for what goes into it."""

import secrets

import pytest

from services.relay.database.sqlite import SqliteDatabase
from services.relay.hub import Hub
from services.relay.log.store import Draft

CAPABILITY = b"c" * 32
DEVICE = b"d" * 16
NOW_MS = 1_800_000_000_000


@pytest.fixture
async def open_store(tmp_path):
    opened = []

    async def make(quotas=None, most_bytes=None, listener=None):
        store = SqliteDatabase(tmp_path / "relay.db", quotas, most_bytes)
        await store.open(listener or Hub())
        opened.append(store)
        return store

    yield make
    for store in opened:
        await store.close()


@pytest.fixture
def draft():
    def make(group, body=b"x", **changes):
        values = {
            "group": group,
            "capability_hash": CAPABILITY,
            "device": DEVICE,
            "cid": secrets.token_bytes(16),
            "body": body,
            "at_ms": NOW_MS,
        }
        return Draft(**{**values, **changes})

    return make
