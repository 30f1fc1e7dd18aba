"""`companion doctor`: what works on this computer, in words a practice manager understands."""

import os
import platform
import shutil
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Protocol

from companion.crypto import selftest
from companion.errors import SyncError
from companion.wire import LOCAL_SERVICE
from services.clouds import NETWORK, OTHER_DRIVE, shared_by
from services.extras import BROWSER, DESKTOP, install_command, missing
from services.notifier import has_notices
from services.store.store import SealedStore
from services.sync.client import RelayClient
from services.sync.embedded import EmbeddedRelay


class Words(Protocol):
    def __call__(self, key: str, **values: object) -> str: ...


async def report(folder: Path, data: Path, service: str, words: Words, say: Callable[[str], None]) -> int:
    """Say what works, line by line. Return 0 if the app can be used, 1 if it must not be."""
    say(words("start.doctor_title"))
    say(
        words(
            "start.doctor_version",
            version=_version(words),
            python=platform.python_version(),
            flet=version("flet"),
        )
    )
    is_sound = _crypto(words, say)
    is_writable = _data(folder, words, say)
    can_open = _browser(words, say)
    say(words(f"start.doctor_microphone_{_microphone()}"))
    has_bus = sys.platform in ("darwin", "win32") or bool(os.environ.get("DBUS_SESSION_BUS_ADDRESS"))
    say(words("start.doctor_notices_ok" if has_notices() else "start.doctor_notices_none"))
    say(words("start.doctor_keystore_ok" if has_bus else "start.doctor_keystore_none"))
    await _service(data, service, words, say)
    return 0 if is_sound and is_writable and can_open else 1


def _version(words: Words) -> str:
    try:
        return version("companion")
    except PackageNotFoundError:  # started from its files
        return words("start.doctor_not_installed")


def _crypto(words: Words, say: Callable[[str], None]) -> bool:
    versions = selftest.versions()
    say(words("start.doctor_crypto", cryptography=versions["cryptography"], openssl=versions["OpenSSL"]))
    results = selftest.run()
    for result in results:
        say(words("start.doctor_test_ok" if result.passed else "start.doctor_test_bad", name=result.name))
    return all(result.passed for result in results)


def _data(folder: Path, words: Words, say: Callable[[str], None]) -> bool:
    has_data = SealedStore.exists(folder / "vault")
    say(words("start.doctor_data" if has_data else "start.doctor_data_none", folder=folder))
    shared = shared_by(folder)
    if shared == NETWORK:
        say(words("start.doctor_shared_network"))
    elif shared:
        say(
            words(
                "start.doctor_shared_cloud",
                name=words("start.doctor_shared_other") if shared == OTHER_DRIVE else shared,
            )
        )
    nearest = next(p for p in (folder, *folder.parents) if p.exists())
    if not os.access(nearest, os.W_OK):
        say(words("start.doctor_data_bad"))
        return False
    say(words("start.doctor_data_free", free=shutil.disk_usage(nearest).free // 1_000_000))
    return True


def _browser(words: Words, say: Callable[[str], None]) -> bool:
    """Say what a browser lacks, if anything. Return whether there is that or a window."""
    lacks = missing(BROWSER)
    if lacks:
        say(words("start.doctor_browser_none", missing=lacks, command=install_command(DESKTOP)))
    return not lacks or not missing(["flet_desktop"])


def _microphone() -> str:
    """Return "ok", "none" or "unknown"; only Linux tells without asking for permission."""
    if sys.platform != "linux":
        return "unknown"
    cards = Path("/proc/asound/pcm")
    try:
        return "ok" if "capture" in cards.read_text() else "none"
    except OSError:
        return "none"


async def _service(data: Path, service: str, words: Words, say: Callable[[str], None]) -> None:
    embedded = EmbeddedRelay(data / "relay") if service == LOCAL_SERVICE else None
    try:
        address = await embedded.ensure() if embedded else service
        client = RelayClient(address, "0" * 32, b"\0" * 32)
        try:
            await client.about()
        finally:
            await client.close()
        say(words("start.doctor_service_local" if embedded else "start.doctor_service_ok", service=service))
    except SyncError as error:
        key = "start.doctor_service_local_bad" if embedded else "start.doctor_service_bad"
        say(words(key, service=service, reason=str(error)))
    finally:
        if embedded is not None:
            await embedded.close()
