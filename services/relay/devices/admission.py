"""Who may register at this service, as its operator chose: anybody, whom somebody invited, or who has a token.

Who is in already is not asked. It knows nothing of invites but whether one vouches for a newcomer.
"""

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from services.relay.refusal import Refusal, busy

OPEN, INVITE, TOKEN = "open", "invite", "token"
WAYS = (OPEN, INVITE, TOKEN)
TOKEN_LIMIT = 200
TOKENS_LIMIT_BYTES = 65_536
TOKEN_LEAST = 16

SENTENCES = {
    INVITE: "This service takes new devices by an invite of somebody who is in, or by a token of its operator.",
    TOKEN: "This service takes new devices by a token of its operator only.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Introduction:
    """What a device shows that wants to register: neither, either, or both."""

    token: str = ""
    invite: bytes | None = None


class Admission:
    """One way in. `tokens` is a file with one token a line, read at each registration; `vouches` asks for an invite."""

    def __init__(self, way: str, tokens: Path | None, vouches: Callable[[bytes, int], Awaitable[bool]]) -> None:
        self.way = way
        self._tokens = tokens
        self._vouches = vouches

    @property
    def is_open(self) -> bool:
        return self.way == OPEN

    async def check(self, shown: Introduction, at_ms: int) -> None:
        """Raises 403 unless who shows this may register, and 503 where the tokens cannot be read."""
        if self.is_open or (shown.token and self._is_token(shown.token)):
            return
        if self.way == INVITE and shown.invite is not None and await self._vouches(shown.invite, at_ms):
            return
        raise Refusal(403, "not-admitted", SENTENCES[self.way])

    def _is_token(self, shown: str) -> bool:
        if self._tokens is None:
            return False
        try:
            tokens = read_tokens(self._tokens)
        except (OSError, ValueError):
            raise busy() from None
        return any([hmac.compare_digest(shown.encode(), token.encode()) for token in tokens])  # all of them, each time


def read_tokens(path: Path) -> list[str]:
    """Return the tokens of a file. Raises OSError, and ValueError for one that is too short or holds anything odd."""
    with path.open("rb") as file:
        lines = file.read(TOKENS_LIMIT_BYTES).decode("ascii").splitlines()
    tokens = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    for token in tokens:
        if not TOKEN_LEAST <= len(token) <= TOKEN_LIMIT or not token.replace("-", "").replace("_", "").isalnum():
            raise ValueError(f"a token has {TOKEN_LEAST} to {TOKEN_LIMIT} letters, digits, - and _")
    return tokens
