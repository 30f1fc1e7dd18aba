"""The operator's command: `companion-relay`."""

import argparse
import asyncio
import sys
from pathlib import Path
from urllib.parse import urlsplit

from services.relay.clock import ServiceClock
from services.relay.devices.admission import OPEN, TOKEN, WAYS, read_tokens
from services.relay.limits import Quotas
from services.relay.operate import holding
from services.relay.operate.postgres import migrate, renew, status_of, sweep_of
from services.relay.operate.sqlite import backup, restore, status, sweep
from services.relay.operate.store import CannotDo, Copied
from services.relay.operate.sweeper import DEFAULT_KEEP_DAYS
from services.relay.serve import Settings, is_loopback, serve
from services.sync.protocol import KEEP_LIMIT_DAYS, parse_id

DEFAULT_PORTS = {"http": 80, "https": 443}


def main(words: list[str] | None = None) -> int:
    """Run the command line, or these words of one, and return the exit code."""
    given = arguments(sys.argv[1:] if words is None else words)
    try:
        return run(given)
    except CannotDo as problem:
        print(f"Nothing was changed: {problem}.", file=sys.stderr)
        return 1


def run(given: argparse.Namespace) -> int:
    match given.command:
        case "backup":
            _report(asyncio.run(backup(given.data, given.file, given.blobs)))
        case "restore":
            _report(asyncio.run(restore(given.data, given.file, given.blobs)))
        case "migrate":
            _report(asyncio.run(migrate(given.data, given.database, given.blobs)))
        case "renew":
            asyncio.run(renew(given.database))
        case "sweep":
            where = (given.data, given.blobs, given.keep_days, ServiceClock())
            swept = asyncio.run(sweep(*where) if given.database is None else sweep_of(given.database, *where))
            print(f"envelopes emptied: {swept.events}\nblobs dropped: {swept.blobs}")
        case "status":
            known = status(given.data) if given.database is None else asyncio.run(status_of(given.database))
            for name, figure in known.items():
                print(f"{name}: {figure}")
        case "people" | "groups":
            for line in asyncio.run(hold(given)):
                print(line)
        case _:
            return serve(
                Settings(
                    host=given.host,
                    port=given.port,
                    data=given.data,
                    database=given.database,
                    origins=tuple(given.origin),
                    admission=given.admission,
                    admission_tokens=given.admission_tokens,
                    port_file=given.port_file,
                    exit_with_stdin=given.exit_with_stdin,
                    most_bytes=given.most_bytes,
                    blobs=given.blobs,
                    blobs_direct=given.blobs_direct,
                    keep_days=given.keep_days,
                    drain_s=given.drain_seconds,
                    push_contact=given.push_contact,
                    push_test_authority=given.push_test_authority,
                    quotas=Quotas(
                        events_per_minute=given.events_per_minute,
                        newcomer_bytes_per_day=given.newcomer_bytes_per_day,
                        blob_bytes_per_day=given.blob_bytes_per_day,
                        blob_bytes_kept=given.blob_bytes_kept,
                    ),
                )
            )
    return 0


async def hold(given: argparse.Namespace) -> list[str]:
    """Look at, block, delete or hand over what is held of a device or a group; return what there is to say."""
    is_device, where = given.command == "people", (given.data, given.database)
    if given.act in ("list", "show", "export"):
        async with holding.reading(*where) as rows:
            if given.act == "list":
                return await (holding.people if is_device else holding.groups)(rows)
            held = await (holding.held_of_device if is_device else holding.held_of_group)(rows, given.id)
        if given.act == "export":
            holding.write_held(given.file, held)
            return []
        return [f"{name}: {len(part) if isinstance(part, list) else part}" for name, part in held.items()]
    async with holding.reading(*where) as rows:  # one that is not here is said so
        await (holding.held_of_device if is_device else holding.held_of_group)(rows, given.id)
    async with holding.changing(*where) as database:
        match given.act:
            case "delete" if is_device:
                await database.devices.delete(given.id, given.id, ServiceClock().now_ms())
            case "delete":
                await holding.delete_group(database, given.id)
            case act:
                block = holding.block_device if is_device else holding.block_group
                await block(database, given.id, is_blocked=act == "block")
    return []


def _report(copied: Copied) -> None:
    print(f"blobs: {copied.blobs}")
    if copied.lost:
        print(f"Left out, because they are damaged or gone: {len(copied.lost)} blobs.", file=sys.stderr)


def arguments(words: list[str]) -> argparse.Namespace:
    """Read the command line. Ends the program with a message if it does not fit."""
    parser = argparse.ArgumentParser(prog="companion-relay", description="The sync service of Companion.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    _add_serve(commands.add_parser("serve", help="run the service"))
    for name, what in (
        ("backup", "copy the database into one file and the blobs into a folder beside it; the service may be running"),
        ("restore", "make the folder of a service from a backup"),
        ("migrate", "move a service that is stopped from its folder to PostgreSQL, and its blobs if a place is given"),
        ("renew", "tell clients that a PostgreSQL database was restored from a backup; the service must be stopped"),
        ("sweep", "forget now what the service forgets by and by; one without PostgreSQL must be stopped"),
        ("status", "print how much the service holds"),
        (
            "people",
            "look at devices, block or delete one, hand over what is held of it; changes need a stopped service",
        ),
        ("groups", "look at groups, block or delete one, hand over what is held of it; changes need a stopped service"),
    ):
        command = commands.add_parser(name, help=what, description=what)
        if name == "renew":
            command.add_argument("--database", required=True, metavar="URL", help="the postgresql:// database")
            continue
        command.add_argument("--data", type=Path, required=True, help="folder of the service")
        if name in ("backup", "restore"):
            command.add_argument("file", type=Path, metavar="FILE", help="the backup")
        if name == "migrate":
            command.add_argument("--database", required=True, metavar="URL", help="an empty postgresql:// database")
        if name in ("sweep", "status", "people", "groups"):
            command.add_argument("--database", metavar="URL", help="the postgresql:// database, where there is one")
        if name in ("people", "groups"):
            _add_hold(command)
        elif name != "status":
            _add_blobs(command)
        if name == "sweep":
            _add_keep_days(command)
    given = parser.parse_args(words)
    if given.command in ("people", "groups") and (given.id is None) != (given.act == "list"):
        parser.error("list takes no id, and everything else takes one")
    if given.command in ("people", "groups") and (given.file is None) == (given.act == "export"):
        parser.error("export, and nothing else, takes a file")
    if given.command == "serve":
        _check_serve(parser, given)
    return given


def _check_serve(parser: argparse.ArgumentParser, given: argparse.Namespace) -> None:
    """End the program where options do not fit together."""
    if not given.origin and not is_loopback(given.host):
        parser.error("--origin is needed where other machines can call: devices sign the address that they use")
    if given.admission == TOKEN and given.admission_tokens is None:
        parser.error("--admission token needs --admission-tokens")


def _add_serve(command: argparse.ArgumentParser) -> None:
    command.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    command.add_argument("--port", type=_port, default=8440, help="port, 0 for any (default: %(default)s)")
    command.add_argument("--data", type=Path, required=True, help="folder that this process keeps its files in")
    command.add_argument(
        "--database",
        metavar="URL",
        help="a postgresql:// address, for many nodes on one database, which then need the same --blobs"
        " (default: a file in the data folder)",
    )
    command.add_argument(
        "--origin",
        type=_origin,
        action="append",
        default=[],
        metavar="URL",
        help="base address as clients use it, once for each; without any, only programs of this machine can log in,"
        " at the address it listens on",
    )
    command.add_argument(
        "--admission",
        choices=WAYS,
        default=OPEN,
        help="who may register: anybody, whoever somebody who is in has invited or who has a token, or whoever has a"
        " token (default: %(default)s)",
    )
    command.add_argument(
        "--admission-tokens",
        type=_tokens,
        metavar="FILE",
        help="a file with one token a line, of 16 to 200 letters, digits, - and _; it is read at each registration",
    )
    command.add_argument("--port-file", type=_file, help="file to write the port to once the service listens")
    command.add_argument("--exit-with-stdin", action="store_true", help="end when standard input closes")
    command.add_argument(
        "--most-bytes", type=_positive, help="largest size of the database; appends answer 503 beyond it"
    )
    _add_blobs(command)
    command.add_argument(
        "--blobs-direct",
        action="store_true",
        help="let clients fetch from and put into S3 themselves; it must be reachable under its endpoint for them",
    )
    _add_keep_days(command)
    command.add_argument(
        "--drain-seconds",
        type=_positive,
        default=0,
        metavar="SECONDS",
        help="how long to serve on after the signal to end while readyz says 503, for nodes behind a proxy that asks",
    )
    command.add_argument(
        "--events-per-minute",
        type=_positive,
        default=Quotas().events_per_minute,
        help="what one device may send (default: %(default)s)",
    )
    command.add_argument(
        "--newcomer-bytes-per-day",
        type=_positive,
        default=Quotas().newcomer_bytes_per_day,
        help="what all devices together that registered within the last day may send and upload (default: %(default)s)",
    )
    command.add_argument(
        "--blob-bytes-per-day",
        type=_positive,
        default=Quotas().blob_bytes_per_day,
        help="what one device may upload as blobs (default: %(default)s)",
    )
    command.add_argument(
        "--blob-bytes-kept",
        type=_positive,
        default=Quotas().blob_bytes_kept,
        help="how much of one device's blobs is kept at a time (default: %(default)s)",
    )
    command.add_argument(
        "--push-contact",
        type=_contact,
        metavar="URL",
        help="mailto: or https: address that push services may write to about this service's pings",
    )
    command.add_argument(
        "--push-test-authority",
        type=Path,
        metavar="FILE",
        help="for tests: pings go only to this machine, under certificates of this authority, 2 to 3 s apart",
    )


def _add_hold(command: argparse.ArgumentParser) -> None:
    acts = ("list", "show", "export", "block", "unblock", "delete")
    command.add_argument("act", choices=acts, help="what to do; there is no way back from delete")
    command.add_argument("id", type=_id, nargs="?", help="32 hex characters, as list shows them")
    command.add_argument("file", type=Path, nargs="?", help="a new file for export")


def _add_blobs(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--blobs",
        metavar="PLACE",
        help="a folder, or s3://bucket?endpoint=URL&region=NAME with the keys in AWS_ACCESS_KEY_ID and"
        " AWS_SECRET_ACCESS_KEY (default: a folder in the data folder)",
    )


def _add_keep_days(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--keep-days",
        type=_days,
        default=DEFAULT_KEEP_DAYS,
        metavar="DAYS",
        help="how long envelopes are kept in groups that do not say so themselves, 0 for ever (default: %(default)s)",
    )


def _id(text: str) -> bytes:
    try:
        return parse_id(text)
    except ValueError:
        raise argparse.ArgumentTypeError("an id is 32 lower-case hex characters") from None


def _days(text: str) -> int:
    if not text.isdecimal() or int(text) > KEEP_LIMIT_DAYS:
        raise argparse.ArgumentTypeError(f"this must be a number of days from 0 to {KEEP_LIMIT_DAYS}")
    return int(text)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return int(text)


def _file(text: str) -> Path:
    path = Path(text)
    if path.exists() and not path.is_file():  # it would be replaced, a device just as well
        raise argparse.ArgumentTypeError("this is not a regular file")
    return path


def _tokens(text: str) -> Path:
    path = Path(text)
    try:
        read_tokens(path)
    except OSError as error:
        raise argparse.ArgumentTypeError(f"this cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return path


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("this must be a whole number above 0")
    return int(text)


def _contact(text: str) -> str:
    if not text.startswith(("mailto:", "https://")) or not text.isprintable():
        raise argparse.ArgumentTypeError("a contact begins with mailto: or https://")
    return text


def _origin(text: str) -> str:
    """Return an origin as clients write it: a name in ASCII, and no port where it is the scheme's own."""
    parts = urlsplit(text.strip())
    is_whole = parts.scheme in DEFAULT_PORTS and parts.hostname and parts.username is None
    if not is_whole or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise argparse.ArgumentTypeError("an origin is http:// or https:// and a host, without a path")
    try:
        name = str(parts.hostname).rstrip(".")
        host = f"[{name}]" if ":" in name else name.encode("idna").decode()
        port = parts.port
    except ValueError:
        raise argparse.ArgumentTypeError("this is not the name of a host, or not a port") from None
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in (None, DEFAULT_PORTS[parts.scheme]) else "")
