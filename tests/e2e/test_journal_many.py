"""A journal of 20,000 pages in a real browser: open it, scroll, search, jump to a day.

The bar of 200 ms is shown by `benchmarks.screens`; here each step only has to stay far from slow: under two seconds, or
on a busy machine under a few times what changing to a short list takes. The times are printed: run with -s to see them.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.e2e.driver import DESKTOP, PHONE, AppProcess, Person
from tests.e2e.journey import go
from tests.e2e.many_steps import STEPS, at_ease
from tests.e2e.measuring import seen_ms
from tests.many_entries import COUNT, make_profile, title_of

SLOW_MS = 2_000
TIMES_A_SHORT_LIST = 5


@pytest.fixture(scope="module")
def long_journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("many")
    make_profile(data, "many", COUNT)
    return data


@pytest.mark.parametrize("size", [pytest.param(PHONE, id="many-phone"), pytest.param(DESKTOP, id="many-desktop")])
def test_a_long_journal_opens_scrolls_searches_and_jumps(
    long_journal: Path, browsers: tuple[Browser, Browser], open_window: Callable[..., Person], size: dict[str, int]
) -> None:
    app = AppProcess(long_journal, "many", "--service", "http://127.0.0.1:9")
    try:
        hazel = open_window(app, "hazel", size)
        at_ease(hazel)
        today = datetime.now().astimezone().date()
        go(hazel, "Journal")
        hazel.see(title_of(COUNT - 1))
        short = seen_ms(hazel, "Record my story", lambda: go(hazel, "Stories"))
        times: dict[str, float] = {}
        for name, step in STEPS.items():
            times[name] = step(hazel, today)
            hazel.shot(f"long-{name}")
        print({name: round(ms) for name, ms in {"short": short, **times}.items()})
        assert all(ms < max(SLOW_MS, TIMES_A_SHORT_LIST * short) for ms in times.values()), (short, times)
    finally:
        app.stop()
