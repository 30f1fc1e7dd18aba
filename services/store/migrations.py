"""Old documents become new ones when they are read. Steps are pure and stay for ever, with a golden document each.

A document carries its version in `_v`; one without it has version 1. Fields that a step does not know are kept.
"""

from collections.abc import Callable, Mapping

from companion.errors import TooNew
from services.store.format import Document

Step = Callable[[Document], Document]

VERSION_FIELD = "_v"


class Migrations:
    """The steps of each kind of table: `steps[kind][0]` leads from version 1 to 2, and so on.

    The kind of a table is its name up to the first colon. Tables of kinds that are not listed are left alone.
    """

    def __init__(self, steps: Mapping[str, tuple[Step, ...]]) -> None:
        self._steps = dict(steps)

    def latest(self, table: str) -> int:
        """Return the version that documents of this table have now, 0 if it is of no listed kind."""
        steps = self._steps.get(kind_of(table))
        return 0 if steps is None else len(steps) + 1

    def migrate(self, table: str, document: Document) -> Document:
        """Return the document at its latest version; it is the same object if nothing had to be done.

        Raises: TooNew if a newer app wrote it.
        """
        steps = self._steps.get(kind_of(table))
        if steps is None:
            return document
        version = document.get(VERSION_FIELD, 1)
        if not isinstance(version, int) or not 1 <= version <= len(steps) + 1:
            raise TooNew(f"a document has version {version!r:.20}; this app knows 1 to {len(steps) + 1}")
        for number, step in enumerate(steps[version - 1 :], version + 1):
            document = {**step(document), VERSION_FIELD: number}
        return document


def kind_of(table: str) -> str:
    """Return what a table holds: its name up to the first colon."""
    return table.partition(":")[0]
