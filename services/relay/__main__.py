"""The operator's command: `companion-relay`."""

import argparse
import asyncio
import sys
from pathlib import Path
from urllib.parse import urlsplit

from services.relay.operate import CannotDo, backup, migrate, restore, status
from services.relay.serve import Settings, serve
from services.relay.store import Quotas


def main() -> int:
    """Run the command line and return the exit code."""
    given = arguments(sys.argv[1:])
    try:
        return run(given)
    except CannotDo as problem:
        print(f"Nothing was changed: {problem}.", file=sys.stderr)
        return 1


def run(given: argparse.Namespace) -> int:
    match given.command:
        case "backup":
            backup(given.data, given.file)
        case "restore":
            restore(given.data, given.file)
        case "migrate":
            asyncio.run(migrate(given.data, given.database))
        case "status":
            for name, figure in status(given.data).items():
                print(f"{name}: {figure}")
        case _:
            return serve(
                Settings(
                    host=given.host,
                    port=given.port,
                    data=given.data,
                    database=given.database,
                    origins=tuple(given.origin),
                    port_file=given.port_file,
                    exit_with_stdin=given.exit_with_stdin,
                    most_bytes=given.most_bytes,
                    quotas=Quotas(
                        events_per_minute=given.events_per_minute, devices_per_minute=given.devices_per_minute
                    ),
                )
            )
    return 0


def arguments(words: list[str]) -> argparse.Namespace:
    """Read the command line. Ends the program with a message if it does not fit."""
    parser = argparse.ArgumentParser(prog="companion-relay", description="The sync service of Companion.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    _add_serve(commands.add_parser("serve", help="run the service"))
    for name, what in (
        ("backup", "copy the database into one file; the service may be running"),
        ("restore", "make the folder of a service from a backup"),
        ("migrate", "move a service that is stopped from its folder to PostgreSQL"),
        ("status", "print how much the service holds"),
    ):
        command = commands.add_parser(name, help=what, description=what)
        command.add_argument("--data", type=Path, required=True, help="folder of the service")
        if name in ("backup", "restore"):
            command.add_argument("file", type=Path, metavar="FILE", help="the backup")
        if name == "migrate":
            command.add_argument("--database", required=True, metavar="URL", help="an empty postgresql:// database")
    return parser.parse_args(words)


def _add_serve(command: argparse.ArgumentParser) -> None:
    command.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    command.add_argument("--port", type=_port, default=8440, help="port, 0 for any (default: %(default)s)")
    command.add_argument("--data", type=Path, required=True, help="folder that this process keeps its files in")
    command.add_argument(
        "--database",
        metavar="URL",
        help="a postgresql:// address, for many nodes on one database (default: a file in the data folder)",
    )
    command.add_argument(
        "--origin",
        type=_origin,
        action="append",
        default=[],
        metavar="URL",
        help="base address as clients use it; give it when a proxy stands in front, once for each address",
    )
    command.add_argument("--port-file", type=_file, help="file to write the port to once the service listens")
    command.add_argument("--exit-with-stdin", action="store_true", help="end when standard input closes")
    command.add_argument(
        "--most-bytes", type=_positive, help="largest size of the database; appends answer 503 beyond it"
    )
    command.add_argument(
        "--events-per-minute",
        type=_positive,
        default=Quotas().events_per_minute,
        help="what one device may send (default: %(default)s)",
    )
    command.add_argument(
        "--devices-per-minute",
        type=_positive,
        default=Quotas().devices_per_minute,
        help="how many new devices may register (default: %(default)s)",
    )


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return int(text)


def _file(text: str) -> Path:
    path = Path(text)
    if path.exists() and not path.is_file():  # it would be replaced, a device just as well
        raise argparse.ArgumentTypeError("this is not a regular file")
    return path


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("this must be a whole number above 0")
    return int(text)


def _origin(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme.lower() not in ("http", "https") or not parts.netloc or parts.path not in ("", "/"):
        raise argparse.ArgumentTypeError("an origin is http:// or https:// and a host, without a path")
    return f"{parts.scheme}://{parts.netloc}".lower()


if __name__ == "__main__":
    sys.exit(main())
