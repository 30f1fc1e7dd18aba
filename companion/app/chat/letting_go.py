"""What was made of a message on this device, and what becomes of it when the message is deleted or expires.

Deleted means gone from everything derived: decisions that quote it, counts, what is for me, topics, attachments. Quotes
above answers, catching up and the search read the message itself. A report keeps what its sender chose to pass on: it
is for the facilitators to judge, and who is reported must not be able to take it away.
"""

from collections.abc import Iterable

from companion.attachments import IN_WORK, Attachment, InWork
from companion.chat.changing import delete_quote
from companion.chat.message import WAITING, Message, lines, messages_table
from companion.chat.sharing import SharedFile
from companion.chat.standing import SEEN, STANDINGS, forget_topics, note_deleted
from companion.likeness import is_among
from companion.ports import Change, Doc, Documents, Edit, Put


async def forgotten(documents: Documents, message: Message, me: str) -> Change:
    """Return what belongs into the commit that deletes a message for everyone, beside the message itself. `me`: I."""

    def quotes(docs: Iterable[Doc]) -> tuple[Message, ...]:
        return lines(doc for doc in docs if _is_quote(doc, message.id))

    table = messages_table(message.group)
    decisions, waiting = await documents.read(table, quotes), await documents.read(WAITING, quotes)
    places = [*((table, one.id) for one in decisions), *((WAITING, one.id) for one in waiting)]
    edits = tuple(Edit(where, id, delete_quote(message.id)) for where, id in places)
    uncounted = await no_more_counted(
        documents, message.group, (message, *decisions), me, without=frozenset({message.id})
    )
    return let_go(message) + uncounted + Change(edit=edits)


async def no_more_counted(
    documents: Documents, group: str, messages: tuple[Message, ...], me: str, *, without: frozenset[str]
) -> Change:
    """Return what takes messages out of the counts and marks, and topics under which only those in `without` stand."""
    topics = {one.topic for one in messages if one.topic}

    def unused(docs: Iterable[Doc]) -> tuple[str, ...]:
        used = {str(doc["topic"]) for doc in docs if doc.get("topic") and doc["_id"] not in without}
        return tuple(topic for topic in topics if not is_among(topic, used))

    gone = await documents.read(messages_table(group), unused) if topics else ()
    edits = (
        Edit(STANDINGS, group, note_deleted(messages, me, gone)),
        *([Edit(SEEN, group, forget_topics(gone))] if gone else []),
    )
    return Change(edit=edits)


def _is_quote(doc: Doc, source: str) -> bool:
    return doc.get("kind") == "decision" and doc.get("reply_to") == source


def local_of(file: SharedFile) -> Attachment | None:
    """Return the attachment as it lies on this device, or None if it is not here yet."""
    local = file.get("local")
    return Attachment.from_doc(local) if isinstance(local, dict) else None


def let_go(message: Message | None, owner: str = "") -> Change:
    """Return what belongs into the commit that takes a message's attachments away: their blobs go at the next sweep.

    With an `owner`, a composer's group, they wait for another place until the app is opened anew.
    """
    files = message.attachments if message is not None else ()
    here = [local for local in map(local_of, files) if local is not None]
    return Change(put=tuple(Put(IN_WORK, InWork(attachment=one, owner=owner).to_doc()) for one in here))
