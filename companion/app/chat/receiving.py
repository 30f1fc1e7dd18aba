"""What the opened core makes of content that came for a group, and of what became of an envelope of ours."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from companion.app.chat.letting_go import forgotten
from companion.app.context import Context
from companion.chat import agreement, changing, contents, reports, standing
from companion.chat.agreement import AGREEMENTS, Agreement
from companion.chat.contents import Speaker
from companion.chat.message import WAITING, Message, messages_table
from companion.chat.parsing import read_id, read_number
from companion.chat.private import open_private
from companion.chat.reports import REPORTS, Report
from companion.chat.standing import STANDINGS
from companion.errors import MessageRejected
from companion.fields import as_object
from companion.groups import TABLE as GROUPS
from companion.groups import Group, Seat, line
from companion.ports import Change, Doc, Documents, Drop, Edit, Put
from companion.space.statements import SPACE, STATEMENTS, STATING, STEWARDS, read_statement, said_doc

log = logging.getLogger(__name__)

SAID = ("message", "poll", "decision")
"""Kinds of lines that somebody says, and not what happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arrival:
    """One content, and who said it when: `at_ms` is the service's time."""

    context: Context
    documents: Documents
    group: Group
    seat: Seat
    content: Doc
    seq: int
    at_ms: int

    @property
    def person(self) -> str:
        return self.seat.member.person

    @property
    def is_mine(self) -> bool:
        """Said on another device of mine."""
        return self.person == self.context.me.member.person

    @property
    def table(self) -> str:
        return messages_table(self.group.id)


class Receiving:
    """What becomes of contents in this app; `companion.app.groups` calls it with each one that was opened."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def take_in(
        self, group: Group, seat: Seat, content: Doc, *, seq: int, at_ms: int, documents: Documents
    ) -> Change:
        """Return what one content changes here; nothing for a kind that this version does not know.

        `seat` is the member whose keys prove that they said it; `at_ms` is the service's time. `documents` are the
        store's, as they are after everything that comes before in the order of the group.
        Raises: MessageRejected if it is malformed, or not for this member to say.
        """
        context = self._context
        at = {"seq": seq, "at_ms": at_ms}
        arrival = _Arrival(context=context, documents=documents, group=group, seat=seat, content=content, **at)
        if content.get("kind") == "private":
            inside = open_private(content, context.me.seal_private, group=group.id, person=arrival.person)
            return Change() if inside is None else await _dispatch(_PRIVATE, replace(arrival, content=inside))
        return await _dispatch(_OPEN, arrival)

    async def settle(
        self, group: str, message: str, *, state: str, seq: int, at_ms: int, documents: Documents
    ) -> Change:
        """Return what the service's answer changes for this message of mine, if any: `state` is "sent", "refused",
        or "uploading" where its pictures have to be brought there again.

        What was sent leaves the table of what waits and joins the conversation at its end. It goes back to what waits
        where a service lost it and does not take it again.
        """
        stated = await documents.get(STATING, message) if message else None
        if stated is not None:
            me = self._context.me.member.person
            return await _stated(group, stated, me, seq if state == "sent" else 0, documents)
        doc = await documents.get(WAITING, message) if message else None
        if doc is None and message and state != "sent":
            return await _taken_back(documents, group, message, state)
        if doc is None:
            return Change()
        settled = replace(Message.from_doc(doc), state=state, seq=seq, sent_ms=at_ms)
        if state != "sent":
            return Change(put=(Put(WAITING, settled.to_doc()),))
        return Change(put=(Put(messages_table(group), settled.to_doc()),), drop=(Drop(WAITING, message),))

    async def again(self, group: str, content: Doc, documents: Documents) -> Doc | None:
        """Return what to say in place of a content of mine that was lost, None where there is nothing to say any more.

        Of what has words only the kind and the id are given; the words are the message's as they are now. How far
        something was received or read is told anew by itself.
        """
        kind = content.get("kind")
        if kind in ("got", "seen"):
            return None
        if kind == "agreement":
            held = await documents.get(AGREEMENTS, group)
            return (
                None
                if held is None
                else agreement.agreement_content(Agreement.from_doc(held), str(content["id"])) | content
            )
        if kind not in (*SAID, "edit"):
            return content
        doc = await documents.get(messages_table(group), str(content["id"]))
        message = None if doc is None else Message.from_doc(doc)
        if message is None or message.is_deleted or message.kind not in SAID:
            return None
        if kind == "edit":
            return contents.edit_content(message.id, message.text, message.mentions)
        is_decision = message.kind == "decision"
        return contents.decision_content(message) if is_decision else contents.message_content(message)


async def _taken_back(documents: Documents, group: str, id: str, state: str) -> Change:
    """Return the change with which a message that was sent waits again, in this state."""
    doc = await documents.get(messages_table(group), id)
    message = None if doc is None else Message.from_doc(doc)
    if message is None or message.is_deleted or message.kind not in SAID:
        return Change()
    waiting = replace(message, state=state, seq=0, sent_ms=0)
    return Change(put=(Put(WAITING, waiting.to_doc()),), drop=(Drop(messages_table(group), id),))


async def _dispatch(kinds: "dict[str, Callable[[_Arrival], Awaitable[Change]]]", arrival: _Arrival) -> Change:
    kind = arrival.content.get("kind")
    handle = kinds.get(kind) if isinstance(kind, str) else None
    if handle is None:
        log.info("content of an unknown kind was left alone")
        return Change()
    return await handle(arrival)


def _speaker(seat: Seat) -> Speaker:
    member = seat.member
    return Speaker(device=member.person, person=member.person, name=member.name, profession=member.profession)


# What is new -------------------------------------------------------------------------------------------


async def _message(arrival: _Arrival) -> Change:
    message = contents.read_message(
        arrival.content, arrival.group.id, _speaker(arrival.seat), seq=arrival.seq, at_ms=arrival.at_ms
    )
    return await _new_line(arrival, message)


async def _decision(arrival: _Arrival) -> Change:
    decision = contents.read_message(
        arrival.content, arrival.group.id, _speaker(arrival.seat), seq=arrival.seq, at_ms=arrival.at_ms
    )
    decision = replace(decision, kind="decision", mentions=(), attachments=())
    source = await arrival.documents.get(arrival.table, decision.reply_to) if decision.reply_to else None
    is_gone = source is not None and Message.from_doc(source).is_deleted
    return await _new_line(arrival, changing.without_words(decision) if is_gone else decision)


async def _new_line(arrival: _Arrival, message: Message) -> Change:
    held, me = arrival.documents, arrival.context.me.member
    if await held.get(arrival.table, message.id) is not None or await held.get(WAITING, message.id) is not None:
        raise MessageRejected("message id was used before")
    if arrival.is_mine:
        return Change(put=(Put(arrival.table, replace(message, state="sent").to_doc()),))
    answered = await held.get(arrival.table, message.reply_to) if message.reply_to else None
    answers_me = answered is not None and Message.from_doc(answered).author == me.person
    note = standing.note_message(message, person=me.person, name=me.name, answers_me=answers_me)
    return Change(put=(Put(arrival.table, message.to_doc()),), edit=(Edit(STANDINGS, arrival.group.id, note),))


# What changes a message --------------------------------------------------------------------------------


async def _edit(arrival: _Arrival) -> Change:
    id, text, mentions = contents.read_edit(arrival.content)
    return _on_message(arrival, id, changing.edit(arrival.person, text, mentions, at_ms=arrival.at_ms))


async def _delete(arrival: _Arrival) -> Change:
    id = read_id(arrival.content, "id")
    update = changing.delete(arrival.person, at_ms=arrival.at_ms)
    doc = await arrival.documents.get(arrival.table, id)
    is_taken = doc is not None and update(doc) is not None
    if doc is None or not is_taken:
        return Change()
    gone = await forgotten(arrival.documents, Message.from_doc(doc), arrival.context.me.member.person)
    return gone + _on_message(arrival, id, update)


async def _react(arrival: _Arrival) -> Change:
    id, emoji, is_on = contents.read_react(arrival.content)
    return _on_message(arrival, id, changing.react(arrival.person, emoji, is_on))


async def _vote(arrival: _Arrival) -> Change:
    option = read_number(arrival.content, "option", most=100)
    poll = await _poll_of(arrival)
    if poll is None or poll.get("is_secret"):
        return Change()
    return _voted(arrival, option)


async def _secret_vote(arrival: _Arrival) -> Change:
    """Only the device that asked can open it."""
    option = read_number(arrival.content, "option", most=100)
    poll = await _poll_of(arrival)
    return _voted(arrival, option) if poll is not None and poll.get("is_secret") else Change()


def _voted(arrival: _Arrival, option: int) -> Change:
    vote = changing.vote(arrival.person, option, is_me=arrival.is_mine, at_ms=arrival.at_ms)
    return _on_message(arrival, read_id(arrival.content, "id"), vote)


async def _poll_of(arrival: _Arrival) -> Doc | None:
    doc = await arrival.documents.get(arrival.table, read_id(arrival.content, "id"))
    poll = None if doc is None else Message.from_doc(doc).poll
    return None if poll is None else dict(poll)


async def _close(arrival: _Arrival) -> Change:
    return _on_message(arrival, read_id(arrival.content, "id"), changing.close(arrival.person, arrival.content))


def _on_message(arrival: _Arrival, id: str, update: changing.Update) -> Change:
    return Change(edit=(Edit(arrival.table, id, update),))


# What is about the group -------------------------------------------------------------------------------


async def _got(arrival: _Arrival) -> Change:
    """A receipt counts only for what the service has numbered already."""
    seq = read_number(arrival.content, "seq", most=arrival.seq)
    if arrival.is_mine:
        return Change()
    return Change(edit=(Edit(STANDINGS, arrival.group.id, standing.note_delivered(arrival.group.id, seq)),))


async def _seen(arrival: _Arrival) -> Change:
    """Somebody tells how far they have read. It is kept only where the group has agreed to it."""
    seq = read_number(arrival.content, "seq", most=arrival.seq)
    doc = await arrival.documents.get(AGREEMENTS, arrival.group.id)
    if arrival.is_mine or doc is None or not Agreement.from_doc(doc).is_read_shared:
        return Change()
    read = standing.note_read(arrival.group.id, arrival.person, seq)
    return Change(edit=(Edit(STANDINGS, arrival.group.id, read),))


async def _agreement(arrival: _Arrival) -> Change:
    if arrival.person not in arrival.group.facilitators:
        raise MessageRejected("only a facilitator can put an agreement forward")
    new = agreement.read_agreement(arrival.content, arrival.group.id)
    doc = await arrival.documents.get(AGREEMENTS, arrival.group.id)
    known = Agreement(group=arrival.group.id) if doc is None else Agreement.from_doc(doc)
    change = Change(edit=(Edit(AGREEMENTS, arrival.group.id, agreement.replaced(new, at_ms=arrival.at_ms)),))
    news = agreement.news_line(known, new)
    if new.version <= known.version or news is None or arrival.content.get("again"):
        return change
    id = read_id(arrival.content, "id")
    if await arrival.documents.get(arrival.table, id) is not None:
        raise MessageRejected("line id was used before")
    told = line(arrival.group, *news, arrival.seat.member, id=id, seq=arrival.seq, at_ms=arrival.at_ms)
    return change + Change(put=(Put(arrival.table, told.to_doc()),))


async def _agree(arrival: _Arrival) -> Change:
    version = read_number(arrival.content, "version")
    yes = agreement.agreed_by(arrival.group.id, arrival.person, version)
    return Change(edit=(Edit(AGREEMENTS, arrival.group.id, yes),))


# What is for a few -------------------------------------------------------------------------------------


async def _report(arrival: _Arrival) -> Change:
    if arrival.context.me.member.person not in arrival.group.facilitators:
        raise MessageRejected("a report for somebody who is no facilitator")
    by, name = arrival.person, arrival.seat.member.name
    report = reports.read_report(arrival.content, arrival.group.id, by, name, arrival.at_ms)
    if await arrival.documents.get(REPORTS, report.id) is not None:
        raise MessageRejected("report id was used before")
    return Change(put=(Put(REPORTS, report.to_doc()),))


async def _outcome(arrival: _Arrival) -> Change:
    id, answer = reports.read_outcome(arrival.content)
    name, group, is_facilitator = (
        arrival.seat.member.name,
        arrival.group.id,
        arrival.person in arrival.group.facilitators,
    )

    def update(doc: Doc | None) -> Doc | None:
        known = None if doc is None else Report.from_doc(doc)
        if known is None or known.group != group or not known.is_mine or not is_facilitator:
            return None
        return replace(known, answer=answer, answered_by=name).to_doc()

    return Change(edit=(Edit(REPORTS, id, update),))


# What is about its space -------------------------------------------------------------------------------


async def _statement(arrival: _Arrival) -> Change:
    """Keep what is said of the group's space in the order of the group: `companion.app.together` takes it to heart."""
    if not read_statement(arrival.content).is_circle and arrival.group.is_pair:
        raise MessageRejected("a pair has no space")
    is_carer = arrival.person in arrival.group.administrators
    said = said_doc(arrival.group.id, arrival.seq, arrival.person, arrival.content, is_carer=is_carer)
    return Change(put=(Put(STATEMENTS, said),))


async def _stated(group: str, stated: Doc, me: str, seq: int, documents: Documents) -> Change:
    """What I said of a space has its place now, or, with the number 0, never will."""
    gone, doc = (Drop(STATING, str(stated["_id"])),), await documents.get(GROUPS, group)
    if not seq or doc is None:
        return Change(drop=gone)
    is_carer = me in Group.from_doc(doc).administrators
    said = said_doc(group, seq, me, as_object(stated["content"]), is_carer=is_carer)
    return Change(put=(Put(STATEMENTS, said),), drop=gone)


_OPEN: dict[str, Callable[[_Arrival], Awaitable[Change]]] = {
    "message": _message,
    "poll": _message,
    "decision": _decision,
    "edit": _edit,
    "delete": _delete,
    "react": _react,
    "vote": _vote,
    "close": _close,
    "got": _got,
    "seen": _seen,
    "agreement": _agreement,
    "agree": _agree,
    SPACE: _statement,
}
_PRIVATE: dict[str, Callable[[_Arrival], Awaitable[Change]]] = {
    "vote": _secret_vote,
    "report": _report,
    "outcome": _outcome,
    STEWARDS: _statement,
}
