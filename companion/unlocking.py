"""How long to wait after wrong passphrases. The real lock is Argon2id; this slows a person at the keyboard."""

from dataclasses import dataclass

from companion.errors import WeakPassphrase

FREE_TRIES = 3
LONGEST_WAIT_MS = 300_000
PASSPHRASE_LENGTH = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """Wrong tries in a row and the time of the last one, ms since the epoch, UTC."""

    wrong: int = 0
    last_ms: int = 0


def next_try_ms(attempts: Attempts) -> int:
    """Return the time from which another try is taken: 2 s after the third wrong one, doubling up to 5 minutes."""
    if attempts.wrong < FREE_TRIES:
        return 0
    return attempts.last_ms + int(min(LONGEST_WAIT_MS, 2_000 * 2 ** min(attempts.wrong - FREE_TRIES, 20)))


def check_passphrase(passphrase: str) -> None:
    """Raises WeakPassphrase if it is shorter than eight characters."""
    if len(passphrase) < PASSPHRASE_LENGTH:
        raise WeakPassphrase(f"{len(passphrase)} characters")
