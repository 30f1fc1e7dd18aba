"""What the store's own folder remembers of the store, for where there is no keystore.

It tells that the store's file alone was replaced or put back, as a cloud drive does. Whoever puts back the whole folder
puts this back with it, so it proves nothing against a person: where there is a keystore, its word counts and not this.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from companion.errors import StoreError
from companion.ports import Anchor
from services.store.files import write_atomically

FILE_NAME = "anchor"
_FORM = re.compile(r"([0-9a-f]{32}) ([0-9]{1,18}) ([0-9a-f]{16})?\n")
_BYTES_MAX = 128


def read_beside(directory: Path) -> Anchor | None:
    """Return what was remembered, or None if there is nothing that can be read."""
    try:
        with (directory / FILE_NAME).open("rb") as file:
            found = _FORM.fullmatch(file.read(_BYTES_MAX).decode("ascii", "replace"))
    except OSError:
        return None
    if found is None:
        return None
    return Anchor(store_id=found[1], commit=int(found[2]), opening=found[3] or "")


def write_beside(directory: Path, anchor: Anchor) -> None:
    """Remember how far the store has come. Call it only for what is durable; without it, less is noticed."""
    with suppress(StoreError):
        write_atomically(directory / FILE_NAME, f"{anchor.store_id} {anchor.commit} {anchor.opening}\n".encode())


def is_other_store(
    anchor: Anchor, store: Anchor, keys: str, keys_commit: int, opening_at: Callable[[int], str]
) -> bool:
    """Tell whether a store has not all that the anchor remembers, though it may have come as far.

    `keys`, `keys_commit`: the digest of the store's key file, and which commit wrote it down. `opening_at`: in which
    opening one of its commits was made.
    """
    are_keys_other = bool(anchor.keys) and anchor.keys != keys and keys_commit <= anchor.commit
    is_apart = store.commit >= anchor.commit and opening_at(anchor.commit) != anchor.opening
    return anchor.store_id != store.store_id or are_keys_other or (bool(anchor.opening) and is_apart)
