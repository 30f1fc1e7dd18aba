"""Loads the official MLS vectors and says how many ran."""

import json
from pathlib import Path

FOLDER = Path(__file__).parent / "mls"
OUR_SUITES = (1, 3)


def load(name):
    """Return the cases of a file that are for our suites, or for none."""
    cases = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return [case for case in cases if case.get("cipher_suite", 1) in OUR_SUITES], len(cases)


def report(capsys, name, ran, total):
    """Print the count, and fail if nothing ran."""
    with capsys.disabled():
        print(f"\nmls vectors: {name}.json: {ran} of {total} cases ran, the others are of other suites", end="")
    assert ran > 0


def raw(text):
    """Return the bytes of a hexadecimal text."""
    return bytes.fromhex(text)
