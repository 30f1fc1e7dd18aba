"""The one way the relay says no."""

from collections.abc import Mapping

from companion.errors import CompanionError


class Refusal(CompanionError):
    """An answer that says no. `message` is one sentence for a person and never holds anything that was sent."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        retry_after_s: int | None = None,
        details: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code
        self.message = message
        self.retry_after_s = retry_after_s
        self.details = dict(details or {})


def bad_request(message: str) -> Refusal:
    return Refusal(400, "bad-request", message)


def no_session() -> Refusal:
    return Refusal(401, "no-session", "This call needs a session that is open.")


def other_bytes() -> Refusal:
    return Refusal(409, "other-bytes", "This id came before with other bytes.")


def slow_down(retry_after_s: int, message: str) -> Refusal:
    return Refusal(429, "slow-down", message, retry_after_s=retry_after_s)


def full(message: str, retry_after_s: int) -> Refusal:
    """There is no room now, and there may be later."""
    return Refusal(507, "full", message, retry_after_s=retry_after_s)


def busy() -> Refusal:
    return Refusal(503, "busy", "The service cannot store anything right now.", retry_after_s=2)
