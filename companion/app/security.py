"""Intents of the keys: another passphrase, other recovery words, the device's own key, a copy of what can be read."""

from companion.app.device import Device
from companion.app.tries import Tries
from companion.crypto.words import key_from_words
from companion.errors import KeystoreUnavailable, WrongKey, WrongWords
from companion.ports import Damage, Rescue, Store
from companion.unlocking import check_passphrase

KEYSTORE = "keystore"


class Security:
    """Every change of a key needs the passphrase or the recovery words first: an open app is not enough."""

    def __init__(self, store: Store, device: Device, tries: Tries) -> None:
        self._store = store
        self._device = device
        self._tries = tries

    async def change_passphrase(self, proof: str, passphrase: str) -> None:
        """Raises: WeakPassphrase, WrongKey (counted), StoreError; the old passphrase then still holds."""
        check_passphrase(passphrase)
        await self._prove(proof)
        await self._store.rekey(passphrase=passphrase)

    async def check(self, proof: str) -> None:
        """Raises: WrongKey (counted) if this is neither the passphrase nor the recovery words."""
        await self._prove(proof)

    async def change_words(self, proof: str, recovery: bytes) -> None:
        """Let these words open the store, and the old ones no more. Raises: WrongKey (counted), StoreError."""
        await self._prove(proof)
        await self._store.rekey(recovery=recovery)

    async def has_keystore(self) -> bool:
        return await self._device.has_keystore()

    async def opens_with_device(self) -> bool:
        return KEYSTORE in self._store.slots and await self._device.has_key()

    async def use_device(self, proof: str) -> None:
        """Let this device open the store too. Raises: WrongKey (counted), KeystoreUnavailable, StoreError."""
        await self._prove(proof)
        await self._store.rekey(keystore=await self._device.make_key())

    async def stop_device(self) -> None:
        """Let the device open the store no more. Raises: StoreError."""
        await self._store.remove_slot(KEYSTORE)
        try:
            await self._device.forget_key()
        except KeystoreUnavailable:
            return  # what it still holds opens nothing any more

    @property
    def damages(self) -> tuple[Damage, ...]:
        """What was found damaged since the store was opened."""
        return self._store.damages

    async def rescue(self) -> Rescue:
        """Copy what can be read into a new folder; nothing is changed or deleted here. Raises: StoreError."""
        return await self._store.salvage()

    async def _prove(self, proof: str) -> None:
        async with self._tries.one():
            passphrase, recovery = passphrase_or_words(proof)
            if not await self._store.opens_with(passphrase=passphrase, recovery=recovery):
                raise WrongKey("neither the passphrase nor the recovery words")


def passphrase_or_words(secret: str) -> tuple[str | None, bytes | None]:
    """Return a typed secret as a passphrase, or as a recovery key if it reads as 24 recovery words."""
    try:
        return None, key_from_words(secret)
    except WrongWords:
        return secret, None
