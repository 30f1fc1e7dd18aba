"""The program `companion-relay`."""

import sys

from services.relay.command import main

if __name__ == "__main__":
    sys.exit(main())
