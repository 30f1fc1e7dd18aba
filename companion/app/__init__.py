"""The app without a screen: `Companion`, and behind it, only while it is unlocked, `Opened`.

Owns what a person can do, as intents, and the one reference to what is open. Must not know what anything looks like, or
which adapter does what a port asks for.
"""

from companion.app.companion import Companion, Ports
from companion.app.opened import Opened

__all__ = ["Companion", "Opened", "Ports"]
