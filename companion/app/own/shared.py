"""Which documents a person's devices share, and what becomes of versions that were written apart.

In a document, `follows` names the versions that it is based on: so whoever writes on an older state shows as one who
wrote beside it, and nobody's words are written over.
"""

from companion import checkins, journal
from companion.chat.attention import QUIET, WISHES, Quiet, Wishes
from companion.chat.standing import SEEN, Seen, Standing
from companion.checkins import CheckIn
from companion.fields import as_list, refused
from companion.journal import Entry
from companion.ports import Doc
from companion.safety import VERIFIED, as_verified

FOLLOWS = "follows"
BESIDE, LAST, MOST = "beside", "last", "most"
RULES = {
    journal.TABLE: BESIDE,
    checkins.TABLE: LAST,
    QUIET: LAST,
    WISHES: LAST,
    VERIFIED: LAST,
    SEEN: MOST,
}
"""By table. "beside": both stand side by side until a person chooses. "last": the one that the service took last holds.
"most": what was seen on one device was seen.
"""
_SEEN_FIELDS = ("_v", "seq", "topics")


def follows_of(doc: Doc | None) -> tuple[str, ...]:
    """Return the versions that a document is based on, as far as it says."""
    said = None if doc is None else doc.get(FOLLOWS)
    return tuple(one for one in said if isinstance(one, str)) if isinstance(said, list) else ()


def shared_fields(table: str, doc: Doc) -> dict[str, object]:
    """Return what of a document my other devices are told, but for what hangs on it."""
    if table == SEEN:
        return {name: doc[name] for name in _SEEN_FIELDS if name in doc}
    return {name: value for name, value in doc.items() if name not in ("_id", FOLLOWS, journal.UNDER)}


@refused("a document of my other device")
def read_shared(table: str, id: str, body: dict[str, object]) -> Doc:
    """Return a document as another device tells it. Raises: MessageRejected if this app cannot read it."""
    doc: Doc = {**body, "_id": id}
    if table == journal.TABLE:
        Entry.from_doc({**doc, "attachments": []})
        as_list(doc["attachments"])
    elif table == checkins.TABLE:
        return CheckIn.from_doc(doc).to_doc()
    elif table == QUIET:
        return Quiet.from_doc(doc).to_doc()
    elif table == WISHES:
        return Wishes.from_doc(doc).to_doc()
    elif table == VERIFIED:
        return as_verified(doc)
    elif table == SEEN:
        return Seen.from_doc({**Seen(group=id).to_doc(), **doc}).to_doc()
    else:
        raise ValueError("a kind of document that is not shared")
    return doc


def seen_at_most(mine: Doc | None, theirs: Doc, standing: Doc | None) -> Doc:
    """Return what was seen of a group on one device or the other. What came here up to there counts as seen."""
    here = Seen.from_doc(mine) if mine is not None else Seen(group=str(theirs["_id"]))
    there = Seen.from_doc(theirs)
    topics = tuple(dict.fromkeys((*here.topics, *there.topics)))
    if there.seq <= here.seq:
        return {**here.to_doc(), "topics": list(topics)}
    known = Standing.from_doc(standing) if standing is not None else Standing(group=here.group)
    counts = {"received": here.received, "alerted_loud": here.alerted_loud, "alerted_for_me": here.alerted_for_me}
    if known.newest_seq <= there.seq:
        counts = {"received": known.received, "alerted_loud": known.loud, "alerted_for_me": known.for_me}
    alerted = max(here.alerted_seq, there.seq)
    return {**here.to_doc(), **counts, "seq": there.seq, "alerted_seq": alerted, "topics": list(topics)}
