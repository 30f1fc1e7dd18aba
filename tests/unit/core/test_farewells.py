"""Farewells as they are kept: read with suspicion, one for each device at each service, and never too many."""

import json
from dataclasses import replace

import pytest

from companion.errors import MessageRejected
from companion.farewells import ACCOUNT, DEVICE, MOST, OWED, REFUSED, Farewell, from_docs, merged, to_docs
from services.store.files import SMALL_BYTES_MAX

ONE = Farewell(service="https://notes.example", device="ab" * 16, scope=DEVICE, signature=b"s" * 64)


def test_what_is_kept_is_read_again() -> None:
    others = (replace(ONE, service="local", scope=ACCOUNT), replace(ONE, device="cd" * 16, state=REFUSED))
    assert from_docs(to_docs((ONE, *others))) == (ONE, *others)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("service", "file:///etc/passwd"),
        ("service", "notes.example"),
        ("service", "https://a.example/" + "x" * 1_000),
        ("service", "https://b\u00fccher.example"),
        ("service", "https://a.example/\n"),
        ("service", 5),
        ("device", "AB" * 16),
        ("device", "ab"),
        ("scope", "all"),
        ("state", "gone"),
        ("signature", "ab"),
        ("signature", "zz" * 64),
        ("signature", None),
    ],
)
def test_what_is_none_is_refused_and_keeps_no_other_away(field: str, value: object) -> None:
    bad = {**ONE.to_doc(), field: value}
    with pytest.raises(MessageRejected):
        Farewell.from_doc(bad)
    assert from_docs({"farewells": [bad, ONE.to_doc(), None, {}]}) == (ONE,)


@pytest.mark.parametrize("doc", [{}, {"farewells": None}, {"farewells": {}}, {"farewells": "x"}])
def test_file_without_a_list_holds_none(doc: dict[str, object]) -> None:
    assert from_docs(doc) == ()


def test_farewell_of_a_whole_account_is_not_narrowed_and_one_of_a_device_is_widened() -> None:
    whole = replace(ONE, scope=ACCOUNT)
    assert merged((whole,), (ONE,)) == (whole,)
    assert merged((ONE,), (whole,)) == (whole,)


def test_devices_and_services_are_told_apart() -> None:
    other, elsewhere = replace(ONE, device="cd" * 16), replace(ONE, service="local")
    assert merged((ONE,), (other, elsewhere)) == (ONE, other, elsewhere)


def test_as_many_as_are_kept_fit_into_one_small_file() -> None:
    service = "https://a.example/" + "x" * (1_000 - 18)
    many = [replace(ONE, service=service, device=f"{n:032x}", state=OWED) for n in range(MOST + 3)]
    kept = merged(many)
    assert kept == tuple(many[3:])
    text = json.dumps(to_docs(kept))
    assert len(text) <= SMALL_BYTES_MAX
    assert from_docs(json.loads(text)) == kept
