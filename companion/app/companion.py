"""First start, unlock and lock. Locking drops the one object that holds keys."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from companion.app.opened import Opened
from companion.consent import Wording
from companion.crypto.primitives import random_bytes
from companion.crypto.words import key_from_words, words_from_key
from companion.errors import StoreBusy, WeakPassphrase, WrongKey
from companion.people import Me, create_me
from companion.ports import Blobs, Change, Clock, Network, Put, Store, TryCounter, Vault
from companion.unlocking import PASSPHRASE_LENGTH, next_try_ms

log = logging.getLogger(__name__)

FIRST_START, LOCKED, OPEN = "first_start", "locked", "open"
Listener = Callable[[frozenset[str]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The adapters one profile works with; `main.py` puts them together."""

    vault: Vault
    network: Network
    clock: Clock
    tries: TryCounter
    wording: Wording


class Companion:
    """One person's app. Listeners get the names of what changed: tables, "phase" or "sync"."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._listeners: list[Listener] = []
        self._busy = False
        self.opened: Opened | None = None
        self.last_used_ms = 0

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Return the function that ends the subscription."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    def touch(self) -> None:
        """Somebody is using the app: the auto-lock starts counting anew."""
        self.last_used_ms = self._ports.clock.now_ms()

    async def phase(self) -> str:
        if self.opened is not None:
            return OPEN
        return LOCKED if await self._ports.vault.exists() else FIRST_START

    def recovery_words(self) -> tuple[bytes, tuple[str, ...]]:
        """Draw a recovery key. Nothing is stored: `create` takes the key once the words were typed back."""
        key = random_bytes(32)
        return key, words_from_key(key)

    async def create(self, name: str, profession: str, passphrase: str, recovery: bytes) -> None:
        """Make the store and open it. Raises WeakPassphrase, ValueError for a name, StoreError."""
        check_passphrase(passphrase)
        me = create_me(name, profession)
        with self._alone():
            store, blobs = await self._ports.vault.create(passphrase, recovery)
            await store.commit(Change(put=(Put("me", me.to_doc()),)))
            await self._open(me, store, blobs)

    async def unlock(self, *, passphrase: str | None = None, words: str | None = None) -> None:
        """Open the store with the passphrase or the recovery words.

        Raises: WrongKey (counted; see `wrong_tries`), WrongWords, and what the vault raises.
        """
        recovery = None if words is None else key_from_words(words)
        if self.opened is not None:
            return
        attempts = await self._ports.tries.load()
        if self._ports.clock.now_ms() < next_try_ms(attempts):
            raise WrongKey("too soon after the last wrong try")
        with self._alone():
            try:
                store, blobs = await self._ports.vault.unlock(passphrase=passphrase, recovery=recovery)
            except WrongKey:
                counted = replace(attempts, wrong=attempts.wrong + 1, last_ms=self._ports.clock.now_ms())
                await self._ports.tries.save(counted)
                raise
            if attempts.wrong:
                await self._ports.tries.save(replace(attempts, wrong=0, last_ms=0))
            doc = await store.get("me", "me")
            if doc is None:
                await store.close()
                raise WrongKey("the store has no owner")
            await self._open(Me.from_doc(doc), store, blobs)

    async def wrong_tries(self) -> tuple[int, int]:
        """Return how many tries in a row were wrong, and how many ms have to pass until the next one is taken."""
        attempts = await self._ports.tries.load()
        return attempts.wrong, max(0, next_try_ms(attempts) - self._ports.clock.now_ms())

    async def lock(self) -> None:
        """Save what was typed, stop the network, and drop the keys."""
        opened, self.opened = self.opened, None
        if opened is None:
            return
        try:
            await opened.close()
        finally:
            self._tell(frozenset({"phase"}))

    async def _open(self, me: Me, store: Store, blobs: Blobs) -> None:
        opened = Opened(me, store, blobs, self._ports.network, self._ports.clock, self._ports.wording, self._tell)
        await self._ports.network.open(me.member.device, me.sign_private)
        await opened.start()
        self.touch()
        self.opened = opened
        self._tell(frozenset({"phase"}))

    def _alone(self) -> "_Alone":
        return _Alone(self)

    def _tell(self, what: frozenset[str]) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(what)
            except Exception:  # a listener's fault must not undo a commit that has happened
                log.exception("listener failed")


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


def check_passphrase(passphrase: str) -> None:
    """Raises WeakPassphrase if it is shorter than eight characters."""
    if len(passphrase) < PASSPHRASE_LENGTH:
        raise WeakPassphrase(f"{len(passphrase)} characters")
