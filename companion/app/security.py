"""Intents of the keys: another passphrase, other recovery words, the device's own key, a copy of what can be read."""

import logging
from collections.abc import AsyncGenerator

from companion.app.device import Device
from companion.app.tries import Tries
from companion.crypto.words import key_from_words
from companion.errors import KeystoreUnavailable, WrongKey, WrongWords
from companion.ports import Checked, Damage, Rescue, Store
from companion.unlocking import check_passphrase

log = logging.getLogger(__name__)
KEYSTORE = "keystore"


class Security:
    """Every change of a key needs the passphrase or the recovery words first: an open app is not enough."""

    def __init__(self, store: Store, device: Device, tries: Tries) -> None:
        self._store = store
        self._device = device
        self._tries = tries

    async def change_passphrase(self, proof: str, passphrase: str) -> None:
        """Let this passphrase open the store, and the old one nothing any more.

        Raises: WeakPassphrase, WrongKey (counted), StoreError, OtherKeyNeeded; the old passphrase then still holds.
        """
        check_passphrase(passphrase)
        await self.rekey(await self.prove(proof), passphrase=passphrase)

    async def check(self, proof: str) -> None:
        """Raises: WrongKey (counted) if this is neither the passphrase nor the recovery words."""
        await self.prove(proof)

    async def lock_to_words(self, slot: bytes) -> None:
        """Let the words of this slot open the store, which a person proved on another device of theirs.

        Raises: StoreError, OtherKeyNeeded, CryptoError for a slot that is none.
        """
        await self._store.lock_to_words(slot)
        await self._device.remember(self._store)

    async def has_keystore(self) -> bool:
        return await self._device.has_keystore()

    async def opens_with_device(self) -> bool:
        return KEYSTORE in self._store.slots and await self._device.has_key()

    async def use_device(self, proof: str) -> None:
        """Let this device open the store too. Raises: WrongKey (counted), KeystoreUnavailable, StoreError."""
        await self.prove(proof)
        await self._store.rekey(keystore=await self._device.make_key())
        await self._device.remember(self._store)

    async def stop_device(self) -> None:
        """Let the device open the store no more. Raises: StoreError."""
        await self._store.remove_slot(KEYSTORE)
        await self._device.remember(self._store)
        try:
            await self._device.forget_key()
        except KeystoreUnavailable:
            return  # what it still holds opens nothing any more

    @property
    def damages(self) -> tuple[Damage, ...]:
        """What was found damaged since the store was opened."""
        return self._store.damages

    def check_everything(self) -> AsyncGenerator[Checked, None]:
        """Read everything from the disk again, and say how far it is; what is damaged is then among `damages`.

        Whoever stops asking ends it. Raises: StoreError.
        """
        return self._store.check()

    async def rescue(self) -> Rescue:
        """Copy what can be read into a new folder; nothing is changed or deleted here. Raises: StoreError."""
        return await self._store.salvage()

    async def rekey(self, proof: str | bytes, *, passphrase: str | None = None, recovery: bytes | None = None) -> None:
        """Change a key by one that was proven. What the device remembers follows at once, and its own key goes on
        opening the store. Raises: StoreError, OtherKeyNeeded.
        """
        opened_with_device = await self.opens_with_device()
        await self._store.rekey(passphrase=passphrase, recovery=recovery, proof=proof)
        if opened_with_device and KEYSTORE not in self._store.slots:
            try:
                await self._store.rekey(keystore=await self._device.make_key())
            except KeystoreUnavailable:
                log.warning("the device opens the store no more: its keystore did not answer")
        await self._device.remember(self._store)

    async def prove(self, proof: str) -> str | bytes:
        """Return the key that was proven, as the store takes it. Raises: WrongKey (counted) if it is none."""
        async with self._tries.one():
            passphrase, recovery = passphrase_or_words(proof)
            if not await self._store.opens_with(passphrase=passphrase, recovery=recovery):
                raise WrongKey("neither the passphrase nor the recovery words")
        return proof if recovery is None else recovery


def passphrase_or_words(secret: str) -> tuple[str | None, bytes | None]:
    """Return a typed secret as a passphrase, or as a recovery key if it reads as 24 recovery words."""
    try:
        return None, key_from_words(secret)
    except WrongWords:
        return secret, None
