"""One journal on two devices, end to end: a second one is linked by its code, and a page is written on both apart."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.driver import DESKTOP, PHONE, AppProcess, Person
from tests.e2e.journey import PASSPHRASE, go, noon_zone, unlock
from tests.many_entries import make_profile, title_of
from tests.relay_process import RelayProcess

CODE = re.compile(r"\b(?:[0-9A-Z]{4}-){3}[0-9A-Z]{4}\b")
PARTED = re.compile("You wrote on two devices")
PAGE = re.compile("My page")
TITLE = title_of(0)


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a phone's journal of three pages, made before the browsers have this thread."""
    folder = tmp_path_factory.mktemp("own")
    make_profile(folder, "phone", 3)
    return folder


@pytest.fixture
def apps(journal: Path, relay: RelayProcess) -> Iterator[tuple[AppProcess, AppProcess]]:
    """The phone's app, and one that was never started before."""
    with ExitStack() as running:
        started = [AppProcess(journal, name, "--service", relay.url, env=noon_zone()) for name in ("phone", "desk")]
        for app in started:
            running.callback(app.stop)
        yield started[0], started[1]


@pytest.mark.parametrize("size", [pytest.param(PHONE, id="own-devices")])
def test_a_page_written_on_two_devices_apart_stands_on_both_until_one_version_is_kept(
    size: dict[str, int],
    apps: tuple[AppProcess, AppProcess],
    relay: RelayProcess,
    open_window: Callable[..., Person],
) -> None:
    phone = open_window(apps[0], "phone", size)
    desk = open_window(apps[1], "desk", DESKTOP, which=1, dark=True)
    unlock(phone)
    phone.see("Weekly check-in", 60_000)

    link(phone, desk)
    phone.press("Share my journal")
    phone.see(re.compile("It is on"))
    desk.see(re.compile("Done. This device is now one of yours"), 60_000)
    desk.see(re.compile("It is on"), 60_000)
    for person in (phone, desk):
        person.shot(f"2-linked-{person.name}")
        open_page(person)

    relay.stop()
    write(phone, "From the phone.")
    write(desk, "From the desk.")
    relay.start()
    for person in (phone, desk):
        person.see(PARTED, 60_000)
        person.see(re.compile("The other version: "))
        person.shot(f"3-both-{person.name}")

    phone.press("Keep this one")
    phone.see(re.compile("What stands beside it then goes from all your devices"))
    phone.press("Keep this one")
    phone.see_not(PARTED)
    desk.see_not(PARTED, 60_000)
    for person in (phone, desk):
        person.see_written(PAGE, "From the phone.")
    assert phone.foreign == desk.foreign == []


def link(old: Person, new: Person) -> None:
    """Make `new`, at its first start, a device of the person of `old`."""
    old.press(re.compile("^My account"), exact=False)
    old.press(re.compile("^My devices"), exact=False)
    old.press("Show a code")
    old.see(CODE)
    said = CODE.search(old.tree())
    assert said
    old.shot("1-code")
    new.press("I already use Companion on another device")
    new.type("The code from your other device", said.group())
    new.type("Name of this device", "My desk")
    new.shot("1-first-start")
    new.press("Continue")
    new.see("Choose a passphrase")
    new.type("Passphrase", PASSPHRASE)
    new.type("The same passphrase again", PASSPHRASE)
    new.shot("1-passphrase")
    new.press("Make it mine")


def open_page(person: Person) -> None:
    if person.page.viewport_size == PHONE:
        person.press("Back")
        person.press("Close")
        go(person, "Journal")
    else:
        person.press("Go to my journal")
    person.press(re.compile(rf"^{TITLE},"), exact=False)
    person.see(PAGE)


def write(person: Person, text: str) -> None:
    person.type(PAGE, text)
    person.see(re.compile("Saved on this device"))
