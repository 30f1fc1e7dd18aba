"""What is typed to a group and not sent yet. It is kept as it is typed, and leaves only with the message it became."""

from collections.abc import Iterator
from contextlib import contextmanager

from companion.app.context import Context
from companion.chat.message import Message
from companion.ports import Change, Put
from companion.strings import clean_text

DRAFTS = "drafts"


class Drafts:
    """The words in each group's composer, for all windows of this device. A note that is being written is kept too,
    under a name of its own.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._drafts: dict[str, str] = {}
        self._unsaved: set[str] = set()

    def draft(self, group_id: str, text: str) -> None:
        """Take what is in the composer now; it costs nothing."""
        self._drafts[group_id] = clean_text(text)
        self._unsaved.add(group_id)

    def draft_now(self, group_id: str) -> str:
        """Return what was typed and not sent, as far as it was loaded or typed since the app was opened."""
        return self._drafts.get(group_id, "")

    async def draft_of(self, group_id: str) -> str:
        """Return what was typed and not sent."""
        if group_id not in self._drafts:
            doc = await self._context.store.get(DRAFTS, group_id) or {}
            self._drafts.setdefault(group_id, str(doc.get("text", "")))
        return self._drafts[group_id]

    async def save_drafts(self) -> None:
        """Commit what was typed since the last call. Raises StoreError; it then stays to be saved."""
        unsaved, self._unsaved = self._unsaved, set()
        puts = tuple(Put(DRAFTS, {"_id": id, "_v": 1, "text": self._drafts[id]}) for id in sorted(unsaved))
        if not puts:
            return
        try:
            await self._context.commit(Change(put=puts))
        except BaseException:  # a cancelled save too may not have happened
            self._unsaved |= unsaved
            raise

    @contextmanager
    def _taken(self, message: Message) -> Iterator[None]:
        """Take the words of the message out of the composer at once: a second press, and a save of drafts that is
        queued later, find nothing. They come back if it fails; other words in the composer stay there all the time.
        """
        group, kept = message.group, self._drafts.get(message.group, "")
        if not kept or kept.strip() != message.text:
            yield
            return
        self._drafts[group] = ""
        self._unsaved.discard(group)
        try:
            yield
        except BaseException:
            self.draft(group, "\n".join(filter(None, (kept, self._drafts[group]))))
            raise
