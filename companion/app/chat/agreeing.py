"""Intents of what a group agrees: purpose, ground rules, keep-for; and of asking its facilitators for help."""

import logging
from dataclasses import replace

from companion.app.chat.keeping import Keeping
from companion.app.context import Context
from companion.app.groups.grouping import Grouping
from companion.chat import agreement, reports
from companion.chat.agreement import AGREEMENTS, Agreement
from companion.chat.message import WAITING, Doc
from companion.chat.private import private_content
from companion.chat.reports import REPORTS, Report, chosen_facilitators
from companion.errors import CryptoError, MessageRejected, Tampered, UsageError
from companion.fields import read_or
from companion.groups import Group, line
from companion.ports import Change, Edit, Put
from companion.strings import clean_line, clean_text

log = logging.getLogger(__name__)


class Agreeing:
    """A facilitator puts a version forward; everybody says for themselves that they agree."""

    def __init__(self, context: Context, groups: Grouping, keeping: Keeping) -> None:
        self._context = context
        self._groups = groups
        self._keeping = keeping

    async def agreement(self, group_id: str) -> Agreement:
        doc = await self._context.store.get(AGREEMENTS, group_id)
        return read_or(doc, Agreement.from_doc, Agreement(group=group_id))

    async def put_forward(self, wanted: Agreement) -> None:
        """Make what is wanted the next version, with a line that tells the group.

        Raises: UsageError if I am no facilitator, or something is longer than it may be.
        """
        group, me = await self._facilitated(wanted.group), self._context.me.member
        known = await self.agreement(group.id)
        rules = tuple(map(clean_line, wanted.rules))
        wanted = replace(wanted, purpose=clean_text(wanted.purpose), rules=rules)
        _check(wanted)
        news = agreement.news_line(known, wanted)
        if news is None:
            return
        is_same = (wanted.purpose, wanted.rules) == (known.purpose, known.rules)
        new = replace(wanted, version=known.version + 1, agreed=known.agreed if is_same else (me.person,))
        now, id = self._context.clock.now_ms(), self._context.new_id()
        told = line(group, *news, me, id=id, seq=0, at_ms=now)
        waiting = replace(told, state="waiting", sent_ms=0)
        change = Change(
            put=(Put(WAITING, waiting.to_doc()),),
            edit=(Edit(AGREEMENTS, group.id, agreement.replaced(new, at_ms=now)),),
        )
        await self._groups.send(group.id, agreement.agreement_content(new, id), change, message=id)

    async def agree(self, group_id: str) -> None:
        """Say yes to the version that holds."""
        known, person = await self.agreement(group_id), self._context.me.member.person
        if known.version and person not in known.agreed:
            edit = Edit(AGREEMENTS, group_id, agreement.agreed_by(group_id, person, known.version))
            await self._groups.send(group_id, agreement.agree_content(known.version), Change(edit=(edit,)))

    async def tell_newcomers(self) -> None:
        """Send what holds again where somebody has joined since: who joins hears nothing of what was said before."""
        for group in await self._groups.groups():
            try:
                await self._tell_newcomers(group)
            except (UsageError, Tampered, MessageRejected, CryptoError) as error:  # the other groups are told
                log.error("newcomers of a group are not told: %s", type(error).__name__)

    async def _tell_newcomers(self, group: Group) -> None:
        known = await self.agreement(group.id)
        if group.state != "member" or not known.version or known.told == len(group.seats):
            return
        is_mine = self._context.me.member.person in group.facilitators
        told = Edit(AGREEMENTS, group.id, _told(len(group.seats)))
        if is_mine and len(group.seats) > known.told:
            content = agreement.agreement_content(known, self._context.new_id()) | {"again": True}
            await self._groups.send(group.id, content, Change(edit=(told,)))
        else:
            await self._context.commit(Change(edit=(told,)))

    async def expire(self) -> None:
        """Remove what the groups agreed not to keep any longer, from the disk too, as far as the time is certain."""
        await self._keeping.expire(tuple(group.id for group in await self._groups.groups()))

    # Asking for help

    async def report(self, group_id: str, reason: str, *, about: str = "", quote: str = "", note: str = "") -> int:
        """Ask up to two facilitators for help, sealed to them alone; return how many were asked.

        `about` is a person, `quote` what is passed on. Nobody is asked who is the person it is about.
        Raises: UsageError if there is nobody to ask, or the words are too long.
        """
        group, me = await self._member_of(group_id), self._context.me.member
        asked = chosen_facilitators(group.facilitators, me.person, about)
        keys = tuple(key for seat in group.seats if seat.member.person in asked for key in seat.member.seal_keys)
        if not keys:
            raise UsageError("no facilitator to ask")
        report = Report(
            id=self._context.new_id(),
            group=group_id,
            reason=reason,
            by=me.person,
            by_name=me.name,
            about=about,
            quote=clean_text(quote)[: reports.QUOTE_LIMIT],
            note=clean_text(note).strip()[: reports.NOTE_LIMIT],
            at_ms=self._context.clock.now_ms(),
            is_mine=True,
        )
        content = private_content(reports.report_content(report), keys, group=group_id, person=me.person)
        await self._groups.send(group_id, content, Change(put=(Put(REPORTS, report.to_doc()),)))
        return len(asked)

    async def reports(self) -> tuple[Report, ...]:
        """Mine and those that were sent to me, newest first."""
        found = await self._context.each(REPORTS, Report.from_doc)
        return tuple(sorted(found, key=lambda one: one.at_ms, reverse=True))

    async def answer(self, report_id: str, answer: str) -> None:
        """Tell the one who asked what came of it. Raises: UsageError."""
        doc = await self._context.store.get(REPORTS, report_id)
        report = None if doc is None else Report.from_doc(doc)
        answer = clean_text(answer).strip()
        if report is None or report.is_mine or not 0 < len(answer) <= reports.NOTE_LIMIT:
            raise UsageError("no report to answer, or no answer")
        group, me = await self._facilitated(report.group), self._context.me.member
        keys = tuple(key for seat in group.seats if seat.member.person == report.by for key in seat.member.seal_keys)
        if not keys:
            raise UsageError("who asked has left")
        content = private_content(reports.outcome_content(report, answer), keys, group=group.id, person=me.person)
        kept = replace(report, answer=answer, answered_by=me.name)
        await self._groups.send(group.id, content, Change(put=(Put(REPORTS, kept.to_doc()),)))

    async def _facilitated(self, group_id: str) -> Group:
        group = await self._member_of(group_id)
        if self._context.me.member.person not in group.facilitators:
            raise UsageError("only a facilitator can do this")
        return group

    async def _member_of(self, group_id: str) -> Group:
        group = await self._groups.group(group_id)
        if group is None or group.state != "member":
            raise UsageError("not a member of this group yet")
        return group


def _check(wanted: Agreement) -> None:
    fits = len(wanted.purpose) <= agreement.PURPOSE_LIMIT and len(wanted.rules) <= agreement.RULES_LIMIT
    if not fits or not all(0 < len(rule) <= agreement.RULE_LIMIT for rule in wanted.rules):
        raise UsageError("purpose or rules are too long")
    if wanted.keep_days not in agreement.KEEP_DAYS:
        raise UsageError("a time that is not offered")


def _told(count: int) -> agreement.Update:
    def update(doc: Doc | None) -> Doc | None:
        return None if doc is None else replace(Agreement.from_doc(doc), told=count).to_doc()

    return update
