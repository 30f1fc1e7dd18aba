"""What the device itself keeps for this profile: how far the store had come, and, if wished, a key of its own."""

import base64
import logging

from companion.crypto.primitives import random_bytes
from companion.errors import KeystoreUnavailable
from companion.ports import Anchor, Keystore, Store

log = logging.getLogger(__name__)

ANCHOR, KEY = "anchor", "device_key"
KEY_BYTES = 32
DIGITS_MAX = 18


class Device:
    """Where there is no keystore, nothing is kept: a plain file beside the store could be put back along with it."""

    def __init__(self, keystore: Keystore) -> None:
        self._keystore = keystore
        self._written: Anchor | None = None

    async def has_keystore(self) -> bool:
        return await self._keystore.is_here()

    async def anchor(self) -> Anchor | None:
        """Return what was remembered the last time, or None."""
        text = await self._load(ANCHOR)
        store_id, commit, keys, opening, *_ = [*(text or "").split(":"), "", "", ""]
        if not store_id or not commit.isdecimal() or len(commit) > DIGITS_MAX:
            return None
        return Anchor(store_id=store_id, commit=int(commit), keys=keys, opening=opening)

    async def remember(self, store: Store, *, at_least: int = 1) -> None:
        """Keep how far the store has come, if that is `at_least` so many commits more than is kept already."""
        anchor = store.anchor
        written = self._written
        is_known = written is not None and written.store_id == anchor.store_id
        if store.rollback or (is_known and written is not None and anchor.commit - written.commit < at_least):
            return
        if not await self.has_keystore():
            return
        try:
            text = ":".join((anchor.store_id, str(anchor.commit), anchor.keys, anchor.opening))
            await self._keystore.save(ANCHOR, text.rstrip(":"))
        except KeystoreUnavailable:
            log.info("the anchor was not kept")
            return
        self._written = anchor

    async def has_key(self) -> bool:
        """Return whether the device may open the store."""
        return await self._load(KEY) is not None

    async def make_key(self) -> bytes:
        """Draw a key and keep it in the keystore. Raises: KeystoreUnavailable."""
        key = random_bytes(KEY_BYTES)
        await self._keystore.save(KEY, base64.b64encode(key).decode())
        return key

    async def key(self, reason: str) -> bytes | None:
        """Return the key, after the device has asked who is there if it can; None if it is somebody else."""
        if await self._keystore.can_ask() and not await self._keystore.ask(reason):
            return None
        text = await self._load(KEY)
        try:
            return None if text is None else base64.b64decode(text, validate=True)
        except ValueError:
            return None

    async def forget_key(self) -> None:
        """Raises: KeystoreUnavailable."""
        await self._keystore.remove(KEY)

    async def forget(self) -> None:
        """Take everything of this profile from the keystore, as far as it answers."""
        self._written = None
        if not await self.has_keystore():
            return
        for name in (KEY, ANCHOR):
            try:
                await self._keystore.remove(name)
            except KeystoreUnavailable:
                log.warning("an entry of the keystore could not be removed")

    async def _load(self, name: str) -> str | None:
        if not await self.has_keystore():
            return None
        try:
            return await self._keystore.load(name)
        except KeystoreUnavailable:
            return None
