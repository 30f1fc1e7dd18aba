"""How long messages are kept: what is over is not shown; it is removed once the time is certain.

So a clock that was wrong hides words, and brings them back when it is right again.
"""

import logging
from collections.abc import Callable, Iterable

from companion.app.certainty import Certainty
from companion.app.chat.letting_go import let_go, no_more_counted
from companion.app.context import Context
from companion.chat.agreement import AGREEMENTS, Agreement, gone_before_ms
from companion.chat.message import Doc, Message, lines, messages_table
from companion.errors import MessageRejected, Tampered
from companion.fields import read_or
from companion.ports import Change, Drop

log = logging.getLogger(__name__)


async def over_before_ms(context: Context, group: str, now_ms: int | None = None) -> int:
    """Return the time before which what was said in a group is over, 0 if nothing is; by the clock as it stands."""
    doc = await context.store.get(AGREEMENTS, group)
    at_ms = context.clock.now_ms() if now_ms is None else now_ms
    known = read_or(doc, Agreement.from_doc, None)
    return 0 if known is None else gone_before_ms(known, at_ms)


def is_over(doc: Doc, before_ms: int) -> bool:
    """Return whether a line was said before that time, by the service's clock."""
    sent, said = doc.get("sent_ms"), doc.get("at_ms")
    at_ms = sent if isinstance(sent, int) and sent else said if isinstance(said, int) else 0
    return at_ms < before_ms


class Keeping:
    """Removes from the disk what the groups agreed not to keep any longer."""

    def __init__(self, context: Context, certainty: Certainty) -> None:
        self._context = context
        self._certainty = certainty

    async def expire(self, groups: tuple[str, ...]) -> None:
        """Remove what is over for certain. Raises: StoreError."""
        now_ms = await self._certainty.now_ms()
        for group in groups:
            try:
                await self._expire(group, now_ms)
            except (Tampered, MessageRejected) as error:  # what is damaged here keeps the others no longer
                log.error("not removed from a group: %s", type(error).__name__)

    async def _expire(self, group: str, now_ms: int) -> None:
        before_ms = await over_before_ms(self._context, group, now_ms)
        old = await self._context.store.read(messages_table(group), _older(before_ms)) if before_ms else ()
        if old:
            files = (let_go(one) for one in old if one.attachments)
            ids, me = frozenset(one.id for one in old), self._context.me.member.person
            uncounted = await no_more_counted(self._context.store, group, old, me, without=ids)
            drop = tuple(Drop(messages_table(group), id) for id in ids)
            await self._context.commit(sum(files, uncounted + Change(drop=drop)))
            await self._context.store.purge(messages_table(group))


def _older(before_ms: int) -> Callable[[Iterable[Doc]], tuple[Message, ...]]:
    """Return what finds all lines from before that time."""
    return lambda docs: lines(doc for doc in docs if is_over(doc, before_ms))
