"""Each call to the system fails once, one after the other: only errors of ours come out, and nothing stays open."""

import asyncio
import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from companion.crypto.keyslots import KdfParameters
from companion.errors import CompanionError, StoreError
from companion.farewells import DEVICE, REFUSED, Farewell
from services.erasing import MARKER, ProfileEraser, erase_folder, owed_file
from services.profile import Appearance
from services.store.checking import salvage
from services.store.files import ProcessLock
from services.store.rescuing import adopt, finish, rescue
from services.store.store import SealedStore

PASSPHRASE = "correct horse battery"
FAST = KdfParameters(t=1, m_kib=8)
CALLS = ("open", "fsync", "replace", "rename", "unlink", "mkdir", "chmod", "stat", "lstat", "scandir", "listdir")
CALLS_MAX = 400
BEFORE, NOW = (
    Farewell(service="https://notes.example", device=id * 16, scope=DEVICE, signature=bytes(64)) for id in ("ab", "cd")
)


@contextmanager
def failing(number: int, code: int, patch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Let the call of this number fail. What is yielded holds the names of the calls so far."""
    made: list[str] = []

    def wrapped(name: str) -> Callable[..., object]:
        real = getattr(os, name)

        def call(*arguments: object, **named: object) -> object:
            made.append(name)
            if len(made) == number:
                raise OSError(code, os.strerror(code))
            return real(*arguments, **named)

        return call

    with patch.context() as patched:
        for name in CALLS:
            patched.setattr(os, name, wrapped(name))
        yield made


def make(folder: Path) -> None:
    SealedStore.create(folder / "new", passphrase=PASSPHRASE, recovery=bytes(32), kdf=FAST).lock()


def use(folder: Path) -> None:
    store = SealedStore.unlock(folder / "vault", passphrase=PASSPHRASE)
    try:
        store.table("journal").insert({"n": 2})
        ref = store.blobs.put(b"sound" * 10_000)
        with store.blobs.reader(ref) as blob:
            blob.read_at(0, 100)
        store.blobs.usage()
        store.verify()
        store.blobs.drop(ref)
        store.rekey(passphrase=PASSPHRASE, kdf=FAST)
        store.purge("journal")
        store.idle()
    finally:
        store.lock()


def save(folder: Path) -> None:
    salvage(folder / "vault", folder / "saved", passphrase=PASSPHRASE)


def put_in_place(folder: Path) -> None:
    store = SealedStore.unlock(folder / "vault", passphrase=PASSPHRASE)
    try:
        saved = Path(rescue(folder / "vault", store.salvage).folder)
    finally:
        store.lock()
    adopt(folder / "vault", saved)
    finish(folder / "vault")


def choose(folder: Path) -> None:
    Appearance(folder / "small").save("dark")
    assert Appearance(folder / "small").load() == "dark"


def erase(folder: Path) -> None:
    erase_folder(folder / "vault", (NOW,))


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("image")
    store = SealedStore.create(folder / "vault", passphrase=PASSPHRASE, recovery=bytes(32), kdf=FAST)
    store.table("journal").insert({"n": 1, "sound": store.blobs.put(b"words" * 5_000).to_doc()})
    store.lock()
    return folder


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EIO], ids=["full", "refused", "broken"])
@pytest.mark.parametrize("work", [make, use, save, put_in_place, choose, erase], ids=lambda work: work.__name__)
def test_only_errors_of_ours_come_out_and_nothing_stays_open(image, tmp_path, monkeypatch, work, code) -> None:
    refused = 0
    for number in range(1, CALLS_MAX):
        folder = Path(shutil.copytree(image, tmp_path / str(number)))
        with failing(number, code, monkeypatch) as made:
            try:
                work(folder)
            except CompanionError:
                refused += 1
            except AssertionError:
                assert work is choose  # what cannot be read is as if nothing had been chosen
        for vault in (folder / "vault", folder / "new"):
            with suppress(StoreError):
                ProcessLock(vault).release()
            if vault.exists() and SealedStore.exists(vault) and work is not erase:
                SealedStore.unlock(vault, passphrase=PASSPHRASE).lock()
        if work is not erase:
            finish(folder / "vault")
            content = SealedStore.unlock(folder / "vault", passphrase=PASSPHRASE)
            assert content.table("journal").get(doc_id=1)["n"] == 1
            content.lock()
        shutil.rmtree(folder)
        if len(made) < number:
            break
    else:
        pytest.fail("the work has no end")
    assert refused > number // 4


def small(folder: Path) -> Path:
    """A profile without much in it, of whose forerunner something is owed."""
    (folder / "hazel").mkdir(parents=True)
    (folder / "hazel" / "keys.json").write_text("{}")
    erase_folder(folder / "hazel", (BEFORE,))
    (folder / "hazel").mkdir()
    (folder / "hazel" / "keys.json").write_text("{}")
    return folder / "hazel"


def owed(folder: Path) -> set[Farewell]:
    return set(asyncio.run(ProfileEraser(folder).owed()))


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EIO], ids=["full", "refused", "broken"])
def test_what_is_owed_is_never_lost_and_never_told_before_the_profile_is_gone(tmp_path, monkeypatch, code) -> None:
    outcomes = set()
    for number in range(1, CALLS_MAX):
        folder = small(tmp_path / str(number))
        with failing(number, code, monkeypatch) as made, suppress(StoreError):
            erase_folder(folder, (NOW,))
        is_there = (folder / "keys.json").exists()
        has_begun = not is_there or (folder / MARKER).exists()
        assert owed(folder) >= {BEFORE}
        assert not is_there or owed(folder) == {BEFORE}
        if has_begun:
            erase_folder(folder)  # as at the next start
        assert owed(folder) == ({BEFORE, NOW} if has_begun else {BEFORE})
        outcomes.add((is_there, has_begun))
        if len(made) < number:
            break
    else:
        pytest.fail("the erasure has no end")
    assert outcomes >= {(True, False), (False, True), (True, True)}


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EIO], ids=["full", "refused", "broken"])
@pytest.mark.parametrize("state", ["", REFUSED], ids=["done", "refused"])
def test_settling_one_loses_no_other(tmp_path, monkeypatch, code, state) -> None:
    for number in range(1, CALLS_MAX):
        folder = small(tmp_path / str(number))
        erase_folder(folder, (NOW,))
        with failing(number, code, monkeypatch) as made, suppress(StoreError):
            ProfileEraser(folder)._settle((NOW,), state)
        left = owed(folder)
        settled = {replace(NOW, state=state)} if state else set()
        assert left in ({BEFORE, NOW}, {BEFORE} | settled)
        owed_file(folder).unlink()
        if len(made) < number:
            break
    else:
        pytest.fail("settling has no end")
