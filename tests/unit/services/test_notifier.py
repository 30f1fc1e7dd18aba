import sys
from types import ModuleType

import pytest

from services.notifier import PlyerNotifier, has_notices


@pytest.fixture
def plyer(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """The neighbour: notes what it is asked to show."""
    shown: list[dict[str, object]] = []
    module = ModuleType("plyer")
    module.notification = ModuleType("plyer.notification")  # type: ignore[attr-defined]  # as plyer does
    module.notification.notify = lambda **words: shown.append(words)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "plyer", module)
    return shown


@pytest.fixture
def with_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
    monkeypatch.setattr("services.notifier.shutil.which", lambda name: "/usr/bin/notify-send")


async def test_notice_is_handed_to_the_system(plyer, with_bus) -> None:
    assert await PlyerNotifier().notify("Companion", "You have a quiet note")
    assert (plyer[0]["title"], plyer[0]["message"]) == ("Companion", "You have a quiet note")


async def test_system_without_notices_is_left_alone(plyer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    assert not has_notices()
    assert not await PlyerNotifier().notify("Companion", "You have a quiet note")
    assert plyer == []


async def test_failing_system_is_no_error(plyer, with_bus, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**words: object) -> None:
        raise OSError("no bus")

    monkeypatch.setattr(sys.modules["plyer"].notification, "notify", fail)
    assert not await PlyerNotifier().notify("Companion", "You have a quiet note")
