"""Intents of Today: the weekly question, and one nudge at a time."""

from dataclasses import replace

from companion import checkins, nudges
from companion.app.chat.attending import Attending
from companion.app.context import Context
from companion.app.groups.grouping import Grouping
from companion.checkins import CheckIn
from companion.fields import each_read
from companion.nudges import Nudge
from companion.ports import Change, Put
from companion.strings import clean_line
from companion.times import DAY_MS

WORD_LIMIT = 40


class Today:
    """The weekly check-in stays on this device."""

    def __init__(self, context: Context, groups: Grouping, attention: Attending) -> None:
        self._context = context
        self._groups = groups
        self._attention = attention

    async def checkins(self) -> tuple[CheckIn, ...]:
        return await self._context.each(checkins.TABLE, CheckIn.from_doc)

    async def check_in_due(self) -> bool:
        return checkins.is_due(await self.checkins(), self._context.clock.now_ms())

    async def check_in(self, level: int | None, word: str = "") -> CheckIn:
        """Keep the answer; None is a skip. Raises ValueError for a level outside 0 to 4."""
        answer = CheckIn(
            id=self._context.new_id(),
            at_ms=self._context.clock.now_ms(),
            level=level,
            word=clean_line(word, WORD_LIMIT),
        )
        await self._context.commit(Change(put=(Put(checkins.TABLE, answer.to_doc()),)))
        return answer

    async def nudge(self) -> tuple[Nudge | None, bool]:
        """Return the nudge to show, if any, and whether it is new (so that it may be announced once)."""
        history = each_read(await self._context.store.all(nudges.TABLE), Nudge.from_doc)
        now = self._context.clock.now_ms()
        newest = max(nudges.believable(history, now), key=lambda n: n.shown_ms, default=None)
        if newest is not None and newest.answer == "open" and now - newest.shown_ms < DAY_MS:
            return newest, False
        if await self._attention.is_quiet_now():
            return None, False
        due = nudges.due(
            await self._groups.contacts(),
            history,
            id=self._context.new_id(),
            at_ms=now,
            local_minute=self._context.clock.local_minute(),
        )
        if due is None:
            return None, False
        await self._context.note(Change(put=(Put(nudges.TABLE, due.to_doc()),)))
        return due, True

    async def answer_nudge(self, nudge: Nudge, answer: str) -> None:
        """`answer` is "done", "not_now" or "fewer"."""
        if answer not in ("done", "not_now", "fewer"):
            raise ValueError("answer")
        await self._context.commit(Change(put=(Put(nudges.TABLE, replace(nudge, answer=answer).to_doc()),)))
