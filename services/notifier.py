"""System notices through plyer, where the system has them. Without one the card inside the app is all there is."""

import asyncio
import logging

log = logging.getLogger(__name__)
WAIT_S = 5


class PlyerNotifier:
    async def notify(self, title: str, text: str) -> bool:
        """Return whether the system took the notice. The words must tell nothing: a lock screen may show them."""
        try:
            await asyncio.wait_for(asyncio.to_thread(_notify, title, text), WAIT_S)
        except Exception as error:  # plyer's platforms raise whatever their own libraries raise
            log.info("no system notices here: %s", type(error).__name__)
            return False
        return True


def _notify(title: str, text: str) -> None:
    import warnings

    from plyer import notification

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # without D-Bus plyer only warns, and shows nothing
        notification.notify(title=title, message=text, app_name="Companion", timeout=10)
