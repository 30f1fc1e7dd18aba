"""Safety codes: what two people compare in person."""

import hashlib

import pytest

from companion.errors import UsageError
from companion.safety import is_match, safety_code, safety_qr

ALICE, BOB, CAROL = bytes(range(32)), bytes(range(32, 64)), bytes(range(64, 96))
FROZEN = "24123 20982 67528 78205 61773 45947 44775 02146 96546 31819 54580 16418"


def independent(key):
    """The same again, straight from the description."""
    value = hashlib.sha512(b"\x00\x01" + key + key).digest()
    for _ in range(5_199):
        value = hashlib.sha512(value + key).digest()
    return "".join(str(int(value[5 * n : 5 * n + 5].hex(), 16) % 100_000).zfill(5) for n in range(6))


def test_code_is_what_the_description_says():
    assert "".join(safety_code(ALICE, BOB)) == independent(ALICE) + independent(BOB)


def test_code_is_frozen():
    assert " ".join(safety_code(ALICE, BOB)) == FROZEN


def test_both_people_see_the_same_and_others_something_else():
    assert safety_code(ALICE, BOB) == safety_code(BOB, ALICE)
    assert safety_code(ALICE, BOB) != safety_code(ALICE, CAROL)
    assert [len(group) for group in safety_code(ALICE, BOB)] == [5] * 12


def test_scanned_code_matches_only_the_other_side_of_the_same_two():
    assert is_match(safety_qr(BOB, ALICE), mine=ALICE, theirs=BOB)
    assert not is_match(safety_qr(ALICE, BOB), mine=ALICE, theirs=BOB)  # my own code, shown back to me
    assert not is_match(safety_qr(CAROL, ALICE), mine=ALICE, theirs=BOB)


@pytest.mark.parametrize("text", ["", "https://example.org", "CMPN-SAFETY-1:no base 64!"])
def test_something_else_is_no_safety_code(text):
    with pytest.raises(UsageError):
        is_match(text, ALICE, BOB)
