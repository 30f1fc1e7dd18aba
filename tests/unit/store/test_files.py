"""Files that belong to their owner alone and are what they seem, whatever stands in the folder already."""

import errno
import io
import json
import os
from pathlib import Path

import pytest

from companion.crypto.keyslots import KdfParameters
from companion.errors import StoreError, Tampered
from services.erasing import erase_folder
from services.store.checking import salvage
from services.store.files import ProcessLock, private_folder, read_small, require_small, write_atomically, write_small
from services.store.store import SealedStore

PASSPHRASE = "correct horse battery"
FAST = KdfParameters(t=1, m_kib=8)


@pytest.fixture(autouse=True)
def open_umask():
    """As careless as a system can be."""
    before = os.umask(0)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    paths = [folder, *folder.rglob("*")]
    return {str(path.relative_to(folder.parent)): path.lstat().st_mode & 0o777 for path in paths}


def test_folders_and_files_belong_to_their_owner_alone(tmp_path):
    folder = tmp_path / "profiles" / "me"
    store = SealedStore.create(folder / "vault", passphrase=PASSPHRASE, recovery=bytes(32), kdf=FAST)
    store.table("journal").insert({"sound": store.blobs.put(b"sound").to_doc()})
    write_small(folder / "tries.json", {"wrong": 1})
    found = modes(tmp_path / "profiles")
    store.lock()
    salvage(folder / "vault", folder / "vault-saved-1", passphrase=PASSPHRASE)
    found |= modes(tmp_path / "profiles")
    assert len(found) > 12
    for name, mode in found.items():
        assert mode == (0o700 if (tmp_path / name).is_dir() else 0o600), name


def test_a_folder_that_was_open_to_others_is_closed_when_the_store_is_opened(tmp_path):
    SealedStore.create(tmp_path / "vault", passphrase=PASSPHRASE, recovery=bytes(32), kdf=FAST).lock()
    for folder in (tmp_path / "vault", tmp_path / "vault" / "blobs"):
        folder.chmod(0o755)
    SealedStore.unlock(tmp_path / "vault", passphrase=PASSPHRASE).lock()
    assert {name: mode for name, mode in modes(tmp_path / "vault").items() if mode & 0o077} == {}


def test_the_folder_above_what_we_make_stays_as_it_is(tmp_path):
    tmp_path.chmod(0o755)
    private_folder(tmp_path / "a" / "b")
    assert modes(tmp_path / "a") == {"a": 0o700, "a/b": 0o700}
    assert tmp_path.stat().st_mode & 0o777 == 0o755


@pytest.fixture
def precious(tmp_path) -> Path:
    """Something of the owner's that a planted link leads to."""
    file = tmp_path / "thesis.txt"
    file.write_text("years of work")
    return file


@pytest.fixture
def vault(tmp_path) -> Path:
    store = SealedStore.create(tmp_path / "vault", passphrase=PASSPHRASE, recovery=bytes(32), kdf=FAST)
    store.table("journal").insert({"n": 1})
    store.lock()
    return tmp_path / "vault"


@pytest.mark.parametrize("name", ["keys.json.tmp", "store.new"])
def test_a_link_in_the_place_of_a_temporary_file_is_not_written_through(tmp_path, precious, name):
    folder = tmp_path / "new"
    folder.mkdir()
    (folder / name).symlink_to(precious)
    SealedStore.create(folder, passphrase=PASSPHRASE, recovery=bytes(32), kdf=FAST).lock()
    assert precious.read_text() == "years of work"
    assert not any(path.is_symlink() for path in folder.iterdir())


def use(vault: Path) -> None:
    store = SealedStore.unlock(vault, passphrase=PASSPHRASE)
    try:
        store.table("journal").insert({"n": 2})
    finally:
        store.lock()


@pytest.mark.parametrize("name", ["keys.json", "store.db", "store.lock", "store.db-wal"])
@pytest.mark.parametrize("plant", [Path.symlink_to, lambda path, _: os.mkfifo(path)], ids=["link", "pipe"])
def test_what_is_no_plain_file_is_refused_and_never_waited_for(vault, precious, name, plant):
    (vault / name).unlink(missing_ok=True)
    plant(vault / name, precious)
    if name == "store.lock" and plant is not Path.symlink_to:
        SealedStore.unlock(vault, passphrase=PASSPHRASE).lock()  # a lock on a pipe is as good as any
        return
    with pytest.raises(StoreError):
        use(vault)
    assert precious.read_text() == "years of work"


@pytest.mark.parametrize("name", ["keys.json", "store.db"])
def test_a_link_to_the_true_file_elsewhere_is_no_file_of_ours(vault, tmp_path, name):
    (vault / name).rename(tmp_path / name)
    (vault / name).symlink_to(tmp_path / name)
    with pytest.raises(Tampered, match=r"link|no plain file"):
        use(vault)


@pytest.mark.parametrize("name", ["keys.json.backup", "keys.json"])
def test_erasing_never_writes_through_a_link(vault, precious, name):
    (vault / name).unlink(missing_ok=True)
    (vault / name).symlink_to(precious)
    (vault / "blobs" / "folder").symlink_to(precious.parent)
    erase_folder(vault)
    assert precious.read_text() == "years of work"
    assert not vault.exists()


def test_a_rescue_copy_takes_no_links_along(vault, precious, tmp_path):
    (vault / "blobs" / ("0" * 32)).symlink_to(precious)
    (vault / "blobs" / ("1" * 32)).write_bytes(b"sealed")
    os.mkfifo(vault / "blobs" / ("2" * 32))
    salvage(vault, tmp_path / "saved", passphrase=PASSPHRASE)
    assert [path.name for path in (tmp_path / "saved" / "blobs").iterdir()] == ["1" * 32]


@pytest.mark.parametrize(
    "text", ["[" * 60_000, "[" * 100_000, '{"a":' * 20_000, "{", "", "[1]", '{"a": 1' + " " * 70_000 + "}", "\x00"]
)
def test_a_small_file_that_makes_no_sense_is_as_none(tmp_path, text):
    (tmp_path / "small.json").write_text(text)
    assert read_small(tmp_path / "small.json") == {}


def test_a_small_file_is_replaced_whole_and_a_planted_link_with_it(tmp_path, precious):
    (tmp_path / "small.json").symlink_to(precious)
    (tmp_path / "small.json.tmp").symlink_to(precious)
    assert read_small(tmp_path / "small.json") == {}
    write_small(tmp_path / "small.json", {"theme": "dark"})
    assert json.loads((tmp_path / "small.json").read_text()) == {"theme": "dark"}
    assert not (tmp_path / "small.json").is_symlink()
    assert precious.read_text() == "years of work"


def test_what_cannot_be_written_leaves_no_temporary_file(tmp_path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(StoreError):
        write_atomically(tmp_path / "taken", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_a_second_lock_is_busy_and_a_folder_that_is_not_there_is_an_error(tmp_path):
    lock = ProcessLock(tmp_path)
    with pytest.raises(StoreError, match="another process"):
        ProcessLock(tmp_path)
    lock.release()
    ProcessLock(tmp_path).release()
    with pytest.raises(StoreError, match="the disk refused"):
        ProcessLock(tmp_path / "nowhere")


@pytest.mark.parametrize("depth", [65, 500, 100_000])
def test_a_document_that_is_nested_too_deep_to_be_read_again_is_not_taken(store, depth):
    deep: object = 1
    for _ in range(depth):
        deep = [deep]
    with pytest.raises(ValueError, match="nested"):
        store.table("journal").insert({"deep": deep})
    store.table("journal").insert({"many": [[], {}] * 500, "text": "[[[[" * 100})
    assert len(store.table("journal")) == 1


def test_a_folder_for_the_store_that_is_a_file_is_an_error_of_ours(tmp_path):
    (tmp_path / "vault").write_text("")
    with pytest.raises(StoreError):
        SealedStore.create(tmp_path / "vault", passphrase=PASSPHRASE, recovery=bytes(32), kdf=FAST)
    with pytest.raises((StoreError, Tampered)):
        SealedStore.unlock(tmp_path / "vault", passphrase=PASSPHRASE)


def test_small_file_that_the_disk_does_not_give_is_not_taken_for_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "small.json"
    write_small(file, {"n": 1})
    assert require_small(tmp_path / "none.json") == {}

    class Broken(io.BytesIO):
        def read(self, *_: object) -> bytes:
            raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(os, "fdopen", lambda descriptor, mode: os.close(descriptor) or Broken())
    with pytest.raises(StoreError, match="the disk refused"):
        require_small(file)
    assert read_small(file) == {}
