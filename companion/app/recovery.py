"""Intents of the recovery words: new ones, and what this device keeps of them once they were typed or told here.

Words are a person's, and open each of their devices. The 32 bytes behind them are never kept, see
`companion.space.words`.
"""

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from companion.app.cached import Cached
from companion.app.context import Context
from companion.app.groups.tools import Outcome
from companion.app.security import Security
from companion.errors import MessageRejected, StoreError, SyncError, Tampered
from companion.letters import Letter
from companion.ports import Change, Doc, Drop, InboxItem, Put
from companion.space.words import KNOWN, SAID, TABLE, Words, words_of

log = logging.getLogger(__name__)


class Recovery:
    """What is known of the words is committed before the store is locked to them: after a crash, `align` goes on."""

    def __init__(self, context: Context, security: Security, tell: Callable[[Doc], Awaitable[None]]) -> None:
        self._context = context
        self._security = security
        self._tell = tell
        self._words = Cached(context, TABLE, Words.from_doc)
        self._tried = set[bytes]()

    def handlers(self) -> "dict[str, Callable[[str, Letter, InboxItem], Awaitable[Outcome]]]":
        """Return who takes the letters of new words."""
        return {SAID: self._told}

    async def known(self) -> Words | None:
        """Return the words that this device goes by, None until they were typed or told here."""
        return await self.of(KNOWN)

    async def of(self, space: str) -> Words | None:
        """Return the words that a space of mine goes by, None where it knows none, or what was kept is damaged."""
        try:
            return await self._words.get(space)
        except Tampered:
            return None

    async def learn(self, recovery: bytes) -> None:
        """Keep what follows from words that have just opened this store, where nothing is known of any, and tell my
        other devices. What cannot be done now keeps nobody from the journal: it is done another time.
        """
        try:
            if await self.known() is None:
                words = words_of(recovery)
                await self._context.commit(Change(put=(Put(TABLE, words.known_doc()),)))
                await self._tell(words.told())
        except (StoreError, SyncError) as error:
            log.info("the words are not noted: %s", type(error).__name__)

    async def renew(self, proof: str, recovery: bytes) -> None:
        """Let these words open the store, here and on my other devices, and the former ones no more.

        Raises: WrongKey (counted), StoreError, OtherKeyNeeded; the former words then still hold.
        """
        proven = await self._security.prove(proof)
        async with self._context.store.turn(TABLE):
            before = await self.known()
            words = words_of(recovery, max((1, *(one.number for one in await self._words.all()))) + 1)
            await self._context.commit(Change(put=(Put(TABLE, words.known_doc()),)))
            try:
                await self._security.rekey(proven, recovery=recovery)
            except BaseException:
                back = Change(drop=(Drop(TABLE, KNOWN),))
                await self._context.commit(back if before is None else Change(put=(Put(TABLE, before.known_doc()),)))
                raise
        with suppress(SyncError):  # without a way to write letters, my own space tells of them
            await self._tell(words.told())

    async def is_wanted(self, words: Words) -> bool:
        """Tell whether this device is to go by words of which another device of mine tells.

        Words that were written down for this device alone, as in release 0.1.0, hold until there are new ones.
        """
        known, slot = await self.known(), self._context.store.words_slot
        if known is not None:
            return words.follows(known)
        has_own = "recovery" in self._context.store.slots and slot != words.slot
        return words.number > 1 or not has_own

    async def _told(self, service: str, letter: Letter, item: InboxItem) -> Outcome:
        """My other device has new words."""
        if self._context.me.member.devices.device(letter.sender) is None:
            raise MessageRejected("words from somebody else's device")
        words = Words.from_doc(letter.content)
        is_wanted = await self.is_wanted(words)
        return Outcome(change=Change(put=(Put(TABLE, words.known_doc()),)) if is_wanted else Change())

    async def is_behind(self) -> bool:
        """Tell whether the store is still to be locked to the words. What cannot be is tried once an opening."""
        store, known = self._context.store, await self.known()
        if known is None or known.slot in self._tried or store.is_read_only or store.rollback:
            return False
        return known.slot != store.words_slot

    async def align(self) -> None:
        """Lock the store to the words that this device goes by. Raises: StoreError, OtherKeyNeeded, CryptoError."""
        async with self._context.store.turn(TABLE):
            known = await self.known()
            if known is not None and await self.is_behind():
                self._tried.add(known.slot)
                await self._security.lock_to_words(known.slot)
