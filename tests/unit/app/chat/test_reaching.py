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


def test_nobody_is_made_up() -> None:
    assert suggest((), NOW) == ()
