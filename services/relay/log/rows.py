"""What SQLite's log keeps in memory between transactions: the rows of groups, and the numbers of senders.

A group's row is read once, changed here, and written once a transaction, which is what keeps an append cheap.
"""

from dataclasses import dataclass

import apsw

from services.relay.log.store import Limits, author_name
from services.relay.refusal import no_session
from services.relay.writer import Batch

KEPT_MOST = 8_192


@dataclass(slots=True)
class Group:
    """A group's row; `Rows.change` says which of them are to be written."""

    gnum: int
    capability: bytes
    keeper: bytes | None
    head: int
    epoch: int
    bytes: int
    most_events: int | None
    most_bytes: int | None
    most_first: int | None

    @property
    def limits(self) -> Limits:
        """What it takes from one device, if it has a keeper."""
        return Limits(events=self.most_events or 0, bytes=self.most_bytes or 0, first=self.most_first or 0)


_GROUP = """
select gnum, capability, keeper, head, epoch, bytes, most_events, most_bytes, most_first from grp where gid = ?
"""


class Rows:
    """Groups by their ids, and senders by group and device."""

    def __init__(self) -> None:
        self._groups: dict[bytes, Group] = {}
        self._changed: dict[int, Group] = {}
        self._authors: dict[tuple[int, bytes], int] = {}

    def group(self, batch: Batch, gid: bytes) -> Group | None:
        group = self._groups.get(gid)
        if group is None:
            row = batch.row(_GROUP, gid)
            if row is not None:
                group = self._groups[gid] = Group(*row)
        return group

    def change(self, group: Group) -> None:
        """The numbers of this group are no longer those in the database."""
        self._changed[group.gnum] = group

    def author(self, batch: Batch, gid: bytes, gnum: int, device: bytes) -> int:
        """Return the number of a sender in one group. Raises 401 if the device was deleted meanwhile."""
        key = (gnum, device)
        number = self._authors.get(key)
        if number is None:
            check_device(batch, device)
            name = author_name(gid, device)
            known = batch.row("select anum from author where gnum = ? and name = ?", gnum, name)
            if known is None:
                batch.execute("insert into author(gnum, name) values(?, ?)", gnum, name)
            number = batch.connection.last_insert_rowid() if known is None else int(known[0])
            self._authors[key] = number
        return number

    def forget_authors(self) -> None:
        self._authors.clear()

    def drop(self, gid: bytes) -> None:
        """Forget a group whose row was deleted."""
        group = self._groups.pop(gid, None)
        if group is not None:
            self._changed.pop(group.gnum, None)

    def flush(self, connection: apsw.Connection) -> None:
        if self._changed:
            connection.executemany(
                "update grp set head = ?, epoch = ?, bytes = ? where gnum = ?",
                [(g.head, g.epoch, g.bytes, g.gnum) for g in self._changed.values()],
            )
            self._changed.clear()
        if len(self._groups) > KEPT_MOST:
            self._groups.clear()
        if len(self._authors) > KEPT_MOST:
            self._authors.clear()

    def forget(self) -> None:
        self._groups.clear()
        self._changed.clear()
        self._authors.clear()


def check_device(batch: Batch, device: bytes) -> None:
    """Raises 401 if the device was deleted meanwhile."""
    row = batch.row("select is_gone from device where device = ?", device)
    if row is not None and row[0]:
        raise no_session()
