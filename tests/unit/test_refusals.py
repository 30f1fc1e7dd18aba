"""Each way in which the sync service says no is decided on: a sentence of its own, or what the app makes of it."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from companion.errors import CompanionError, RelayRefused
from services.sync import protocol
from services.sync.transport import refuse
from views.words.texts import load_texts

ROOT = Path(__file__).parents[2]
TEXTS = load_texts(ROOT / "assets" / "words")
OWN = "errors.refused_"

NEVER_READ = {
    "ahead": "the loop goes back to where the service is",
    "bad-range": "the end of a blob",
    "epoch": "another commit won, and ours is made anew",
    "erased": "an item of one's own that was erased: it is dropped",
    "exists": "an offer whose first answer was lost, or another upload of the same blob: it is tried again",
    "expired": "becomes InviteExpired",
    "forbidden": "the app asks for packages of its own device only",
    "incomplete": "the upload goes on where it was",
    "keeper": "only what those who look after a place offer needs its keeper, and their app has the one in force",
    "never-here": "there is nothing to delete: a farewell is settled",
    "no-blob": "the blob is uploaded once more, then the message is shown as not delivered",
    "no-direct": "the blob goes through the service",
    "no-gateway": "the app registers for no pings",
    "other": "the loop goes back to where the two logs part",
    "other-bytes": "an earlier form is there, or the message is shown as not delivered",
    "rotated": "the next capability is read, or the group is one that we were taken out of",
    "used": "becomes InviteUsed",
    "wrong-key": "a device's id is the digest of its key, so no device has another one",
}
"""What the app makes of a code that nobody reads a sentence about."""


def refusals() -> Iterator[tuple[int, str]]:
    """Yield status and code of every refusal in the service's source."""
    for file in (ROOT / "services" / "relay").rglob("*.py"):
        for call in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "Refusal":
                status, code = call.args[:2]
                assert isinstance(status, ast.Constant), f"{file.name}: a status that cannot be read"
                assert isinstance(status.value, int)
                yield (
                    status.value,
                    str(code.value if isinstance(code, ast.Constant) else vars(protocol)[ast.unparse(code)]),
                )


REFUSALS = sorted(set(refusals()))


def heard(status: int, code: str) -> CompanionError:
    """Return what the app's client makes of this answer."""
    try:
        refuse(status, json.dumps({"error": code, "message": "x"}).encode())
    except CompanionError as error:
        return error
    raise AssertionError(f"{status} is no refusal")


@pytest.mark.parametrize(("status", "code"), REFUSALS, ids=str)
def test_every_refusal_has_a_sentence_or_is_never_read(status: int, code: str) -> None:
    general = {TEXTS.error(RelayRefused(403)), TEXTS("errors.Offline")}
    assert (TEXTS.error(heard(status, code)) in general) == (code in NEVER_READ), f"decide what {status} {code} says"


def test_nothing_is_decided_that_no_service_says() -> None:
    codes = {code for _, code in REFUSALS}
    spoken = {key.removeprefix(OWN) for key in TEXTS.keys() if key.startswith(OWN)}  # noqa: SIM118  # no mapping
    assert set(NEVER_READ) | spoken <= codes


@pytest.mark.parametrize("code", ["blocked", "revoked", "not-admitted", "no-session"])
def test_who_is_kept_out_reads_where_the_words_are_and_whom_to_ask(code: str) -> None:
    said = TEXTS.error(RelayRefused(403, code))
    assert "is saved on this device" in said
    assert "ask" in said


def test_code_that_no_sentence_knows_is_said_generally() -> None:
    assert TEXTS.error(RelayRefused(403, "of-tomorrow")) == TEXTS("errors.RelayRefused")
