"""Who is calling: a device proves its key once and then shows a token.

Only the hash of a token is kept, and no device is known by anything but its key.
"""

import contextlib
import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from companion.crypto.primitives import verify
from companion.devices import device_id
from companion.errors import CryptoError
from companion.times import SLACK_MS
from services.relay.devices.admission import Admission, Introduction
from services.relay.devices.challenges import SPENT_MS, is_fresh, mint
from services.relay.devices.store import DeviceStore
from services.relay.refusal import Refusal, bad_request, no_session
from services.sync.protocol import (
    NEVER_HERE,
    decode_octets,
    encode_octets,
    farewell_message,
    request_message,
    session_message,
)

SESSION_MS = 30 * 60_000
TOKEN_BYTES = 32
UNKEPT_MS = 10 * 60_000
UNKEPT = b"companion-unkept-session-v1\0"
UNKEPT_LETTERS = 86  # of 64 bytes in base64url: device, end, eight random ones, and the keyed hash
CACHE_MOST = 20_000
TRUSTED_MS = 30_000  # how long a node may take a session to be open without looking; deletion is usually told at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What a device sends to open a session."""

    device: bytes
    public_key: bytes
    nonce: bytes
    at_ms: int
    signature: bytes

    def message(self, origin: str) -> bytes:
        return session_message(origin=origin, device=self.device, nonce=self.nonce, at_ms=self.at_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedCall:
    """A call that a device signed by itself, beside its session."""

    device: bytes
    method: str
    path: str
    body: bytes
    nonce: bytes
    at_ms: int
    signature: bytes

    def message(self, origin: str) -> bytes:
        return request_message(
            origin=origin,
            method=self.method,
            path=self.path,
            device=self.device,
            nonce=self.nonce,
            at_ms=self.at_ms,
            body=self.body,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    device: bytes
    expires_ms: int
    looked_ms: int


class Sessions:
    """Opens sessions and recognises them; open ones are remembered so that a call costs no read.

    A device signs the origin that it spoke to. Only `origins` count, and never what a caller says it has addressed: or
    whoever runs another service could pass a login there on to this one. `key` is not in the database.
    """

    def __init__(
        self,
        store: DeviceStore,
        origins: tuple[str, ...],
        admission: Admission,
        now_ms: Callable[[], int],
        key: bytes,
    ) -> None:
        self._store = store
        self._key = key
        self._spent: dict[bytes, int] = {}
        self._origins = origins
        self._admission = admission
        self._now_ms = now_ms
        self._known: OrderedDict[str, _Known] = OrderedDict()

    async def challenge(self, device: bytes) -> bytes:
        return mint(await self._store.challenge_key(), device, self._now_ms())

    async def open(self, proof: Proof, shown: Introduction) -> tuple[str, int]:
        """Return (token, expires_ms). `shown` counts where the device is new here.

        The device's clock does not count: that the proof is fresh shows by the challenge, which serves once.
        Raises: 400 if the id is not that of the key, 401 if the proof does not hold, 403.
        """
        at_ms = self._now_ms()
        if device_id(proof.public_key) != proof.device.hex():
            raise bad_request("The device id does not belong to this key.")
        await self._check(proof, proof.public_key, at_ms)
        token = encode_octets(secrets.token_bytes(TOKEN_BYTES))
        expires_ms = at_ms + SESSION_MS
        session = (proof.device, proof.public_key, _hash(token), expires_ms, at_ms)
        try:
            if not await self._store.open_session(*session, may_register=self._admission.is_open):
                await self._admission.check(shown, at_ms)
                await self._store.open_session(*session, may_register=True)
        except Refusal as refusal:
            if refusal.status != 503 or await self._store.public_key(proof.device) != proof.public_key:
                raise
            token, expires_ms = self._unkept(proof.device, at_ms)  # so that they can read what is here
        self._remember(token, proof.device, expires_ms)
        return token, expires_ms

    def _unkept(self, device: bytes, at_ms: int) -> tuple[str, int]:
        """Return the token of a session that a database which takes nothing need not keep: it proves itself."""
        expires_ms = at_ms + UNKEPT_MS
        said = device + expires_ms.to_bytes(8, "big") + secrets.token_bytes(8)
        return encode_octets(said + hmac.digest(self._key, UNKEPT + said, hashlib.sha256)), expires_ms

    async def _kept(self, token: str, at_ms: int) -> tuple[bytes, int] | None:
        """Return (device, expires_ms) of a session that is in the database, or need not be; it may be over."""
        if len(token) != UNKEPT_LETTERS:
            return await self._store.session(_hash(token), at_ms)
        with contextlib.suppress(ValueError):
            octets = decode_octets(token)
            said, mark = octets[:32], octets[32:]
            device, expires_ms = said[:16], int.from_bytes(said[16:24], "big")
            is_ours = hmac.compare_digest(mark, hmac.digest(self._key, UNKEPT + said, hashlib.sha256))
            if is_ours and await self._store.public_key(device) is not None:
                return device, expires_ms
        return None

    async def device(self, authorization: str | None) -> bytes:
        """Return the device behind an Authorization header. Raises 401."""
        if authorization is None or not authorization.startswith("Bearer "):
            raise no_session()
        token = authorization[7:]
        known = self._known.get(token)
        at_ms = self._now_ms()
        if known is None or not 0 <= at_ms - known.looked_ms < TRUSTED_MS:
            kept = await self._kept(token, at_ms)
            if kept is None:
                self._known.pop(token, None)
                raise no_session()
            known = self._remember(token, *kept)
        if not at_ms < known.expires_ms <= at_ms + SESSION_MS + SLACK_MS:  # one of a clock that was ahead would not end
            self._known.pop(token, None)
            raise no_session()
        return known.device

    def forget(self, device: bytes) -> None:
        """The device was deleted: its sessions end now."""
        for token in [token for token, known in self._known.items() if known.device == device]:
            del self._known[token]

    async def check_signed(self, call: SignedCall) -> None:
        """Check that the device signed this very call, which serves once. Raises 401."""
        at_ms = self._now_ms()
        await self._check(call, await self._store.public_key(call.device), at_ms)

    async def check_farewell(self, device: bytes, scope: str, signature: bytes) -> bool:
        """Return whether there is anything to delete: a device that is gone already is nobody's business any more.

        Raises: 404 for a device that was never here, 401 if it did not sign this.
        """
        standing = await self._store.standing(device)
        if standing is None:
            raise Refusal(404, NEVER_HERE, "This device was never here.")
        public_key, is_gone = standing

        def message(origin: str) -> bytes:
            return farewell_message(origin=origin, device=device, scope=scope)

        if not is_gone and not self._is_signed(public_key, signature, message):
            raise Refusal(401, "no-session", "The signature is not valid.")
        return not is_gone

    async def _check(self, shown: Proof | SignedCall, public_key: bytes | None, at_ms: int) -> None:
        """Check nonce and signature, and use the nonce up. What costs the service most comes last. Raises 401."""
        is_proven = (
            public_key is not None
            and is_fresh(await self._store.challenge_key(), shown.device, shown.nonce, at_ms)
            and self._is_signed(public_key, shown.signature, shown.message)
            and await self._spend(shown.nonce, at_ms)
        )
        if not is_proven:
            raise Refusal(401, "no-session", "The signature or its challenge is not valid.")

    async def _spend(self, nonce: bytes, at_ms: int) -> bool:
        try:
            return await self._store.spend(nonce, at_ms + SPENT_MS, at_ms)
        except Refusal:  # a database that takes nothing: this node at least remembers it
            self._spent = {known: until_ms for known, until_ms in self._spent.items() if until_ms > at_ms}
            is_new = nonce not in self._spent
            self._spent[nonce] = at_ms + SPENT_MS
            return is_new

    def _is_signed(self, public_key: bytes, signature: bytes, message: Callable[[str], bytes]) -> bool:
        for origin in self._origins:
            try:
                verify(public_key, signature, message(origin))
            except CryptoError:
                continue
            return True
        return False

    def _remember(self, token: str, device: bytes, expires_ms: int) -> "_Known":
        known = _Known(device=device, expires_ms=expires_ms, looked_ms=self._now_ms())
        self._known[token] = known
        if len(self._known) > CACHE_MOST:
            self._known.popitem(last=False)
        return known


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
