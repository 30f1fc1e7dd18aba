"""What is kept as having begun in the future began under a wrong clock. When the app is opened it begins now.

From then on it runs by the stopwatch; without this it would stand still until the day that the wrong clock named.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from companion.app.context import Context
from companion.app.groups.choosing import READ
from companion.chat.agreement import AGREEMENTS
from companion.chat.attention import QUIET, WISHES
from companion.chat.message import WAITING
from companion.errors import MessageRejected
from companion.fields import refused, whole
from companion.inviting import INVITE_MS
from companion.inviting import TABLE as INVITES
from companion.ports import Change, Doc, Put
from companion.times import is_past

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Span:
    """Which fields say since when and until when; what says no beginning began `length_ms` before its end."""

    since: str = ""
    until: str = ""
    length_ms: int = 0


SPANS: Mapping[str, _Span] = {
    QUIET: _Span("in_clinic_since_ms", "in_clinic_until_ms"),
    WISHES: _Span("muted_since_ms", "muted_until_ms"),
    WAITING: _Span("at_ms", "due_ms"),
    AGREEMENTS: _Span("keep_since_ms"),
    INVITES: _Span("since_ms", "expires_ms", INVITE_MS),
}


async def cut_stamps(context: Context) -> None:
    """Let what has begun in the future begin now, as long as it was to last."""
    now_ms = context.clock.now_ms()
    for table, span in SPANS.items():
        puts = list[Put]()
        for doc in await context.store.all(table):
            try:
                cut = _cut(table, doc, span, now_ms)
            except MessageRejected as error:  # it keeps no other from being cut
                log.error("a stamp is left as it is: %s", error)
                continue
            if cut is not None:
                puts.append(Put(table, cut))
        if puts:  # each table for itself: a damaged one keeps no other from it
            await context.note(Change(put=tuple(puts)))


@refused("a document with a stamp")
def _cut(table: str, doc: Doc, span: _Span, now_ms: int) -> Doc | None:
    doc = READ.get(table, dict)(doc)  # choices of older versions say less: how they are read says the rest
    until_ms = whole(doc.get(span.until, 0))
    since_ms = whole(doc.get(span.since, 0)) if span.length_ms else whole(doc[span.since])
    since_ms = since_ms or (until_ms - span.length_ms if span.length_ms else 0)
    if is_past(since_ms, now_ms):
        return None
    moved = {span.since: now_ms}
    if until_ms:
        moved[span.until] = now_ms + until_ms - since_ms
    return {**doc, **moved}
