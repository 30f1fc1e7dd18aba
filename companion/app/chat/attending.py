"""Intents of catching up and of being left in peace: what is new, what was seen, when to be told."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from companion.app.chat.keeping import is_over, over_before_ms
from companion.app.context import Context
from companion.app.groups.choices import Choices
from companion.app.groups.grouping import Grouping
from companion.chat.attention import QUIET, WISHES, Quiet, Wishes, is_quiet, wants_alert
from companion.chat.message import Doc, Message, lines, messages_table
from companion.chat.standing import SEEN, STANDINGS, News, Seen, Standing, news
from companion.fields import each_read, read_or
from companion.groups import Group
from companion.likeness import each_once
from companion.pairs import OPEN, REQUESTS, LineRequest
from companion.ports import Change, Edit

SHOWN = 20
"""Questions, mentions and decisions of each group that catching up shows, newest ones first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """What is new in one group since this person was last here."""

    group: Group
    news: News
    questions: tuple[Message, ...] = ()
    mentions: tuple[Message, ...] = ()
    decisions: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something to tell outside the window: `level` is "new", or "group" and then the groups' `names` may be said.

    `has_line`: a direct line too, whose name is a person's and is never said.
    """

    level: str
    names: tuple[str, ...]
    has_line: bool = False


class Attending:
    """What was seen stays on this device; what was chosen is told to my other ones."""

    def __init__(self, context: Context, groups: Grouping, choices: Choices) -> None:
        self._context = context
        self._groups = groups
        self._choices = choices
        self._alerted: dict[str, int] = {}
        self._looked: dict[str, int] = {}

    # Quiet

    async def quiet(self) -> Quiet:
        doc = await self._context.store.get(QUIET, QUIET)
        return read_or(doc, Quiet.from_doc, Quiet())

    async def set_quiet(self, quiet: Quiet) -> None:
        await self._choices.keep(QUIET, quiet.to_doc())

    async def is_quiet_now(self) -> bool:
        """Whether nothing may be heard now."""
        return await self.is_in_clinic() or is_quiet(await self.quiet(), self._context.clock.local_minute())

    async def is_in_clinic(self) -> bool:
        quiet = await self.quiet()
        return self._context.timers.left_ms(QUIET, quiet.in_clinic_since_ms, quiet.in_clinic_until_ms) > 0

    async def set_in_clinic(self, length_ms: int) -> None:
        """Be left in peace for so long from now; 0 ends it."""
        since_ms = self._context.clock.now_ms() if length_ms else 0
        quiet = replace(await self.quiet(), in_clinic_since_ms=since_ms, in_clinic_until_ms=since_ms + length_ms)
        await self.set_quiet(quiet)
        await self.is_in_clinic()  # it runs from now, whatever the clock says later

    # Each group

    async def wishes(self, group_id: str) -> Wishes:
        return read_or(await self._context.store.get(WISHES, group_id), Wishes.from_doc, Wishes(group=group_id))

    async def set_wishes(self, wishes: Wishes) -> None:
        await self._choices.keep(WISHES, wishes.to_doc())

    async def mute(self, group_id: str, length_ms: int) -> None:
        """Hear nothing of a group for so long from now; 0 ends it."""
        since_ms = self._context.clock.now_ms() if length_ms else 0
        wishes = replace(await self.wishes(group_id), muted_since_ms=since_ms, muted_until_ms=since_ms + length_ms)
        await self.set_wishes(wishes)
        self.is_muted(wishes)

    def is_muted(self, wishes: Wishes) -> bool:
        """Return whether nothing of the group may be heard now."""
        return (
            self._context.timers.left_ms(f"{WISHES} {wishes.group}", wishes.muted_since_ms, wishes.muted_until_ms) > 0
        )

    async def fold(self, group_id: str, person: str, is_folded: bool) -> None:
        """Keep a person's words folded on this device, or no more. Nobody is told."""
        wishes = await self.wishes(group_id)
        others = tuple(one for one in wishes.folded if one != person)
        await self.set_wishes(replace(wishes, folded=(*others, person) if is_folded else others))

    # Catching up

    async def standing(self, group_id: str) -> Standing:
        doc = await self._context.store.get(STANDINGS, group_id)
        return read_or(doc, Standing.from_doc, Standing(group=group_id))

    async def seen(self, group_id: str) -> Seen:
        return read_or(await self._context.store.get(SEEN, group_id), Seen.from_doc, Seen(group=group_id))

    async def news(self, group_id: str) -> News:
        return news(await self.standing(group_id), await self.seen(group_id))

    async def topics(self, group_id: str) -> tuple[str, ...]:
        """The topics of a group, mine first where I began them, each once."""
        return each_once((await self.seen(group_id)).topics + (await self.standing(group_id)).topics)

    async def since(self) -> tuple[Since, ...]:
        """What is new in every group that has something new, what is for me first."""
        found = []
        for group in await self._groups.groups():
            new = await self.news(group.id)
            if new.unread or new.is_for_me or new.decisions:
                folded = (await self.wishes(group.id)).folded
                found.append(
                    Since(
                        group=group,
                        news=new,
                        questions=await self._said(group.id, new.questions, folded),
                        mentions=await self._said(group.id, new.mentions, folded),
                        decisions=await self._said(group.id, new.decisions, folded),
                    )
                )
        return tuple(sorted(found, key=lambda one: (not one.questions, not one.mentions, -one.news.unread)))

    async def _said(self, group_id: str, ids: tuple[str, ...], folded: tuple[str, ...]) -> tuple[Message, ...]:
        docs = [await self._context.store.get(messages_table(group_id), id) for id in ids[-SHOWN:]]
        before_ms = await over_before_ms(self._context, group_id)
        found = lines(doc for doc in docs if doc is not None and not is_over(doc, before_ms))
        return tuple(one for one in found if not one.is_deleted and one.author not in folded)

    async def mark_seen(self, group_id: str) -> None:
        """Everything in this group was seen. It costs nothing if it was before."""
        standing, seen = await self.standing(group_id), await self.seen(group_id)
        self._looked[group_id] = self._context.clock.monotonic_ms()
        if (standing.received, standing.newest_seq) != (seen.received, seen.seq):
            await self._context.note(Change(edit=(self._all_seen(standing),)))

    async def mark_all_seen(self) -> None:
        """Everything in every group was seen."""
        found = each_read(await self._context.store.all(STANDINGS), Standing.from_doc)
        standings = [one for one in found if self._groups.tools.aside.of(one.group) is None]
        if standings:
            await self._context.commit(Change(edit=tuple(self._all_seen(one) for one in standings)))
            self._looked |= dict.fromkeys((one.group for one in standings), self._context.clock.monotonic_ms())

    def _all_seen(self, standing: Standing) -> Edit:
        now = self._context.clock.now_ms()
        return _on_seen(
            standing.group,
            lambda seen: replace(
                seen,
                received=max(seen.received, standing.received),
                seq=max(seen.seq, standing.newest_seq),
                at_ms=now,
                alerted_loud=max(seen.alerted_loud, standing.loud),
                alerted_for_me=max(seen.alerted_for_me, standing.for_me),
                alerted_seq=max(seen.alerted_seq, standing.newest_seq),
            ),
        )

    # Alerts

    async def alert(self, watched: str = "") -> Alert | None:
        """Return what to tell now, once for each burst. `watched` is the group that is on the screen."""
        quiet, watch_ms = await self.quiet(), self._context.clock.monotonic_ms()
        if quiet.level == "off" or await self.is_quiet_now():
            return None
        names, edits = [], await self._asked_edits()
        has_line = bool(edits)
        for group in await self._groups.groups():
            standing, wishes = await self.standing(group.id), await self.wishes(group.id)
            last_ms = self._alerted.get(group.id)
            if (
                group.id == watched
                or self._groups.tools.aside.of(group.id) is not None
                or self.is_muted(wishes)
                or not wants_alert(
                    wishes,
                    standing,
                    await self.seen(group.id),
                    last_age_ms=None if last_ms is None else watch_ms - last_ms,
                    was_here_since=last_ms is not None and self._looked.get(group.id, -1) >= last_ms,
                )
            ):
                continue
            self._alerted[group.id] = watch_ms
            has_line |= group.is_pair
            names += [] if group.is_pair else [group.name]
            edits.append(_on_seen(group.id, _alerted_to(standing)))
        if not edits:
            return None
        await self._context.note(Change(edit=tuple(edits)))
        return Alert(level=quiet.level, names=tuple(names), has_line=has_line)

    async def _asked_edits(self) -> list[Edit]:
        """Return what marks the requests for a direct line that nobody was alerted to: once for each person."""
        requests = each_read(await self._context.store.all(REQUESTS), LineRequest.from_doc)
        new = (one for one in requests if one.state == OPEN and not one.is_told)
        return [Edit(REQUESTS, one.person, lambda doc: doc and {**doc, "is_told": True}) for one in new]


def _alerted_to(standing: Standing) -> Callable[[Seen], Seen]:
    return lambda seen: replace(
        seen, alerted_loud=standing.loud, alerted_for_me=standing.for_me, alerted_seq=standing.newest_seq
    )


def _on_seen(group: str, change: Callable[[Seen], Seen]) -> Edit:
    def update(doc: Doc | None) -> Doc:
        return change(Seen(group=group) if doc is None else Seen.from_doc(doc)).to_doc()

    return Edit(SEEN, group, update)
