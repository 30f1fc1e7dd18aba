"""First start, unlock, lock, hide and erase. Locking drops the one object that holds keys."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass

from companion.app.device import Device
from companion.app.farewells import Farewells
from companion.app.opened import Opened
from companion.app.parting import Left
from companion.app.security import Security, passphrase_or_words
from companion.app.tries import Tries
from companion.consent import Wording
from companion.crypto.primitives import random_bytes
from companion.crypto.words import key_from_words, words_from_key
from companion.errors import CompanionError, StoreBusy, Tampered, WrongKey
from companion.farewells import Farewell
from companion.people import Me, create_me
from companion.ports import (
    Anchor,
    Blobs,
    Change,
    Clock,
    Eraser,
    Keystore,
    Network,
    Put,
    Rescue,
    Store,
    TryCounter,
    Vault,
)
from companion.space.words import TABLE as WORDS
from companion.space.words import words_of
from companion.unlocking import check_passphrase

log = logging.getLogger(__name__)

FIRST_START, LOCKED, OPEN, HIDDEN, RESTORED = "first_start", "locked", "open", "hidden", "restored"
CLOSING, ERASED = "closing", "erased"
Listener = Callable[[frozenset[str]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The adapters one profile works with; `main.py` puts them together."""

    vault: Vault
    network: Network
    clock: Clock
    tries: TryCounter
    wording: Wording
    keystore: Keystore
    eraser: Eraser


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """An unlocked store before anything is done with it."""

    me: Me
    store: Store
    blobs: Blobs


class Companion:
    """One person's app. Listeners get the names of what changed: tables, "phase", "sync", "erased" or "farewells"."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._listeners: list[Listener] = []
        self._busy = False
        self._device = Device(ports.keystore)
        self._tries = Tries(ports.tries, ports.clock)
        self.farewells = Farewells(ports.network, ports.eraser, self._tell)
        self._restored: Box | None = None
        self._store: Store | None = None
        self._leaving: Store | None = None
        self._is_hidden = False
        self.opened: Opened | None = None
        self.left = Left()
        """What the last lock could not hand over."""
        self.last_used_ms = 0
        """By the stopwatch."""

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Return the function that ends the subscription."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    def touch(self) -> None:
        """Somebody is using the app: the auto-lock starts counting anew."""
        self.last_used_ms = self._ports.clock.monotonic_ms()

    async def phase(self) -> str:
        """Return which screen is due; an erasure that a crash cut short is completed first."""
        if self._is_hidden:
            return HIDDEN
        if self.opened is not None:
            return OPEN
        if self._restored is not None:
            return RESTORED
        if await self._ports.eraser.is_unfinished():
            await self._erase_all()
        return LOCKED if await self._ports.vault.exists() else FIRST_START

    def recovery_words(self) -> tuple[bytes, tuple[str, ...]]:
        """Draw a recovery key. Nothing is stored: `create` takes the key once the words were typed back."""
        key = random_bytes(32)
        return key, words_from_key(key)

    async def create(self, name: str, profession: str, passphrase: str, recovery: bytes | None) -> None:
        """Make the store and open it. `recovery`: None on a device that is to be linked, which is then told of words.

        Raises: WeakPassphrase, ValueError for a name, StoreError.
        """
        check_passphrase(passphrase)
        await self._until_closed()
        me = create_me(name, profession, at_ms=self._ports.clock.now_ms())
        with self._alone():
            async with _closing_what_fails() as undone:
                known = () if recovery is None else (Put(WORDS, words_of(recovery).known_doc()),)
                first = Change(put=(Put("me", me.to_doc()), *known))
                store, blobs = await self._ports.vault.create(passphrase, recovery, first)
                undone.push_async_callback(_close, store)
                await self._device.forget()  # what is left of a profile that was removed together with the app
                await self._open(Box(me=me, store=store, blobs=blobs))

    async def unlock(self, *, passphrase: str | None = None, words: str | None = None) -> None:
        """Open the store with the passphrase or the recovery words.

        A store that is not what this device remembers waits for `answer_restored`.
        Raises: WrongKey (counted; see `wrong_tries`), WrongWords, and what the vault raises.
        """
        recovery = None if words is None else key_from_words(words)
        if self.opened is not None:
            return
        await self._until_closed()
        with self._alone():
            async with _closing_what_fails() as undone:
                async with self._tries.one():
                    anchor = await self._device.anchor()
                    box = await self._ports.vault.unlock(passphrase=passphrase, recovery=recovery, anchor=anchor)
                    undone.push_async_callback(_close, box[0])
                await self._enter(*box)
                if recovery is not None and self.opened is not None:
                    await self.opened.recovery.learn(recovery)

    async def unlock_with_device(self, reason: str) -> None:
        """Open the store with the device's own key; `reason` is what the device shows when it asks who is there.

        Raises: WrongKey if the device refuses or holds no key that fits, and what the vault raises.
        """
        if self.opened is not None:
            return
        await self._until_closed()
        with self._alone():
            key = await self._device.key(reason)
            if key is None:
                raise WrongKey("the device gave no key")
            anchor: Anchor | None = await self._device.anchor()
            async with _closing_what_fails() as undone:
                box = await self._ports.vault.unlock(keystore=key, anchor=anchor)
                undone.push_async_callback(_close, box[0])
                await self._enter(*box)

    async def can_unlock_with_device(self) -> bool:
        return await self._device.has_key()

    async def wrong_tries(self) -> tuple[int, int]:
        """Return how many tries in a row were wrong, and how many ms have to pass until the next one is taken."""
        return await self._tries.so_far()

    async def answer_restored(self, was_me: bool) -> None:
        """Say whether the person put the store back from a backup; if not, it opens for reading only."""
        box = self._restored
        if box is None:
            return
        with self._alone():
            if was_me:
                await box.store.accept_rollback()
            async with _closing_what_fails() as undone:
                undone.push_async_callback(_close, box.store)
                self._restored = None
                await self._open(box, is_older=was_me)

    async def rescue(self, secret: str) -> Rescue:
        """Copy what can be read of a store that does not open. `secret`: the passphrase or the recovery words.

        Raises: WrongKey (counted), and what the vault raises; the damaged store stays as it is.
        """
        passphrase, recovery = passphrase_or_words(secret)
        await self._until_closed()
        with self._alone():
            async with self._tries.one():
                return await self._ports.vault.rescue(passphrase=passphrase, recovery=recovery)

    async def adopt(self, rescue: Rescue) -> None:
        """Use a rescue copy from now on; the damaged store stays beside it. Locks. Raises: StoreError."""
        await self.lock()
        await self._ports.vault.adopt(rescue.folder)
        self._tell(frozenset({"phase"}))

    async def rest(self) -> bool:
        """Do housekeeping while nobody types; return whether there is more of it. Raises: StoreError."""
        if self.opened is None:
            return False
        has_more = await self.opened.idle()
        await self.remember()
        return has_more

    async def remember(self, at_least: int = 1) -> None:
        """Let the device keep how far the store has come, if that is `at_least` so many commits more than it knows."""
        if self._store is not None:
            await self._device.remember(self._store, at_least=at_least)

    @property
    def has_keys(self) -> bool:
        """Whether there is anything that a lock would drop."""
        return self.opened is not None or self._restored is not None

    async def lock(self, *, hands_over: bool = True) -> None:
        """Save what was typed, hand over what was promised, stop the network, and drop the keys.

        The screens are locked at once, whatever the rest takes; a lock that is under way is waited for.
        """
        box, self._restored = self._restored, None
        opened, self.opened = self.opened, None
        store, self._store = self._store, None
        leaving = box.store if box is not None else store
        if leaving is None:
            await self._until_closed()
            return
        self.left, self._leaving = Left(), leaving
        async with leaving.turn(CLOSING):
            self._tell(frozenset({"phase"}))
            try:
                if opened is not None:
                    self.left = await opened.close(hands_over=hands_over)
                else:
                    await leaving.close()
            finally:
                self._tell(frozenset({"phase"}))
        if store is not None:
            await self._device.remember(store)  # the keys are gone by now, and the keystore may take its time

    async def _until_closed(self) -> None:
        """Wait for a lock that is under way: what it closes cannot be opened before."""
        if self._leaving is not None:
            async with self._leaving.turn(CLOSING):
                return

    async def hide(self) -> None:
        """Show every window something that says nothing, at once, and drop the keys."""
        self._is_hidden = True
        self._tell(frozenset({"phase"}))
        await self.lock()

    def come_back(self) -> None:
        """Show the lock screen again."""
        self._is_hidden = False
        self._tell(frozenset({"phase"}))

    async def erase(self, scope: str = "") -> None:
        """Take everything of this profile from the device, the keys first. Saves nothing. Raises: StoreError.

        With a `scope`, "device" or "account", its services are asked to delete that too, by farewells that are signed
        while the keys are here. Nobody waits for an answer: see `farewells`. Without keys nobody can ask.
        """
        with self._alone():
            farewells = await self._sign_farewells(scope)
            try:
                await self._drop_all()
            finally:
                await self._erase_all(farewells)
                self._tell(frozenset({"phase"}))

    async def _sign_farewells(self, scope: str) -> tuple[Farewell, ...]:
        """What goes wrong here must not stand in the way of the erasure."""
        if not scope or self.opened is None:
            return ()
        try:
            return await self.opened.sign_farewells(scope)
        except CompanionError:
            log.warning("the services cannot be asked to delete anything")
            return ()

    async def _drop_all(self) -> None:
        """Close what is open; what goes wrong there must not stand in the way of the erasure."""
        try:
            await self.lock(hands_over=False)
        except CompanionError:
            log.warning("locking before the erasure failed")

    async def _erase_all(self, farewells: tuple[Farewell, ...] = ()) -> None:
        await self._ports.eraser.erase(farewells)
        await self._device.forget()
        self._tell(frozenset({ERASED}))

    async def _enter(self, store: Store, blobs: Blobs) -> None:
        doc = await store.get("me", "me")
        if doc is None:
            kind = next((damage.kind for damage in store.damages if damage.part == "me"), "missing")
            raise Tampered("the store has no owner", kind, "me")
        box = Box(me=Me.from_doc(doc), store=store, blobs=blobs)
        if store.rollback:
            self._restored = box
            self.touch()
            self._tell(frozenset({"phase"}))
        else:
            await self._open(box)

    async def _open(self, box: Box, *, is_older: bool = False) -> None:
        ports = self._ports
        security = Security(box.store, self._device, self._tries)
        opened = Opened(box.me, box.store, box.blobs, ports.network, ports.clock, ports.wording, security, self._tell)
        async with _closing_what_fails() as undone:
            if not opened.is_read_only:
                undone.push_async_callback(ports.network.close)
                await ports.network.open(box.me.device, box.me.sign_private)
            await opened.start(is_older=is_older)
        self.touch()
        self.opened, self._store = opened, box.store
        self._tell(frozenset({"phase"}))

    def _alone(self) -> "_Alone":
        return _Alone(self)

    def _tell(self, what: frozenset[str]) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(what)
            except Exception:  # a listener's fault must not undo a commit that has happened
                log.exception("listener failed")


@asynccontextmanager
async def _closing_what_fails() -> AsyncIterator[AsyncExitStack]:
    """Undo what the block has opened if it does not come to its end, so that the next try finds it closed."""
    async with AsyncExitStack() as undone:
        yield undone
        undone.pop_all()


async def _close(store: Store) -> None:
    """Close a store that was opened in vain."""
    with suppress(CompanionError):
        await store.close()


class _Alone:
    """Two windows of one profile must not create or unlock at the same moment."""

    def __init__(self, companion: Companion) -> None:
        self._companion = companion

    def __enter__(self) -> None:
        if self._companion._busy:
            raise StoreBusy("another window is opening this profile")
        self._companion._busy = True

    def __exit__(self, *error: object) -> None:
        self._companion._busy = False
