"""What was said before, for a new device of mine: letters with the newest lines of each group.

The letters lie in the inbox before the welcome of their group can, so the lines stand in their order.
"""

import json
import logging
from collections.abc import Iterator

from companion.app.context import Context
from companion.chat.message import Message, messages_table
from companion.chat.standing import STANDINGS, Standing, note_delivered
from companion.errors import MessageRejected, UsageError
from companion.fields import as_list, as_object, read_or, whole
from companion.groups import JOINING, Group
from companion.letters import Letter
from companion.ports import Change, Doc, Edit, Put

log = logging.getLogger(__name__)

MESSAGES = 1_000
"""The newest of each group that go along."""
LETTER_BYTES = 90_000
LETTERS = 60
"""A device's inbox holds 500 items and 8 MiB at the service."""


async def history_contents(context: Context, groups: tuple[Group, ...]) -> tuple[Doc, ...]:
    """Return the contents of the letters that bring what was said in these groups to a new device of mine."""
    contents: list[Doc] = []
    for group in groups:
        docs = await context.store.newest(messages_table(group.id), MESSAGES)
        standing = read_or(await context.store.get(STANDINGS, group.id), Standing.from_doc, Standing(group=group.id))
        for some in _portions([_portable(doc) for doc in reversed(docs)]):
            content: Doc = {"kind": "history", "group": group.id, "lines": some, "delivered": standing.delivered}
            contents.append(content)
    return tuple(contents[:LETTERS])


async def taken_over(context: Context, group: Group | None, letter: Letter) -> Change:
    """Return what such a letter brings here. Raises MessageRejected if it is malformed, or comes too late."""
    if group is None or group.state != JOINING:
        raise MessageRejected("lines for a group that goes on without them")
    delivered = note_delivered(group.id, whole(letter.content.get("delivered", 0)))
    table, puts = messages_table(group.id), list[Put]()
    for line in as_list(letter.content["lines"]):
        try:
            message = Message.from_doc(as_object(line))
        except (MessageRejected, UsageError, ValueError) as error:  # one bad line does not keep the others away
            log.warning("a line was left out: %s", error)
            continue
        if message.group == group.id and await context.store.get(table, message.id) is None:
            puts.append(Put(table, message.to_doc()))
    return Change(put=tuple(puts), edit=(Edit(STANDINGS, group.id, delivered),))


def _portable(doc: Doc) -> Doc:
    """Return a line without what only this device has: where an attachment lies."""
    files = doc.get("attachments")
    if not isinstance(files, list):
        return doc
    away = [{k: v for k, v in file.items() if k != "local"} if isinstance(file, dict) else file for file in files]
    return {**doc, "attachments": away}


def _portions(docs: list[Doc]) -> Iterator[list[Doc]]:
    some: list[Doc] = []
    size = 0
    for doc in docs:
        length = len(json.dumps(doc, ensure_ascii=False).encode())
        if some and size + length > LETTER_BYTES:
            yield some
            some, size = [], 0
        some.append(doc)
        size += length
    if some:
        yield some
