"""When news is worth an alert, and how long a pause was that an older version kept."""

import pytest

from companion.chat.attention import Quiet, Wishes, wants_alert
from companion.chat.standing import Seen, Standing

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
END_MS = 1_800_000_000_000


@pytest.mark.parametrize(
    ("kept", "since_ms"),
    [
        ({"until_ms": END_MS}, -1),
        ({"until_ms": 5}, 0),
        ({"until_ms": 0}, 0),
        ({"until_ms": END_MS, "since_ms": END_MS - 7}, END_MS - 7),
    ],
)
def test_a_pause_without_a_beginning_was_the_longest_that_was_offered(kept: dict[str, int], since_ms: int) -> None:
    quiet = Quiet.from_doc(Quiet().to_doc() | {"in_clinic_since_ms": None} | {f"in_clinic_{k}": kept[k] for k in kept})
    wishes = Wishes.from_doc(
        Wishes(group="g").to_doc() | {"muted_since_ms": None} | {f"muted_{k}": kept[k] for k in kept}
    )
    assert quiet.in_clinic_since_ms == (END_MS - 4 * HOUR_MS if since_ms == -1 else since_ms)
    assert wishes.muted_since_ms == (END_MS - 7 * DAY_MS if since_ms == -1 else since_ms)


@pytest.mark.parametrize(
    ("rhythm", "age_ms", "was_here", "is_wanted"),
    [
        ("as_it_comes", None, False, True),
        ("as_it_comes", HOUR_MS // 6 - 1, False, False),
        ("as_it_comes", HOUR_MS // 6, False, True),
        ("as_it_comes", 0, True, True),
        ("daily", DAY_MS - 1, True, False),
        ("daily", DAY_MS, False, True),
        ("weekly", 7 * DAY_MS - 1, True, False),
        ("weekly", 7 * DAY_MS, False, True),
        ("calls_only", None, True, False),
    ],
)
def test_an_alert_comes_once_in_a_burst_and_no_oftener_than_was_wished(
    rhythm: str, age_ms: int | None, was_here: bool, is_wanted: bool
) -> None:
    wishes, standing = Wishes(group="g", rhythm=rhythm), Standing(group="g", received=1, loud=1)
    found = wants_alert(wishes, standing, Seen(group="g"), last_age_ms=age_ms, was_here_since=was_here)
    assert found is is_wanted


@pytest.mark.parametrize(
    ("loud", "for_me", "is_mentions_only", "is_wanted"),
    [(0, 0, False, False), (1, 0, False, True), (1, 0, True, False), (1, 1, True, True)],
)
def test_an_alert_needs_news_that_were_wished_for(
    loud: int, for_me: int, is_mentions_only: bool, is_wanted: bool
) -> None:
    wishes = Wishes(group="g", is_mentions_only=is_mentions_only)
    standing = Standing(group="g", received=1, loud=loud, for_me=for_me)
    assert wants_alert(wishes, standing, Seen(group="g"), last_age_ms=None) is is_wanted
