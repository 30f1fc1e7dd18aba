"""What travels, byte for byte: the envelope's frame and the text of an invite. Nothing here opens anything.

Source: docs/protocol.md sections 3 and 4.
"""

import unicodedata
from dataclasses import dataclass
from urllib.parse import parse_qs, quote, unquote, urlsplit

from companion.crypto.primitives import hkdf, sha256
from companion.errors import InviteGarbled, MessageRejected
from companion.fields import refused

ENVELOPE_VERSION_MIN = 1  # 2026-11-23: the first version
ENVELOPE_VERSION_MAX = 1
ENVELOPE_LIMIT_BYTES = 65_536
LETTER_LIMIT_BYTES = 131_072
MAGIC = b"CMPN"
SUITE_LETTER = 2
SUITE_MLS = 3
SUITE_ITEM = 4
SUITE_TURN = 5
SUITE_NOTICE = 6
NOTICE_SECRET_BYTES = 32
_HEADER_BYTES = len(MAGIC) + 2


def format_envelope(suite: int, payload: bytes) -> bytes:
    return MAGIC + bytes([ENVELOPE_VERSION_MAX, suite]) + payload


@refused("an envelope")
def parse_envelope(body: bytes, limit: int = ENVELOPE_LIMIT_BYTES) -> tuple[int, bytes]:
    """Return (suite, payload) of an envelope of at most `limit` bytes. Raises MessageRejected."""
    if len(body) > limit or len(body) <= _HEADER_BYTES or not body.startswith(MAGIC):
        raise MessageRejected(f"not an envelope: {len(body)} bytes")
    if not ENVELOPE_VERSION_MIN <= body[4] <= ENVELOPE_VERSION_MAX:
        raise MessageRejected(f"envelope version {body[4]}")
    return body[5], body[_HEADER_BYTES:]


def format_notice(secret: bytes) -> bytes:
    """Return what the relay puts into a log when envelopes in it were erased by this secret."""
    return format_envelope(SUITE_NOTICE, secret)


@refused("a notice")
def read_notice(envelope: bytes) -> bytes:
    """Return the secret by which envelopes were erased; its SHA-256 is what they named. Raises MessageRejected."""
    suite, secret = parse_envelope(envelope)
    if suite != SUITE_NOTICE or len(secret) != NOTICE_SECRET_BYTES:
        raise MessageRejected(f"suite {suite} with {len(secret)} bytes is no notice")
    return secret


# Invite codes: 16 letters, 75 random bits and 5 bits of checksum, in Crockford's base 32 (no I, L, O, U).

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LOOKALIKES = str.maketrans({"I": "1", "L": "1", "O": "0"})
_CODE_LETTERS = 16
LOCAL_SERVICE = "local"
INVITE_TEXT_LIMIT = 10_000
_WRAPPERS = 3
"""How often a link may be wrapped in another: each time it is escaped once more."""
_LINK_START = "companion://join"


@dataclass(frozen=True, slots=True, kw_only=True)
class InviteCode:
    """A code and the service it belongs to.

    `service` is a base address, "local" for the service that this computer runs by itself, or empty when only the
    short code was typed.
    """

    code: str
    service: str

    @property
    def id(self) -> str:
        """What the relay may know: it does not lead back to the code."""
        return hkdf(self.code.encode(), b"companion invite id v1", 16).hex()

    @property
    def key(self) -> bytes:
        """What seals the invite's content; 32 bytes."""
        return hkdf(self.code.encode(), b"companion invite key v1", 32)

    @property
    def short(self) -> str:
        return "-".join(self.code[i : i + 4] for i in range(0, _CODE_LETTERS, 4))

    @property
    def link(self) -> str:
        # The code stands behind '#': no browser and no proxy sends that part anywhere.
        return f"companion://join?service={quote(self.service, safe=':/')}#{self.short}"


def create_invite_code(secret: bytes, service: str) -> InviteCode:
    """Make a code of at least 10 random bytes."""
    number = int.from_bytes(secret[:10], "big") >> 5
    letters = "".join(_ALPHABET[(number >> (5 * i)) & 31] for i in range(_CODE_LETTERS - 1))
    return InviteCode(code=letters + _checksum(letters), service=service)


@refused("an invite", InviteGarbled)
def parse_invite(text: str) -> InviteCode:
    """Read a link or a short code, as people type it and as mail hands it on. Raises InviteGarbled."""
    text = unicodedata.normalize("NFKC", text[:INVITE_TEXT_LIMIT])
    service, text = _parse_link(text) if ":/" in text or "%3a" in text.lower() else ("", text)
    letters = "".join(c for c in text.upper().translate(_LOOKALIKES) if c.isalnum())
    letters = letters[:_CODE_LETTERS] if service else letters  # words may follow a link
    known = all(c in _ALPHABET for c in letters)
    if len(letters) != _CODE_LETTERS or not known or _checksum(letters[:-1]) != letters[-1]:
        raise InviteGarbled(f"{len(letters)} letters that do not fit together")
    return InviteCode(code=letters, service=service)


def _parse_link(text: str) -> tuple[str, str]:
    """Return (service, code as written). The link may stand among words, wrapped in another one, or be broken."""
    text = "".join(text.replace("=\r\n", "").replace("=\n", "").split())
    for _ in range(_WRAPPERS):
        start = text.lower().find(_LINK_START)
        if start >= 0:
            return _read_link(text[start:].replace("%23", "#", 1))
        text = unquote(text)
    raise InviteGarbled("not an invite link")


def _read_link(text: str) -> tuple[str, str]:
    address, _, code = text.partition("#")
    try:
        link = urlsplit(address)
        service = parse_qs(link.query).get("service", [""])[0]
        is_ours = link.netloc.lower() == "join" and link.path in ("", "/")
        if not is_ours or (service != LOCAL_SERVICE and urlsplit(service).scheme not in ("http", "https")):
            raise InviteGarbled("the link names no service")
    except ValueError:
        raise InviteGarbled("the link's address is broken") from None
    return service, code


def _checksum(letters: str) -> str:
    return _ALPHABET[sha256(b"companion invite code v1" + letters.encode())[0] & 31]
