"""The app without a screen: `Companion`, and behind it, only while it is unlocked, `Opened`."""

from companion.app.companion import Companion, Ports
from companion.app.opened import Opened

__all__ = ["Companion", "Opened", "Ports"]
