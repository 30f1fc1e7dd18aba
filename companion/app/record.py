"""What is kept of one service: the incarnation of its log, and how far its inbox was read."""

from companion.app.context import Context
from companion.fields import read_or, refused, whole
from companion.ports import Change, Doc, Put
from companion.strings import kept

SERVICES = "services"


class Record:
    """Where it is damaged, it is kept in memory: at the next unlock letters are read again, and its groups go on."""

    def __init__(self, context: Context, service: str) -> None:
        self._context = context
        self._service = service
        self._unkept: Doc | None = None

    async def read(self) -> Doc:
        """Return it with `incarnation` and `inbox`: empty and 0 for a service that is not known yet."""
        known = self._unkept or await self._context.store.get(SERVICES, self._service)
        return read_or(known, _checked, {"_id": self._service, "_v": 1, "incarnation": "", "inbox": 0})

    def keeping(self, doc: Doc) -> Change:
        """Return the change that keeps it; none, where that is damaged."""
        damages = self._context.store.damages
        is_damaged = any((damage.part, damage.of) == (SERVICES, self._service) for damage in damages)
        self._unkept = doc if is_damaged else None
        return Change() if is_damaged else Change(put=(Put(SERVICES, doc),))

    def remember(self, doc: Doc) -> None:
        """Keep it in memory alone: what belongs to it could not be committed."""
        self._unkept = doc


@refused("what is kept of a service")
def _checked(doc: Doc) -> Doc:
    return {**doc, "incarnation": kept(doc["incarnation"]), "inbox": whole(doc["inbox"])}
