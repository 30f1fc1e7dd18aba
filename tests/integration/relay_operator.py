"""What an operator does, for tests: the command, and looks into a relay's folder."""

import contextlib
import io
import os
import secrets
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from unittest import mock

import apsw

from companion.errors import RelayRefused
from services.relay.command import main
from services.sync.protocol import PART_BYTES

BIG = 2 * PART_BYTES + 77


def operate(*words, environment=None):
    """Run the operator's command in a thread of its own: starting Python for each would take most of the time."""

    def run():
        out, err = io.StringIO(), io.StringIO()
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            mock.patch.dict(os.environ, environment or {}),
        ):
            code = main([str(word) for word in words])
        return SimpleNamespace(returncode=code, stdout=out.getvalue(), stderr=err.getvalue())

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(run).result()


def operate_alone(*words):
    command = [sys.executable, "-m", "services.relay", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


async def with_blobs(client, group, capability, new_id):
    """Two blobs that an event refers to, and one that none does; return them with their bytes."""
    blobs = {}
    for size in (10, BIG, 500):
        blob, data = new_id(), secrets.token_bytes(size)
        await client.put_blob(blob, size, reader(data))
        blobs[blob] = data
    await client.append(group, capability, new_id(), b"see there", blobs=tuple(blobs)[:2])
    return blobs


def reader(data):
    async def read(offset, length):
        return data[offset : offset + length]

    return read


async def gets(client, blobs):
    """Return which of the blobs are there with their bytes."""
    there = set()
    for blob, data in blobs.items():
        with contextlib.suppress(RelayRefused):
            assert await client.get_blob(blob, 0, BIG) == data
            there.add(blob)
    return there


def lines(shown):
    assert shown.returncode == 0, shown.stderr
    return dict(line.split(": ") for line in shown.stdout.splitlines())


def make_old(path, days):
    """Let everything in a database that is not in use have come so many days earlier."""
    connection = apsw.Connection(str(path))
    connection.execute("update event set at_ms = at_ms - ?", (days * 86_400_000,))
    connection.execute("update blob set touched_ms = touched_ms - ?", (days * 86_400_000,))
    connection.close()


def age_blobs(path):
    connection = apsw.Connection(str(path))
    connection.execute("update blob set touched_ms = 0")
    connection.close()


async def run_sql(database, sql):
    import asyncpg

    connection = await asyncpg.connect(database)
    await connection.execute(sql)
    await connection.close()
