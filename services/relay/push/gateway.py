"""Carrying a wake-up to a device: the interface, and Web Push (RFC 8030), which also serves UnifiedPush.

A ping says nothing: its only content is the opaque wake-up id of the registration, encrypted for the device (RFC 8291).
Phones without a distributor of their own would need FCM or APNs. Those take accounts with their vendors and a key that
only the operator can have, so there is no gateway for them here; one is added by giving the relay another
`PushGateway`, and `tests/integration/push_contract.py` says what it must do.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol

import http_ece  # type: ignore[import-untyped]  # the package brings no types
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256

from services.relay.folder import write_secret
from services.relay.push.guard import NotAllowed, Rules, knock, parse_endpoint
from services.relay.push.store import Registration
from services.sync.protocol import encode_octets

KEY_NAME = "push.key"
LIFE_S = 24 * 3_600  # how long a push service keeps a ping for a device that is off
TOKEN_S = 12 * 3_600  # RFC 8292 allows 24 h
RETRY_MOST_S = 3_600


class Outcome(Enum):
    """What became of a ping."""

    SENT = "sent"
    GONE = "gone"  # the registration is no longer good
    LATER = "later"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of a ping, and when the other side asks to be tried again, in seconds."""

    outcome: Outcome
    retry_after_s: int | None = None


class BadTarget(Exception):
    """A registration that this gateway cannot use."""


class PushGateway(Protocol):
    """One way to wake devices."""

    @property
    def kind(self) -> str:
        """The word that a registration names it by."""

    @property
    def key(self) -> str:
        """What a device needs to know in order to register, in base64url."""

    def check(self, endpoint: str, p256dh: bytes, auth: bytes) -> None:
        """Raises BadTarget if no ping could ever go there."""

    async def wake(self, registration: Registration) -> Answer:
        """Carry one ping. Never raises for what the other side does, and takes at most 5 s."""


class WebPush:
    """Pings to whatever push service a device names, signed with this relay's own key (RFC 8292)."""

    kind = "web"

    def __init__(
        self, private: ec.EllipticCurvePrivateKey, rules: Rules, contact: str | None, now_s: Callable[[], float]
    ) -> None:
        self._private = private
        self._rules = rules
        self._contact = contact
        self._now_s = now_s
        self.key = encode_octets(_point(private.public_key()))

    def check(self, endpoint: str, p256dh: bytes, auth: bytes) -> None:
        try:
            parse_endpoint(endpoint, self._rules)
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), p256dh)
        except (NotAllowed, ValueError):
            raise BadTarget from None
        if len(auth) != 16:
            raise BadTarget

    async def wake(self, registration: Registration) -> Answer:
        try:
            endpoint = parse_endpoint(registration.endpoint, self._rules)
            headers = {
                "ttl": str(LIFE_S),
                "urgency": "normal",
                "topic": encode_octets(registration.wake)[:32],  # a newer ping takes the place of one not yet delivered
                "content-encoding": "aes128gcm",
                "content-type": "application/octet-stream",
                "authorization": self._authorization(endpoint.origin),
            }
            body = encrypt(registration.wake, registration.p256dh, registration.auth)
            status, retry_after = await knock(endpoint, self._rules, headers, body)
        except NotAllowed:
            return Answer(outcome=Outcome.GONE)
        except (OSError, TimeoutError):
            return Answer(outcome=Outcome.LATER)
        if 200 <= status < 300:
            return Answer(outcome=Outcome.SENT)
        if status in (404, 410):
            return Answer(outcome=Outcome.GONE)
        return Answer(outcome=Outcome.LATER, retry_after_s=_seconds(retry_after))

    def _authorization(self, origin: str) -> str:
        claims: dict[str, object] = {"aud": origin, "exp": int(self._now_s()) + TOKEN_S}
        if self._contact is not None:
            claims["sub"] = self._contact
        signed = f"{_part({'typ': 'JWT', 'alg': 'ES256'})}.{_part(claims)}"
        r, s = utils.decode_dss_signature(self._private.sign(signed.encode(), ec.ECDSA(SHA256())))
        return f"vapid t={signed}.{encode_octets(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}, k={self.key}"


def encrypt(
    content: bytes,
    p256dh: bytes,
    auth: bytes,
    *,
    private: ec.EllipticCurvePrivateKey | None = None,
    salt: bytes | None = None,
) -> bytes:
    """Seal a message for a subscription as RFC 8291 says: a fresh key each time, one record."""
    private = private or ec.generate_private_key(ec.SECP256R1())
    sealed: bytes = http_ece.encrypt(
        content, salt=salt, private_key=private, dh=p256dh, auth_secret=auth, version="aes128gcm"
    )
    return sealed


def open_key(folder: Path) -> ec.EllipticCurvePrivateKey:
    """Return the key that pings are signed with; it is made at the first call. Raises OSError or ValueError."""
    path = folder / KEY_NAME
    if not path.exists():
        fresh = ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write_secret(path, fresh)
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        raise ValueError("not a P-256 key")
    return key


def _part(fields: dict[str, object]) -> str:
    return encode_octets(json.dumps(fields, separators=(",", ":")).encode())


def _point(public: ec.EllipticCurvePublicKey) -> bytes:
    return public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def _seconds(text: str | None) -> int | None:
    return min(int(text), RETRY_MOST_S) if text is not None and text.isascii() and text.isdecimal() else None
