"""What the letter of a new device may say of it."""

import pytest

from companion.app.groups.linking import read_device
from companion.errors import MessageRejected
from companion.letters import Letter

KEY = bytes(32)


def letter(**change: object) -> Letter:
    content = {"kind": "hello", "name": "Tablet", "seal_key": KEY.hex(), "since_ms": 5} | change
    return Letter(content=content, sign_key=KEY)


@pytest.mark.parametrize("name", ["", "Tablet", "x" * 60, "é" * 30])
def test_a_new_device_may_have_a_name_of_60_bytes(name: str) -> None:
    assert read_device(letter(name=name)).name == name


@pytest.mark.parametrize(
    "change",
    [
        {"name": "x" * 61},
        {"name": "é" * 31},
        {"name": "Tab\u202elet"},
        {"name": None},
        {"seal_key": bytes(31).hex()},
        {"seal_key": "no hex"},
        {"since_ms": -1},
    ],
)
def test_a_new_device_with_a_strange_name_key_or_time_is_rejected(change: dict[str, object]) -> None:
    with pytest.raises(MessageRejected):
        read_device(letter(**change))
