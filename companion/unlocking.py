"""How long to wait after wrong passphrases. The real lock is Argon2id; this slows a person at the keyboard."""

from dataclasses import dataclass

from companion.crypto.keyslots import as_meant
from companion.errors import WeakPassphrase

FREE_TRIES = 3
LONGEST_WAIT_MS = 300_000
PASSPHRASE_LENGTH = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """Wrong tries in a row and the time of the last one, ms since the epoch, UTC."""

    wrong: int = 0
    last_ms: int = 0


def wait_ms(wrong: int) -> int:
    """Return how long after this many wrong tries another is taken: 2 s after the third, doubling up to 5 minutes."""
    return 0 if wrong < FREE_TRIES else int(min(LONGEST_WAIT_MS, 2_000 * 2 ** min(wrong - FREE_TRIES, 20)))


def check_passphrase(passphrase: str) -> None:
    """Raises WeakPassphrase if it is shorter than eight characters, as it counts."""
    if (length := len(as_meant(passphrase))) < PASSPHRASE_LENGTH:
        raise WeakPassphrase(f"{length} characters")
