import pytest

from companion.app.chat.reaching import suggest
from companion.nudges import DAY_MS, Contact

NOW = 100 * DAY_MS


def contact(device: str, days: int, **others: object) -> Contact:
    return Contact(device=device, name=device, group="g", last_ms=NOW - days * DAY_MS, **others)


def test_up_to_three_people_each_once_and_recent_ones_first() -> None:
    known = (contact("a", 30), contact("b", 2), contact("b", 9), contact("c", 1), contact("d", 12))
    found = [(one.contact.device, one.reason, one.days) for one in suggest(known, NOW)]
    assert found == [("c", "recent", 1), ("b", "recent", 2), ("d", "quiet", 12)]


def test_somebody_new_is_named_as_new() -> None:
    new = contact("a", 1, joined_ms=NOW - DAY_MS, is_welcomed=False)
    assert suggest((new,), NOW)[0].reason == "new"


@pytest.mark.parametrize(
    ("ago_ms", "is_welcomed", "reason"),
    [
        (14 * DAY_MS - 1, False, "new"),
        (14 * DAY_MS, False, "quiet"),
        (-DAY_MS // 24, False, "new"),
        (-DAY_MS // 24 - 1, False, "quiet"),
        (DAY_MS, True, "quiet"),
    ],
)
def test_somebody_is_new_for_two_weeks_until_welcomed(ago_ms: int, is_welcomed: bool, reason: str) -> None:
    new = contact("a", 30, joined_ms=NOW - ago_ms, is_welcomed=is_welcomed)
    assert suggest((new,), NOW)[0].reason == reason


def test_who_was_there_before_me_is_not_new_under_a_clock_that_fell_back_to_1970() -> None:
    assert suggest((contact("a", 100, is_welcomed=False),), 13 * DAY_MS)[0].reason == "quiet"


@pytest.mark.parametrize(("days", "reason"), [(6, "recent"), (7, "quiet")])
def test_a_word_is_recent_for_a_week(days: int, reason: str) -> None:
    assert suggest((contact("a", days),), NOW)[0].reason == reason


def test_nobody_is_made_up() -> None:
    assert suggest((), NOW) == ()
