"""The operator's command: `companion-relay`."""

import argparse
import sys
from pathlib import Path
from urllib.parse import urlsplit

from services.relay.serve import Settings, serve
from services.relay.store import Quotas


def main() -> int:
    """Run the command line and return the exit code."""
    arguments = _parser().parse_args()
    return serve(
        Settings(
            host=arguments.host,
            port=arguments.port,
            data=arguments.data,
            origins=tuple(arguments.origin),
            port_file=arguments.port_file,
            exit_with_stdin=arguments.exit_with_stdin,
            most_bytes=arguments.most_bytes,
            quotas=Quotas(events_per_minute=arguments.events_per_minute),
        )
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="companion-relay", description="The sync service of Companion.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("serve", help="run the service")
    command.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    command.add_argument("--port", type=_port, default=8440, help="port, 0 for any (default: %(default)s)")
    command.add_argument("--data", type=Path, required=True, help="folder for the database")
    command.add_argument(
        "--origin",
        type=_origin,
        action="append",
        default=[],
        metavar="URL",
        help="base address as clients use it; give it when a proxy stands in front, once for each address",
    )
    command.add_argument("--port-file", type=Path, help="file to write the port to once the service listens")
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
    return parser


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65_535:
        raise ValueError
    return port


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _origin(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme.lower() not in ("http", "https") or not parts.netloc or parts.path not in ("", "/"):
        raise ValueError
    return f"{parts.scheme}://{parts.netloc}".lower()


if __name__ == "__main__":
    sys.exit(main())
