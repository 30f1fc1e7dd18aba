"""System notices through plyer, where the system has them. Without one the card inside the app is all there is."""

import asyncio
import logging
import os
import shutil
import sys
import warnings
from importlib.util import find_spec

log = logging.getLogger(__name__)
WAIT_S = 5


def has_notices() -> bool:
    """Return whether this system shows notices; Linux needs a session bus and one of two ways to speak to it."""
    if sys.platform != "linux":
        return True
    has_way = shutil.which("notify-send") is not None or find_spec("dbus") is not None
    return has_way and bool(os.environ.get("DBUS_SESSION_BUS_ADDRESS"))


class PlyerNotifier:
    async def notify(self, title: str, text: str) -> bool:
        """Return whether the system took the notice. The words must tell nothing: a lock screen may show them."""
        if not has_notices():  # plyer would print a traceback
            return False
        try:
            await asyncio.wait_for(asyncio.to_thread(_notify, title, text), WAIT_S)
        except Exception as error:  # plyer's platforms raise whatever their own libraries raise
            log.info("no system notices here: %s", type(error).__name__)
            return False
        return True


def _notify(title: str, text: str) -> None:
    from plyer import notification

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns when it takes the second of its two ways
        notification.notify(title=title, message=text, app_name="Companion", timeout=10)
