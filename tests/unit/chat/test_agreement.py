"""What a group agrees: which line tells it of a new version."""

from dataclasses import replace

import pytest

from companion.chat.agreement import Agreement, news_line

KNOWN = Agreement(group="g", purpose="Talk", rules=("Listen",), keep_days=30)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"keep_days": 7}, ("keep", "7")),
        ({"keep_days": 0}, ("keep", "0")),
        ({"purpose": "Listen"}, ("rules", "")),
        ({"rules": ()}, ("rules", "")),
        ({"is_read_shared": True}, ("read_state", "on")),
        ({"keep_days": 7, "purpose": "Listen"}, ("keep", "7")),
        ({"version": 5, "agreed": ("p",)}, None),
    ],
)
def test_one_line_tells_what_a_new_version_changes(changes: dict[str, object], told: tuple[str, str] | None) -> None:
    assert news_line(KNOWN, replace(KNOWN, **changes)) == told


def test_that_reading_is_not_shared_any_more_is_told_too() -> None:
    assert news_line(replace(KNOWN, is_read_shared=True), KNOWN) == ("read_state", "")
