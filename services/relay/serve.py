"""Running the relay: the socket, the server around the app, the regular sweep, and an orderly end."""

import asyncio
import contextlib
import ipaddress
import json
import logging
import socket
import sys
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import uvicorn

from services.relay.app import create_app
from services.relay.blobs.objects import ObjectStore, UnusableObjects, open_objects
from services.relay.clock import ServiceClock
from services.relay.database.sqlite import DATABASE_NAME, SqliteDatabase
from services.relay.database.store import Database, MovedDatabase, UnknownDatabase
from services.relay.devices.admission import OPEN, Admission
from services.relay.folder import FolderInUse, FolderLock, open_secret, write_whole
from services.relay.heads import PromptRequests, least_missed
from services.relay.hub import Hub
from services.relay.limits import Quotas
from services.relay.operate.health import (
    BLOBS,
    DESCRIPTORS,
    PUSHES,
    READING,
    WRITING,
    Health,
    Try,
    Wrong,
    check_descriptors,
    descriptor_limit,
    raise_descriptor_limit,
)
from services.relay.operate.metrics import Metrics
from services.relay.operate.sweeper import DEFAULT_KEEP_DAYS, Sweeper
from services.relay.push.gateway import WebPush, open_key
from services.relay.push.guard import loopback_rules, public_rules
from services.relay.push.pusher import Pusher
from services.relay.refusal import Refusal

GRACE_S = 2
IDLE_CONNECTION_S = 30
UNSENT_MS = 30_000
BACKLOG = 2_048
NAMES_KEY = "names.key"
HELD_DESCRIPTORS = 200

EXIT_FOLDER_IN_USE = 3
EXIT_ADDRESS_IN_USE = 4
EXIT_DATABASE = 5
EXIT_KEY = 6
EXIT_BLOBS = 7
EXIT_MOVED = 8

TEST_APART_MS = (2_000, 3_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What `companion-relay serve` was asked for."""

    host: str
    port: int
    data: Path
    database: str | None = None
    origins: tuple[str, ...] = ()
    admission: str = OPEN
    admission_tokens: Path | None = None
    port_file: Path | None = None
    exit_with_stdin: bool = False
    most_bytes: int | None = None
    blobs: str | None = None
    blobs_direct: bool = False
    keep_days: int = DEFAULT_KEEP_DAYS
    drain_s: int = 0
    push_contact: str | None = None
    push_test_authority: Path | None = None
    quotas: Quotas = field(default_factory=Quotas)


class _NoDatabase(Exception):
    """The database cannot be opened; the text says why in a word."""


class _NoKey(Exception):
    """A key in the folder cannot be used; the text says why in a word."""


class _Server(uvicorn.Server):
    """Says goodbye to the streams before it waits for them.

    Where descriptors run short, who holds a connection and asks for nothing loses it, until an eighth is free for those
    who come before the next look; whoever has asked is kept before those who never did. Told to end, it says for
    `drain_s` that it is leaving, and serves on: so a proxy that asks sends nobody here any more when it does end.
    """

    def __init__(self, config: uvicorn.Config, hub: Hub, health: Health, drain_s: float) -> None:
        super().__init__(config)
        self._hub = hub
        self._health = health
        self._drain_s = drain_s
        self._most = most_connections()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._drain_s and not self._health.is_leaving:
            self._health.is_leaving = True
            self._captured_signals.append(sig)
            asyncio.get_running_loop().call_later(self._drain_s, self._leave)
        else:  # a second signal does not wait
            super().handle_exit(sig, frame)

    def _leave(self) -> None:
        self.should_exit = True

    async def on_tick(self, counter: int) -> bool:
        connections = self.server_state.connections
        if self._most is not None and len(connections) > self._most:
            for connection in least_missed(connections, len(connections) - self._most * 7 // 8):
                connection.transport.close()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._hub.close()
        await super().shutdown(sockets)


def serve(settings: Settings) -> int:
    """Serve until a signal, or the end of standard input, and return the process's exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    raise_descriptor_limit()
    try:
        lock = FolderLock(settings.data)
    except FolderInUse:
        return _complain("Another relay is using this folder.", EXIT_FOLDER_IN_USE)
    try:
        listener = listen(settings.host, settings.port)
    except OSError as error:
        lock.close()
        return _complain(
            f"Cannot listen on {settings.host} port {settings.port}: {error.strerror}.", EXIT_ADDRESS_IN_USE
        )
    try:
        with contextlib.suppress(KeyboardInterrupt):
            objects = open_objects(settings.blobs, settings.data, is_direct=settings.blobs_direct)
            key = make_key(settings)
            _run(settings, make_database(settings, key), key, objects, listener)
    except UnusableObjects as error:
        return _complain(f"The place for blobs cannot be used: {error}.", EXIT_BLOBS)
    except MovedDatabase as error:
        return _complain(f"This folder serves no more: {error}.", EXIT_MOVED)
    except UnknownDatabase as error:
        return _complain(f"The database was not made by this version of the relay: {error}.", EXIT_DATABASE)
    except _NoKey as error:
        return _complain(f"A key in the folder cannot be used: {error}.", EXIT_KEY)
    except _NoDatabase as error:
        return _complain(f"The database cannot be opened: {error}.", EXIT_DATABASE)
    finally:
        listener.close()
        lock.close()
    return 0


def make_key(settings: Settings) -> bytes:
    """Return the secret of the folder. Raises _NoKey."""
    try:
        return open_secret(settings.data / NAMES_KEY)
    except (OSError, ValueError) as error:
        raise _NoKey(type(error).__name__) from None


def make_database(settings: Settings, key: bytes) -> Database:
    if settings.database is None:
        return SqliteDatabase(settings.data / DATABASE_NAME, settings.quotas, settings.most_bytes, key)
    try:
        from services.relay.database.postgres import PostgresDatabase  # an extra of its own
    except ModuleNotFoundError as error:
        raise _NoDatabase(f"the package {error.name} is not installed") from None
    return PostgresDatabase(settings.database, settings.quotas, key)


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # a peer that takes nothing does not keep its connection
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNSENT_MS)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def own_origins(host: str, port: int) -> tuple[str, ...]:
    """Return the addresses at which this machine itself reaches a service that listens on loopback."""
    names = {host, "localhost"} if is_loopback(host) else set()
    return tuple(f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}" for name in sorted(names))


def is_loopback(host: str) -> bool:
    """Whether only programs of this machine can call a service that listens there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def make_pusher(settings: Settings, database: Database, hub: Hub, clock: Callable[[], int]) -> Pusher:
    """Raises _NoKey if the key file, or the authority that a test gives, cannot be used."""
    authority = settings.push_test_authority
    try:
        rules = public_rules() if authority is None else loopback_rules(authority)
        gateway = WebPush(open_key(settings.data), rules, settings.push_contact, lambda: clock() / 1_000)
    except (OSError, ValueError) as error:
        raise _NoKey(type(error).__name__) from None
    pusher = Pusher(database.push, hub, gateway, clock, *([] if authority is None else [TEST_APART_MS]))
    hub.heard_by(pusher.tell)
    return pusher


def make_health(database: Database, objects: ObjectStore, pusher: Pusher) -> Health:
    async def push_key() -> None:
        if await database.push.key(pusher.gateway.key) != pusher.gateway.key:
            raise Wrong("another key")

    tries: dict[str, Try] = {READING: database.check, WRITING: database.probe, BLOBS: objects.probe}
    return Health({**tries, PUSHES: push_key, DESCRIPTORS: check_descriptors})


def most_connections() -> int | None:
    """Return how many connections leave enough descriptors for the database and blobs."""
    limit = descriptor_limit()
    return None if limit is None else max(1, limit - min(HELD_DESCRIPTORS, limit // 2))


def _run(settings: Settings, database: Database, key: bytes, objects: ObjectStore, listener: socket.socket) -> None:
    hub, clock = Hub(), ServiceClock()
    pusher = make_pusher(settings, database, hub, clock.now_ms)
    metrics = Metrics(lambda: hub.readers)
    sweeper = Sweeper(database, objects, clock, settings.keep_days)
    sweeper.tell(metrics.swept)
    health = make_health(database, objects, pusher)
    port = listener.getsockname()[1]
    shown = f"[{settings.host}]" if ":" in settings.host else settings.host
    url = f"http://{shown}:{port}"
    problems: list[Exception] = []

    async def lifespan() -> Callable[[], Awaitable[None]]:
        try:
            await database.open(hub)
            with contextlib.suppress(Refusal):  # the sweep tries again
                await sweeper.look()  # before anything is stamped
        except UnknownDatabase as error:
            problems.append(error)
            raise
        except Exception as error:  # whatever the database's library raises
            problems.append(_NoDatabase(type(error).__name__))
            raise
        sweeping = asyncio.create_task(sweeper.run())
        pinging = asyncio.create_task(pusher.run())
        looking = asyncio.create_task(health.run())
        if settings.port_file is not None:
            write_whole(settings.port_file, json.dumps({"port": port, "incarnation": database.incarnation}))
        print(f"Listening on {url}", flush=True)

        async def close() -> None:
            for task in (sweeping, pinging, looking):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            await database.close()

        return close

    config = uvicorn.Config(
        create_app(
            *(database, hub, pusher, objects, metrics, health),
            origins=settings.origins or own_origins(settings.host, port),
            admission=Admission(settings.admission, settings.admission_tokens, database.log.vouches),
            lifespan=lifespan,
            clock=clock.now_ms,
            key=key,
        ),
        lifespan="on",
        http=PromptRequests,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=IDLE_CONNECTION_S,
        timeout_graceful_shutdown=GRACE_S,
    )
    server = _Server(config, hub, health, settings.drain_s)
    if settings.exit_with_stdin:
        threading.Thread(target=_exit_with_stdin, args=(server,), daemon=True).start()
    try:
        server.run(sockets=[listener])
    except SystemExit:
        if problems:
            raise problems[0] from None
        raise


def _exit_with_stdin(server: uvicorn.Server) -> None:
    while sys.stdin.buffer.read(1_024):
        pass
    server.should_exit = True


def _complain(text: str, code: int) -> int:
    print(text, file=sys.stderr)
    return code
