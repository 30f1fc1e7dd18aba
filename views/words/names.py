"""How people are shown: initials, first names, and a colour that stays with a person."""

from typing import Final

from companion.people import Member
from views.parts.people import Look
from views.words.texts import Texts

_LOOKS: Final[tuple[Look, ...]] = ("pine", "ember", "honey", "heather", "sky", "stone")


def initials(name: str) -> str:
    """Return the first letters of the first and the last word, in capitals."""
    parts = name.split()
    letters = [parts[0][0], parts[-1][0]] if len(parts) > 1 else [part[0] for part in parts]
    return "".join(letters).upper()


def first_name(name: str) -> str:
    """Return the first word, or the first two where it is a title."""
    parts = name.split()
    is_title = len(parts) > 1 and parts[0].rstrip(".").lower() in ("dr", "mr", "mrs", "ms", "mx", "prof", "professor")
    return " ".join(parts[:2]) if is_title else (parts[0] if parts else "")


def look_of(device: str) -> Look:
    """Return the same colour for the same device id, everywhere and always."""
    return _LOOKS[int(device[:8], 16) % len(_LOOKS)]


def device_name(texts: Texts, me: Member, this: str, id: str) -> str:
    """Return what one of my devices is called, also one that is in use no longer. `this` is the one in the hand."""
    if id == this:
        return texts("account.devices_this")
    device = next((entry.device for entry in me.devices.entries if entry.device.id == id), None)
    if device is None:
        return texts("account.devices_other")
    return device.name or texts("account.devices_unnamed", id=id[:8])
