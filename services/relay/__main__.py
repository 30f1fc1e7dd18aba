"""The program `companion-relay`: the operator's command, or one sentence where its packages are not installed."""

import sys

from services.extras import RELAY, install_command, missing

EXIT_MISSING = 1


def main() -> int:
    """Run the command line and return the exit code."""
    if lacks := missing(("services.relay.command",)):
        print(f"The sync service cannot run: {lacks} is not installed. This installs what it needs:", file=sys.stderr)
        print(f"  {install_command(RELAY)}", file=sys.stderr)
        return EXIT_MISSING
    from services.relay import command  # an extra of its own

    return command.main()


if __name__ == "__main__":
    sys.exit(main())
