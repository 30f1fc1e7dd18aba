"""Runs in a child process that the tests kill: saves documents and prints the id of each one that was acknowledged.

Usage: store_child.py DIRECTORY save|create
"""

import sys
from pathlib import Path

from companion.crypto.keyslots import KdfParameters
from services.store.store import SealedStore

PASSPHRASE = "correct horse battery"


def save(directory: Path) -> None:
    store = SealedStore.unlock(directory, passphrase=PASSPHRASE)
    journal, outbox, counter = store.table("journal"), store.table("outbox"), store.table("counter")
    number = len(journal)
    print("ready", flush=True)
    while True:
        number += 1
        with store.batch():
            journal.insert({"number": number, "text": "x" * (number * 37 % 3000)})
            outbox.insert({"number": number})
            counter.update({"number": number})
        print(number, flush=True)
        if number % 40 == 0:
            store.idle()


def create(directory: Path) -> None:
    print("ready", flush=True)
    kdf = KdfParameters(t=1, m_kib=8)
    SealedStore.create(directory, passphrase=PASSPHRASE, recovery=bytes(32), kdf=kdf).lock()
    print("1", flush=True)


if __name__ == "__main__":
    {"save": save, "create": create}[sys.argv[2]](Path(sys.argv[1]))
