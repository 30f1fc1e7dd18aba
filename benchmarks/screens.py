"""How soon the app is there and how soon it answers, against the smallest possible Flet app on the same machine.

    uv run python -m benchmarks.screens [--quick]

All are served the same way to the same headless Chromium; the runs take turns. Needs Chromium. Prints one JSON object,
and each part of it to the error output as it comes: `screens_start` says what is measured of the start, `screens_tabs`
of a change of place, `screens_typing` of a key, `screens_long` of long lists.
"""

import argparse
import json
import sys

from benchmarks.screens_long import measure_chat, measure_journal
from benchmarks.screens_start import measure_start
from benchmarks.screens_tabs import measure_tabs
from benchmarks.screens_typing import measure_typing
from tests.e2e.driver import CHROMIUM


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="three rounds instead of nine")
    if not CHROMIUM:
        print("no Chromium here: nothing was measured", file=sys.stderr)
        return 1
    rounds = 3 if parser.parse_args().quick else 9
    figures: dict[str, float] = {}
    for measure in (measure_start, measure_tabs, measure_journal, measure_chat, measure_typing):
        measured = measure(rounds)
        print(json.dumps(measured), file=sys.stderr, flush=True)  # should a later part fail
        figures |= measured
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
