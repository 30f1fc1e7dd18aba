"""A folder that became read-only (a network drive, a stick with its switch on) is opened for reading, and said."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from companion.crypto.keyslots import KdfParameters
from services.store.store import SealedStore

PASSPHRASE = "correct horse battery"
READER = """
import sys
from pathlib import Path
from companion.errors import CompanionError, ReadOnly, WrongKey
from services.store.store import SealedStore
folder = Path(sys.argv[1])
for passphrase in ("wrong", "correct horse battery"):
    try:
        store = SealedStore.unlock(folder, passphrase=passphrase)
    except WrongKey:
        print("wrong key")
refused = []
for change in (
    lambda: store.table("journal").insert({"n": 1}), lambda: store.blobs.put(b"more"), lambda: store.purge("journal"),
    lambda: store.rekey(passphrase="another one"),
):
    try:
        change()
    except CompanionError as error:
        refused.append(type(error).__name__)
store.idle()
document = store.table("journal").all()[0]
from services.store.blobs import BlobRef
with store.blobs.reader(BlobRef.from_doc(document["sound"])) as blob:
    sound = blob.read_at(0, 100)
print(len(store.table("journal")), sound.decode(), store.is_read_only, store.verify().is_sound, *refused)
store.lock()
"""


@pytest.fixture(params=["rested", "crashed"])
def folder(request, tmp_path) -> Path:
    """A store at rest; or one whose last commits still lie in the log, as when the drive went away."""
    live = tmp_path / "live"
    store = SealedStore.create(live, passphrase=PASSPHRASE, recovery=bytes(32), kdf=KdfParameters(t=1, m_kib=8))
    store.table("journal").insert({"sound": store.blobs.put(b"sound").to_doc()})
    store.idle()
    store.table("journal").insert({"n": 2})
    if request.param == "rested":
        store.lock()
    folder = Path(shutil.copytree(live, tmp_path / "vault"))
    assert (request.param == "crashed") is (folder / "store.db-wal").exists()
    store.lock()
    return folder


def seen(folder: Path) -> list[str]:
    """Run the reader where the folder is mounted read-only, or for others than the administrator, closed to writing."""
    command = [sys.executable, "-c", READER, str(folder)]
    if os.geteuid() == 0:
        mount = f'mount --bind {folder} {folder} && mount -o remount,ro,bind {folder} && exec "$@"'
        command = ["unshare", "-m", "sh", "-c", mount, "sh", *command]
    else:
        for path in (folder / "blobs", folder):
            path.chmod(0o500)
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if "unshare failed" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"no mount of our own here: {done.stderr.strip()[:80]}")
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_everything_can_be_read_and_nothing_changed(folder, tmp_path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert seen(folder) == ["wrong key", "2 sound True True ReadOnly StoreError ReadOnly ReadOnly"]
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
