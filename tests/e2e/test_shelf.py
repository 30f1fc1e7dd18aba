"""The shelf of a group, end to end: what is kept there is read by somebody who joins later, until it is taken down."""

import asyncio
import re
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import expect

from main import build_profile
from tests.e2e.driver import PHONE, AppProcess, Person
from tests.e2e.journey import PASSPHRASE, go, unlock
from tests.many_messages import NAME, make_group
from tests.relay_process import RelayProcess

SAID = re.compile("Line 0 of a long talk")
SOON_MS = 60_000


def apart(job: Coroutine[object, object, str]) -> str:
    """Do something in a thread of its own: while the browsers live, no loop can run in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, job).result()


async def make_rowan(data: Path, service: str) -> str:
    companion = build_profile(data, "rowan", service).companion
    key, _ = companion.recovery_words()
    await companion.create("Rowan Dale", "practice_manager", PASSPHRASE, key)
    await companion.lock()
    return "rowan"


@pytest.mark.parametrize("size", [pytest.param(PHONE, id="shelf")])
def test_a_note_on_the_shelf_is_read_by_who_joins_later_until_it_is_taken_down(
    size: dict[str, int],
    relay: RelayProcess,
    start_app: Callable[..., AppProcess],
    open_window: Callable[..., Person],
    tmp_path: Path,
) -> None:
    link = apart(make_group(tmp_path / "data", "hazel", relay.url, 1))
    hazel = open_window(start_app("hazel", relay.url), "hazel", size)
    unlock(hazel)
    go(hazel, "Groups")
    hazel.press(re.compile(f"^{NAME}"), exact=False)
    hazel.press(re.compile("^Person 0, Line 0"), exact=False)
    hazel.press("Keep on the shelf")
    hazel.see("This is on the shelf now. People who join later can read it too.", SOON_MS)
    hazel.shot("1-kept")

    rowan = open_window(start_app(apart(make_rowan(tmp_path / "data", relay.url)), relay.url), "rowan", size, which=1)
    unlock(rowan)
    go(rowan, "Groups")
    rowan.press("Join a group")
    rowan.type("Link or code of the invite", link)
    rowan.press("Join")
    rowan.press("Go to the group")
    rowan.see("Read this first: shelf, 1 note", SOON_MS)
    assert rowan.count(SAID) == 0
    rowan.shot("2-read-this-first")
    rowan.press("Read this first: shelf, 1 note")
    rowan.press(SAID, exact=False)
    expect(rowan.page.get_by_role("heading", name=SAID)).to_be_attached(timeout=SOON_MS)
    rowan.shot("3-read")

    hazel.press("Shelf, 1 note")
    hazel.press(SAID, exact=False)
    hazel.press("Take it down")
    hazel.press("Take it down")
    hazel.see("A place for what is worth keeping.", SOON_MS)
    rowan.see("This note is no longer on the shelf.", SOON_MS)
    rowan.shot("4-gone")
