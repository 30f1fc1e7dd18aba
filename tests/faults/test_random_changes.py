"""Random changes to a real vault, its blobs and its key file: each is named, or changes nothing that can be read.

A change is *named* if opening or reading raises an error of ours, the store asks where it comes from, or `verify` says
what is wrong. It is *harmless* if every document and every blob is as it was, every key opens it, and it goes on being
written. What is neither is silent, and there must be none. `RANDOM_CHANGES=2000` makes so many.
"""

import asyncio
import os
import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from companion.attachments import Picture
from companion.errors import StoreError
from companion.ports import Anchor, Change, Put
from services.store.blobs import references
from services.store.store import SealedStore
from tests.faults.profile import PASSPHRASE, Profile
from tests.faults.test_sound_cut import hear
from tests.integration.people import PlainRecorder

CHANGES = int(os.environ.get("RANDOM_CHANGES", "200"))


@dataclass(frozen=True, kw_only=True)
class Image:
    """A folder with the vault as it is, and as it was; what is in it, and what its device remembers."""

    now: Path
    older: Path
    words: bytes
    documents: dict[str, dict[str, dict[str, object]]]
    blobs: dict[str, bytes]
    anchor: Anchor


async def fill(profile: Profile) -> None:
    """A journal with a picture and a voice note, a story, two conversations, settings."""
    opened = profile.opened
    for number in range(25):
        opened.journal.draft(None, f"Page {number}: " + "what stayed with me today " * (number + 1))
    await opened.journal.save_drafts()
    picture = await opened.attaching.seal(
        Picture(content=os.urandom(40_000), media_type="image/jpeg", width=4, height=3)
    )
    entry = (await opened.journal.entries())[0]
    doc = replace(entry, attachments=(picture,)).to_doc()
    await opened._context.commit(Change(put=(Put("journal", doc),)) + opened.attaching.kept(picture))
    story = await opened.stories.begin("The day I said yes")
    await opened.stories.agree(story.id, frozenset({"record"}))
    microphone = PlainRecorder()
    await opened.stories.record(story.id, microphone)
    await hear(microphone, 6)
    await opened.stories.finish()
    for group in ("a" * 32, "b" * 32):
        lines = [{"_id": f"{n:032x}", "text": f"line {n} " * 9, "at_ms": n, "group": group} for n in range(40)]
        await opened._context.commit(Change(put=tuple(Put(f"msg:{group}", line) for line in lines)))
    await opened.set_auto_lock(2)


def content(store: SealedStore) -> tuple[dict[str, dict[str, dict[str, object]]], dict[str, bytes]]:
    """Read all there is, as the screens do. Raises: StoreError."""
    documents, blobs = store.storage.read() or {}, {}
    for ref in references(documents):
        with store.blobs.reader(ref) as blob:
            blobs[ref.id] = blob.read_at(0, blob.length)
    return documents, blobs


async def make(folder: Path, *, crashed: bool) -> Image:
    """`crashed`: the last commits lie in the log only."""
    profile = Profile(folder / "hazel")
    key, _ = profile.companion.recovery_words()
    await profile.companion.create("Hazel", "gp", PASSPHRASE, key)
    await fill(profile)
    await profile.companion.lock()
    vault = profile.folder / "vault"
    shutil.copytree(vault, folder / "older")
    store = SealedStore.unlock(vault, passphrase=PASSPHRASE)
    store.rekey(keystore=bytes(range(32)))
    store.idle()
    journal = store.table("journal")
    journal.remove(doc_ids=[3])
    journal.update({"text": "written again"}, doc_ids=[5])
    journal.insert({"_id": "last", "text": "the last page"})
    documents, blobs = content(store)
    anchor = store.anchor
    if not crashed:
        store.lock()
    now = Path(shutil.copytree(vault, folder / "now"))
    store.lock()
    log = now / "store.db-wal"
    if crashed:
        os.truncate(log, len(log.read_bytes().rstrip(b"\0")) + 4_096)  # most of the room is a hole
    assert crashed is log.exists()
    return Image(now=now, older=folder / "older", words=key, documents=documents, blobs=blobs, anchor=anchor)


# What somebody may do to a file -----------------------------------------------------------------------

Chance = random.Random
Bytes = Callable[[Chance, bytes], bytes]


def flip(chance: Chance, data: bytes) -> bytes:
    place = chance.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :]


def overwrite(chance: Chance, data: bytes) -> bytes:
    place, length = chance.randrange(len(data)), chance.choice((1, 8, 100, 4_096))
    return (data[:place] + chance.randbytes(length) + data[place + length :])[: len(data)]


def blank(chance: Chance, data: bytes) -> bytes:
    place, length = chance.randrange(len(data)), chance.choice((1, 16, 512, 4_096))
    return (data[:place] + bytes(length) + data[place + length :])[: len(data)]


def cut(chance: Chance, data: bytes) -> bytes:
    return data[: chance.randrange(len(data))]


def grow(chance: Chance, data: bytes) -> bytes:
    return data + chance.choice((bytes, chance.randbytes))(chance.choice((1, 16, 4_096, 16_400)))


def insert(chance: Chance, data: bytes) -> bytes:
    place = chance.randrange(len(data))
    return data[:place] + chance.randbytes(chance.choice((1, 16, 4_096))) + data[place:]


def leave_out(chance: Chance, data: bytes) -> bytes:
    place = chance.randrange(len(data))
    return data[:place] + data[place + chance.choice((1, 16, 4_096, 16_400)) :]


def move_a_page(chance: Chance, data: bytes) -> bytes:
    pages = [data[at : at + 4_096] for at in range(0, len(data), 4_096)]
    pages[chance.randrange(len(pages))] = pages[chance.randrange(len(pages))]
    return b"".join(pages)


ON_BYTES: tuple[Bytes, ...] = (flip, flip, flip, overwrite, blank, cut, grow, insert, leave_out, move_a_page)


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)


def on_bytes(chance: Chance, image: Image, folder: Path) -> str:
    """The small files as often as the large ones."""
    names = ["keys.json", "store.db", "store.db-wal", "blob"]
    name = chance.choice([name for name in names if name == "blob" or (folder / name).exists()])
    path = chance.choice(files(folder / "blobs")) if name == "blob" else folder / name
    change = chance.choice(ON_BYTES)
    path.write_bytes(change(chance, path.read_bytes()))
    return f"{name}: {change.__name__}"


def put_back(chance: Chance, image: Image, folder: Path) -> str:
    name = chance.choice(("keys.json", "store.db"))
    shutil.copy(image.older / name, folder / name)
    return f"{name}: put back"


def take_away(chance: Chance, image: Image, folder: Path) -> str:
    path = chance.choice(files(folder))
    path.unlink()
    return f"{path.name if path.parent == folder else 'blob'}: taken away"


def swap_blobs(chance: Chance, image: Image, folder: Path) -> str:
    first, second = chance.sample(files(folder / "blobs"), 2)
    one, other = first.read_bytes(), second.read_bytes()
    first.write_bytes(other)
    if chance.random() < 0.5:
        second.write_bytes(one)
    return "blobs: swapped"


def another_thing(chance: Chance, image: Image, folder: Path) -> str:
    path = chance.choice([path for path in files(folder) if path.name != "store.lock"])
    path.unlink()
    make_one = chance.choice((os.mkfifo, Path.mkdir, lambda at: at.symlink_to(image.older / "store.db")))
    make_one(path)
    return f"{path.name if path.parent == folder else 'blob'}: another thing"


def stray_file(chance: Chance, image: Image, folder: Path) -> str:
    name = chance.choice(
        ("store.new", "store.held", "keys.json.tmp", "keys.json.next", "blobs/" + "0" * 32, "notes.txt")
    )
    (folder / name).write_bytes(chance.randbytes(200))
    return f"stray {name.partition('/')[0]}"


STATEMENTS = (
    "DELETE FROM row WHERE k = {row}",
    "UPDATE row SET blob = randomblob(length(blob)) WHERE k = {row}",
    "UPDATE row SET ver = ver + 1 WHERE k = {row}",
    "UPDATE row SET k = k + 100000 WHERE k = {row}",
    "INSERT INTO row SELECT k + 100000, ver, blob FROM row WHERE k = {row}",
    "UPDATE row SET blob = (SELECT blob FROM row WHERE k = {other}) WHERE k = {row}",
    "INSERT OR REPLACE INTO row SELECT * FROM old.row WHERE k = {row}",
    "INSERT OR REPLACE INTO row SELECT * FROM old.row WHERE k >> 40 = {row} >> 40",
    "INSERT OR IGNORE INTO row SELECT * FROM old.row",
    "INSERT INTO row VALUES(99 << 40, 1, x'00')",
    "DELETE FROM row WHERE k >> 40 = {row} >> 40",
    "DELETE FROM meta WHERE k = '{record}'",
    "UPDATE meta SET v = randomblob(length(v)) WHERE k = '{record}'",
    "UPDATE meta SET v = (SELECT v FROM old.meta WHERE k = '{record}') WHERE k = '{record}'",
    "INSERT INTO meta VALUES('table:99', x'00')",
    "CREATE TRIGGER t AFTER INSERT ON row BEGIN DELETE FROM row WHERE k = new.k; END",
    "CREATE TABLE t(a)",
    "CREATE INDEX i ON row(ver)",
    "PRAGMA user_version = 1",
    "PRAGMA user_version = 7",
    "PRAGMA application_id = 7",
    "PRAGMA journal_mode = DELETE",
    "VACUUM",
)


def by_sql(chance: Chance, image: Image, folder: Path) -> str:
    """Somebody who knows the format."""
    statement = chance.choice(STATEMENTS)
    connection = sqlite3.connect(folder / "store.db", isolation_level=None)
    connection.execute("ATTACH ? AS old", (str(image.older / "store.db"),))
    rows = [k for (k,) in connection.execute("SELECT k FROM row ORDER BY k")]
    records = [k for (k,) in connection.execute("SELECT k FROM meta ORDER BY k")]
    named = {"row": chance.choice(rows), "other": chance.choice(rows), "record": chance.choice(records)}
    with suppress(sqlite3.Error):
        connection.execute(statement.format(**named)).fetchall()
    connection.close()
    return f"sql: {' '.join(statement.split()[:3])}"


HANDS = (*[on_bytes] * 12, *[by_sql] * 5, put_back, take_away, swap_blobs, another_thing, stray_file)


# What comes of it -------------------------------------------------------------------------------------


def outcome(image: Image, folder: Path) -> str:
    """Return how the change was named, or that it was harmless. Raises: AssertionError if it was silent."""
    try:
        store = SealedStore.unlock(folder, passphrase=PASSPHRASE, anchor=image.anchor)
    except StoreError as error:
        return f"named when opened: {type(error).__name__}"
    try:
        if store.rollback:
            return f"asked about: {store.rollback}"
        try:
            documents, blobs = content(store)
        except StoreError as error:
            return f"named when read: {type(error).__name__}"
        assert documents == image.documents, "documents differ"
        assert blobs == image.blobs, "blobs differ"
        is_sound = store.verify().is_sound
    finally:
        store.lock()
    try:
        goes_on(image, folder)
    except StoreError as error:
        return f"named when written on: {type(error).__name__}"
    return "harmless" if is_sound else "harmless, and named by verify"


def goes_on(image: Image, folder: Path) -> None:
    """It is written, and opened with every key."""
    for number, key in enumerate(
        ({"passphrase": PASSPHRASE}, {"recovery": image.words}, {"keystore": bytes(range(32))})
    ):
        store = SealedStore.unlock(folder, **key, anchor=image.anchor)
        store.table("journal").insert({"_id": f"new {number}"})
        store.lock()
    store = SealedStore.unlock(folder, passphrase=PASSPHRASE)
    documents, blobs = content(store)
    store.lock()
    assert blobs == image.blobs, "blobs differ after a save"
    news = sorted(str(doc["_id"]) for doc in documents["journal"].values() if str(doc["_id"]).startswith("new"))
    assert news == ["new 0", "new 1", "new 2"], "a save was lost"
    documents["journal"] = {k: doc for k, doc in documents["journal"].items() if not str(doc["_id"]).startswith("new")}
    assert documents == image.documents, "documents differ after a save"


@pytest.mark.timeout(0 if CHANGES > 500 else 240)
def test_no_change_is_silent(tmp_path: Path) -> None:
    images = [asyncio.run(make(tmp_path / str(crashed), crashed=crashed)) for crashed in (False, True)]
    for image in images:
        untouched = Path(shutil.copytree(image.now, tmp_path / "untouched"))
        assert outcome(image, untouched) == "harmless"
        shutil.rmtree(untouched)
    chance, outcomes, silent = Chance(int(os.environ.get("RANDOM_SEED", "11"))), Counter[str](), list[str]()
    for number in range(CHANGES):
        image, hand = images[number % 2], chance.choice(HANDS)
        folder = Path(shutil.copytree(image.now, tmp_path / "vault"))
        what = hand(chance, image, folder)
        try:
            came = outcome(image, folder)
        except AssertionError as error:
            came = "SILENT"
            silent.append(f"{number} ({'crashed' if number % 2 else 'rested'}) {what}: {error}"[:300])
        outcomes[came] += 1
        if came.startswith("named when written on"):
            print(number, what, came)
        shutil.rmtree(folder)
    print(f"\n{CHANGES} random changes:", *(f"{count:6} {came}" for came, count in outcomes.most_common()), sep="\n")
    assert silent == []
    named = sum(count for came, count in outcomes.items() if came.startswith(("named", "asked")))
    assert named > CHANGES / 2
