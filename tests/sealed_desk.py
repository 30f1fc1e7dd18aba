"""A desk whose store is real files, and hands that reach into them while it is locked."""

import dataclasses
import sqlite3
from pathlib import Path

from companion.app import Companion
from companion.crypto.keyslots import KdfParameters
from services.store.keyfile import read_key_file
from services.store.sealing import StoreSealer
from services.store.vault import SealedVault
from tests.fakes import PASSPHRASE, Desk, FakeRelay

QUICK = KdfParameters(t=1, m_kib=64)


class SealedDesk(Desk):
    """One person's app on a sealed store in a folder; everything else is a fake."""

    def __init__(self, folder: Path, name: str, relay: FakeRelay) -> None:
        super().__init__(name, relay)
        self.folder = folder
        vault = SealedVault(folder / "vault", kdf=QUICK)
        self.companion = Companion(dataclasses.replace(self.companion._ports, vault=vault, keystore=self.keystore))

    async def reopen(self) -> None:
        await self.companion.lock()
        await self.companion.unlock(passphrase=PASSPHRASE)

    def tables(self) -> dict[str, int]:
        return tables_of(self.folder, PASSPHRASE)

    def reach_into(self, table: str, statement: str) -> None:
        reach_into(self.folder, PASSPHRASE, table, statement)


def tables_of(folder: Path, passphrase: str) -> dict[str, int]:
    """The tables of the locked store by name, and where the rows of each begin."""
    keys = read_key_file(folder / "vault")
    sealer = StoreSealer(keys.master_key(passphrase=passphrase), keys.store_id)
    with sqlite3.connect(folder / "vault" / "store.db") as connection:
        (sealed,) = connection.execute("SELECT v FROM meta WHERE k = 'root'").fetchone()
    connection.close()
    return {name: head.id << 40 for name, head in sealer.open_root(sealed).heads.items()}


def reach_into(folder: Path, passphrase: str, table: str, statement: str) -> None:
    """Do something to the last row of a table of the locked store. `{row}` in the statement is its number."""
    first = tables_of(folder, passphrase)[table]
    with sqlite3.connect(folder / "vault" / "store.db") as connection:
        query = "SELECT max(k) FROM row WHERE k BETWEEN ? AND ?"
        (row,) = connection.execute(query, (first, first + (1 << 40) - 1)).fetchone()
        assert row is not None, f"{table} is empty"
        done = connection.execute(statement.format(row=row))
        assert done.rowcount == 1
    connection.close()


TAKEN_AWAY = "DELETE FROM row WHERE k = {row}"
CHANGED = "UPDATE row SET blob = CAST(substr(blob, 1, 40) || x'00' || substr(blob, 42) AS BLOB) WHERE k = {row}"
