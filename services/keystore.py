"""The system's keystore through Flet: Keychain, Android Keystore, Credential Manager, or the desktop's secret service.

In a browser there is none: what Flet offers there is the page's own storage, which is as open as a plain file. Values
stay on this device: they do not travel with the system's backups or accounts.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import flet as ft
import flet_local_auth as fla  # type: ignore[import-untyped]  # it says nothing of its types
import flet_secure_storage as fss  # type: ignore[import-untyped]  # likewise

from companion.crypto.primitives import random_bytes
from companion.errors import KeystoreUnavailable

log = logging.getLogger(__name__)

CLIENT_TIMEOUT_S: Final = 5.0
QUESTION_TIMEOUT_S: Final = 120.0
"""A person has to look at the device or type its code."""
PROBE: Final = "probe"
THIS_DEVICE: Final = fss.KeychainAccessibility.UNLOCKED_THIS_DEVICE

T = TypeVar("T")


class FletKeystore:
    """One for each profile. It works while a window is attached, because Flet's services live in a window.

    `profile` keeps the entries of several people on one computer apart.
    """

    def __init__(self, profile: str) -> None:
        self._prefix = f"companion.{profile}."
        self._page: ft.Page | None = None
        self._storage: fss.SecureStorage | None = None
        self._guard: fla.LocalAuthentication | None = None
        self._is_here: bool | None = None

    def attach(self, page: ft.Page) -> None:
        """Use this window from now on. Call it within the window's own context."""
        if page.web:
            return
        self._page, self._is_here = page, None
        self._storage = fss.SecureStorage(
            android_options=fss.AndroidOptions(reset_on_error=False),  # its default erases everything after an error
            ios_options=fss.IOSOptions(accessibility=THIS_DEVICE, synchronizable=False),
            macos_options=fss.MacOsOptions(accessibility=THIS_DEVICE, synchronizable=False),
        )
        if page.platform != ft.PagePlatform.LINUX:
            self._guard = fla.LocalAuthentication()

    async def is_here(self) -> bool:
        """Return whether what is given to the keystore can be read again; asked once for each window."""
        if self._is_here is None:
            self._is_here = await self._probe()
        return self._is_here

    async def _probe(self) -> bool:
        if self._storage is None:
            return False
        token = random_bytes(8).hex()
        try:
            await self.save(PROBE, token)
            is_kept = await self.load(PROBE) == token
            await self.remove(PROBE)
        except KeystoreUnavailable:
            return False
        return is_kept

    async def load(self, name: str) -> str | None:
        """Return what was saved, or None. Raises: KeystoreUnavailable."""
        return await self._ask(lambda storage: storage.get(self._prefix + name))

    async def save(self, name: str, value: str) -> None:
        """Raises: KeystoreUnavailable."""
        await self._ask(lambda storage: storage.set(self._prefix + name, value))

    async def remove(self, name: str) -> None:
        """Raises: KeystoreUnavailable."""
        await self._ask(lambda storage: storage.remove(self._prefix + name))

    async def can_ask(self) -> bool:
        """Return whether the device has a code, a face or a finger to ask for."""
        if self._guard is None:
            return False
        try:
            return bool(await _answer(self._guard.is_device_supported(), CLIENT_TIMEOUT_S))
        except (TimeoutError, RuntimeError, ft.FletUnsupportedPlatformException):
            return False

    async def ask(self, reason: str) -> bool:
        """Let the device ask in its own way; its code always counts, never a face or finger alone."""
        if self._guard is None:
            return False
        try:
            return await _answer(self._guard.authenticate(reason, biometric_only=False), QUESTION_TIMEOUT_S)
        except (TimeoutError, RuntimeError, fla.LocalAuthException, ft.FletUnsupportedPlatformException) as error:
            log.info("the device did not confirm its owner: %s", type(error).__name__)
            return False

    async def _ask(self, call: Callable[[fss.SecureStorage], Awaitable[T]]) -> T:
        if self._storage is None:
            raise KeystoreUnavailable("no keystore in this window")
        try:
            return await _answer(call(self._storage), CLIENT_TIMEOUT_S)
        except TimeoutError:
            raise KeystoreUnavailable("the keystore did not answer") from None
        # How Flet hands on what the client's plugin raised, and that there is none; the text may quote the value.
        except (RuntimeError, ft.FletException):
            raise KeystoreUnavailable("the keystore refused") from None


async def _answer(call: Awaitable[T], timeout_s: float) -> T:
    """Return the client's answer. Raises TimeoutError. The call goes on waiting, as in the recorder."""
    task = asyncio.ensure_future(call)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return await asyncio.wait_for(asyncio.shield(task), timeout_s)
