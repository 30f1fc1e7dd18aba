"""How a choice of mine, and a code that I have compared, is told to my other devices."""

from collections.abc import Callable

from companion.app.context import Context
from companion.chat.attention import QUIET, WISHES, Quiet, Wishes
from companion.errors import MessageRejected
from companion.fields import as_object, refused
from companion.pairs import REQUESTS, LineRequest
from companion.ports import Doc, Put
from companion.safety import VERIFIED, as_verified

READ: dict[str, Callable[[Doc], Doc]] = {
    QUIET: lambda doc: Quiet.from_doc(doc).to_doc(),
    WISHES: lambda doc: Wishes.from_doc(doc).to_doc(),
    REQUESTS: lambda doc: LineRequest.from_doc(doc).to_doc(),
    VERIFIED: as_verified,
}
"""How a choice of any version becomes one of this version."""


def choice_content(table: str, doc: Doc) -> Doc:
    return {"kind": "choice", "table": table, "doc": doc}


async def choices_told(context: Context) -> tuple[Doc, ...]:
    """Return the contents of the letters that tell a new device of mine all that was chosen and compared."""
    docs = [(table, doc) for table in READ for doc in await context.store.all(table)]
    return tuple(choice_content(table, doc) for table, doc in docs)


@refused("a choice")
def read_choice(content: Doc) -> Put:
    """Raises: MessageRejected."""
    table = str(content["table"])
    if table not in READ:
        raise MessageRejected("a choice of a kind that is not known here")
    return Put(table, READ[table](as_object(content["doc"])))
