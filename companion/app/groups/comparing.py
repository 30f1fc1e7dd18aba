"""Intents of comparing in person: the safety code of two people, and the mark that it was compared."""

from dataclasses import dataclass

from companion import safety
from companion.app.context import Context
from companion.people import Member
from companion.ports import Change, Put


@dataclass(frozen=True, slots=True, kw_only=True)
class Safety:
    """`code`: 12 groups of 5 digits, the same on both sides. `qr`: the text of the code that the other one scans."""

    code: tuple[str, ...]
    qr: str


class Comparing:
    """A mark belongs to a key, and goes with it."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def safety(self, member: Member) -> Safety:
        """Return what I and this person compare in person."""
        mine, theirs = self._context.me.member.identity_key, member.identity_key
        return Safety(code=safety.safety_code(mine, theirs), qr=safety.safety_qr(mine, theirs))

    async def scanned(self, member: Member, text: str) -> bool:
        """Take what this person's app showed; return whether it fits, and mark them as verified then.

        Raises: UsageError if it is no safety code.
        """
        fits = safety.is_match(text, self._context.me.member.identity_key, member.identity_key)
        if fits:
            await self.verify(member)
        return fits

    async def verify(self, member: Member) -> None:
        """Keep that I compared the code with this person: a mark on this key, gone with it."""
        at_ms = self._context.clock.now_ms()
        await self._context.commit(Change(put=(Put(safety.VERIFIED, {"_id": member.person, "_v": 1, "at_ms": at_ms}),)))

    async def verified(self) -> frozenset[str]:
        """Return the ids of people whose code I have compared."""
        return frozenset(str(doc["_id"]) for doc in await self._context.store.all(safety.VERIFIED))
