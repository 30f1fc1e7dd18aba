"""A whole day of the app, and then a search for its words in everything that the service has: it must have none.

Searched are the service's folder (database, write-ahead log, blobs, keys), what it wrote to its log, its figures, and
the whole memory of its process. Each search first finds something that must be there, so that it cannot pass by looking
at nothing. The keys of spaces are searched for as well, and the devices of those who say something in them.
"""

import asyncio
import base64
import re
import shutil
import sqlite3
import subprocess
from pathlib import Path

import httpx
import pytest

from companion.app.chat.chatting import Ways
from companion.app.own.by_words import find_by_words
from companion.app.spaces.desk import wait
from companion.attachments import Picture
from companion.crypto.words import key_from_words
from companion.errors import NothingByWords
from companion.ports import Change
from companion.space.keys import SHELF
from companion.space.place import CIRCLE
from companion.space.saying import ITEM, Saying
from services.sync.client import RelayClient
from tests.integration.people import Person, PlainRecorder, until
from tests.integration.test_own_space import _new_device, link, texts, write
from tests.integration.test_thread import has_line, let_in

ADA, BO = "Ada Quillfeather", "Bo Thistlewick"
WORDS = {
    "names": ("quillfeather", "thistlewick"),
    "words": ("marmalade", "lighthouse", "wheelbarrow", "gooseberry"),
    "addresses": ("ada@quillfeather.example", "14 saffron lane", "07700 900123"),
}
PAGE = "The marmalade lighthouse. Write to ada@quillfeather.example, 14 Saffron Lane, or call 07700 900123."
LINE = "Say wheelbarrow to nobody but Bo at 14 Saffron Lane, 07700 900123."
REPLY = "Wheelbarrow and gooseberry, Ada."


NOTE, WORD = "Mondays: the gooseberry lighthouse.", "A wheelbarrow for all our groups."


@pytest.fixture
async def people(tmp_path, relay):
    """Ada with a tablet, Bo, and Cy who is taken out of the group."""
    names = {"ada": ADA, "tablet": ADA, "bo": BO, "cy": "Cy Thistlewick"}
    found = [await Person(tmp_path / one, relay.url).begin(name) for one, name in names.items()]
    yield found
    for person in found:
        await person.companion.lock()


async def live_a_day(ada: Person, bo: Person) -> str:
    """Do a bit of everything, and return the id of the group it happened in."""
    page = ada.opened.journal.new_page()
    ada.opened.journal.draft(page, PAGE)
    await ada.opened.journal.save_drafts()
    group = (await ada.opened.groups.create("Friends of the marmalade lighthouse", "pine")).id
    await let_in(ada, bo, group)
    await ada.opened.chat.post(group, LINE)
    await has_line(bo, group, (ADA, LINE, "received"))
    await bo.opened.chat.post(group, REPLY)
    await has_line(ada, group, (BO, REPLY, "received"))
    picture = Picture(content=b"marmalade lighthouse" * 400, media_type="image/png", width=9, height=9)
    attached = await ada.opened.attaching.seal(picture)
    await ada.opened.sharing.post(group, "The gooseberry picture.", (attached,), Ways())

    async def has_come() -> bool:
        await ada.opened.sharing.send_waiting()
        return any(text == "The gooseberry picture." for _, text, _ in await bo.lines(group))

    await until(has_come)
    story = await ada.opened.stories.begin("The wheelbarrow")
    await ada.opened.stories.agree(story.id, frozenset({"record"}))
    microphone = PlainRecorder()
    await ada.opened.stories.record(story.id, microphone)
    await microphone.hear(b"gooseberry" * 3_200)
    await ada.opened.stories.finish()
    await ada.opened.today.check_in(2, "A gooseberry week.")
    await bo.opened.today.check_in(1, "Tell nobody but Quillfeather.")
    return group


async def until_all(people: list[Person], condition) -> None:
    """Let everybody's app do what is due until the condition holds."""

    async def holds() -> bool:
        for person in people:
            await person.opened.due.run()
        return await condition()

    await until(holds, 30)


async def share_with_a_tablet(ada: Person, tablet: Person):
    """Pages on two devices, the words' log, and a turn when one device is revoked; return the space and its ways."""
    await write(ada, PAGE)
    await ada.opened.own.turn_on()
    await link(ada, tablet)
    await write(tablet, "The tablet's gooseberry page.")

    async def are_there() -> bool:
        return PAGE in await texts(tablet) and "The tablet's gooseberry page." in await texts(ada)

    await until_all([ada, tablet], are_there)
    await ada.opened.devices.revoke(tablet.opened.device)
    nobody, found = RelayClient(ada.service, *_new_device()), []

    async def lead_there() -> bool:
        try:
            found[:] = [await find_by_words(key_from_words(" ".join(ada.words)), nobody)]
        except NothingByWords:
            return False
        return found[0].n == 1 and {log.n for log in (await ada.opened.own.space()).logs.values()} == {1}

    await until_all([ada], lead_there)
    await nobody.close()
    return await ada.opened.own.space()


async def speak_in_a_line(ada: Person, bo: Person) -> None:
    pair = await ada.opened.pairs.open(bo.opened.me.person)

    async def is_asked() -> bool:
        return bool(await bo.opened.pairs.wanted())

    await until_all([ada, bo], is_asked)
    await bo.opened.pairs.accept(ada.opened.me.person)
    await ada.opened.chat.post(pair.id, LINE)

    async def is_said() -> bool:
        return any(text == LINE for _, text, _ in await bo.lines(pair.id))

    await until_all([ada, bo], is_said)


async def keep_a_shelf(ada: Person, bo: Person, cy: Person, group: str):
    """Notes written, changed, pinned and taken down, and a turn when Cy is out; return the space."""
    message = next(one for one in await bo.opened.chat.messages(group) if one.text == LINE)
    changed = await ada.opened.shelves.write(group, "The marmalade rota", NOTE)

    async def stand(*expected: str) -> bool:
        shelves = [await one.opened.shelves.shelf(group) for one in (ada, bo)]
        titles = [sorted(note.title for note in shelf.notes if not note.is_waiting) for shelf in shelves]
        return titles == [sorted(expected)] * 2

    await until_all([ada, bo], lambda: stand("The marmalade rota"))
    gone = await bo.opened.shelves.write(group, "Gooseberry", NOTE)
    await bo.opened.shelves.pin(group, message.id)
    await until_all([ada, bo], lambda: stand("The marmalade rota", "Gooseberry", LINE[:80]))
    await let_in(ada, cy, group)
    (note,) = (one for one in (await bo.opened.shelves.shelf(group)).notes if one.id == gone)
    await ada.opened.shelves.write(group, "The lighthouse rota", NOTE, note=changed)
    await bo.opened.shelves.take_down(group, gone, note.author)
    await until_all([ada, bo, cy], lambda: stand("The lighthouse rota", LINE[:80]))
    await ada.opened.groups.remove_member(group, cy.opened.me.person)

    async def has_turned() -> bool:
        spaces = [await one.opened.together.space(group) for one in (ada, bo)]
        return [{log.n for log in space.logs.values()} for space in spaces] == [{1}, {1}]

    await until_all([ada, bo], has_turned)
    await bo.opened.shelves.write(group, "After the wheelbarrow", NOTE)
    await until_all([ada, bo], lambda: stand("The lighthouse rota", LINE[:80], "After the wheelbarrow"))
    return await ada.opened.together.space(group)


async def speak_in_a_circle(ada: Person, bo: Person, group: str):
    """Say a word in a circle of the group; return the space."""
    id = await ada.opened.together.circles.found(group)

    async def is_made() -> bool:
        """Both have read that Ada belongs."""
        for one in (ada, bo):
            space = next((space for space in await one.opened.together.circles.circles() if space.id == id), None)
            book = None if space is None else await one.opened.together.book(space)
            mine = await ada.opened.together._desk.residents[CIRCLE].member_keys(space) if space else ()
            if book is None or not book.belongs(mine[0], book.seq):
                return False
        return True

    await until_all([ada, bo], is_made)
    content = {"kind": "x", "text": WORD}
    said = Saying(id=ada.opened._context.new_id(), space=id, log=SHELF, kind=ITEM, content=content)
    await ada.opened._context.commit(Change(put=(wait(said),)))
    await ada.opened.groups.follow(ada.service)

    async def has_come() -> bool:
        return WORD in str([d for d in await bo.opened._context.store.all("shelf_items") if d["space"] == id])

    await until_all([ada, bo], has_come)
    return next(space for space in await ada.opened.together.circles.circles() if space.id == id)


def memory_of(pid: int, folder: Path) -> Path:
    """Write what a process has in memory into a file: a core dump, or its readable pages where there is no gdb."""
    if shutil.which("gcore") is not None:
        done = subprocess.run(
            ["gcore", "-o", str(folder / "core"), str(pid)],  # noqa: S607
            capture_output=True, timeout=120, check=False,
        )  # fmt: skip
        if done.returncode == 0:
            return folder / f"core.{pid}"
    target = folder / "memory"
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory, target.open("wb") as copy:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            bounds, mode = line.split()[:2]
            if "r" not in mode or line.endswith(("[vvar]", "[vsyscall]", "[vvar_vclock]")):
                continue
            start, end = (int(part, 16) for part in bounds.split("-"))
            memory.seek(start)
            copy.write(memory.read(end - start) or b"")
    return target


def found(content: bytes) -> list[str]:
    """Return the kinds of which a word is in there: as text, wide text (UTF-16, UTF-32), or hex."""
    low = content.lower()
    narrow = low.translate(None, b"\0")  # what is left of wide text
    return [
        f"{kind} {number}"
        for kind, words in WORDS.items()
        for number, word in enumerate(words)
        if word.encode() in low or word.encode() in narrow or word.encode().hex().encode() in low
    ]


def beside_items(database: Path, devices: list[bytes]) -> tuple[set[bytes], list[str]]:
    """Return the ids of logs with a keeper, and what of a device stands with one of them or with an item in it."""
    found, logs = [], set[bytes]()
    with sqlite3.connect(database) as rows:
        kept = dict(rows.execute("select gnum, gid from grp where keeper is not null"))
        found += rows.execute("select 'an author' from event where gnum in (select gnum from grp where keeper is not "
                              "null) and author is not null").fetchall()  # fmt: skip
        assert rows.execute("select * from event where author is not null").fetchone(), "elsewhere there are authors"
        tables = [name for (name,) in rows.execute("select name from sqlite_master where type = 'table'")]
        for table in tables:
            columns = [row[1] for row in rows.execute(f"pragma table_info({table})")]  # names of the schema
            if "gnum" not in columns:
                continue
            for row in rows.execute(f"select * from {table}"):  # noqa: S608  # a name of the schema
                number = row[columns.index("gnum")]
                octets = b"|".join(one for one in row if isinstance(one, bytes))
                if number in kept:
                    logs.add(kept[number])
                    found += [table for device in devices if device in octets or table == "author"]
    return logs, found


async def test_nothing_of_a_day_is_in_the_services_folder_log_figures_or_memory(people, relay, tmp_path):
    ada, tablet, bo, cy = people
    devices = [bytes.fromhex(one.opened.device) for one in people]
    group = await live_a_day(ada, bo)
    spaces = [await keep_a_shelf(ada, bo, cy, group), await speak_in_a_circle(ada, bo, group)]
    await speak_in_a_line(ada, bo)
    spaces.append(await share_with_a_tablet(ada, tablet))
    keys = (key_from_words(" ".join(ada.words)), *(key for space in spaces for key in space.keys))
    for person in people:
        await person.companion.lock()
    assert found(f"{PAGE} {LINE} {REPLY} {NOTE} {WORD}".encode()), "the search finds what is there"
    async with httpx.AsyncClient(trust_env=False) as http:
        figures = await http.get(relay.url + "/metrics")
    assert figures.status_code == 200
    assert re.search(r"^\w+\{?.* [1-9]", figures.text, re.MULTILINE), "the figures count something"
    assert found(figures.content) == []
    assert group not in figures.text
    memory = await asyncio.to_thread(memory_of, relay.process.pid, tmp_path)
    content = memory.read_bytes()
    memory.unlink()
    assert bytes.fromhex(group) in content, "the memory of the running service was read"
    assert found(content) == []
    assert not any(key in content for key in keys)
    del content
    errors = await asyncio.to_thread(relay.kill)  # so that what waits in the write-ahead log stays there
    assert errors == ""
    files = [file for file in relay.data.rglob("*") if file.is_file()]
    assert any(file.name.endswith("-wal") and file.stat().st_size for file in files)
    for log in (group, *(space.log_id(name).hex() for space in spaces for name in space.logs)):
        assert any(bytes.fromhex(log) in file.read_bytes() for file in files), "the database was read"
    for file in files:
        octets = file.read_bytes()
        assert found(octets) == [], file.name
        assert not any(key in octets for key in keys), file.name
        assert found(file.name.encode()) == []
    (database,) = (file for file in files if file.read_bytes().startswith(b"SQLite format 3"))
    logs, beside = beside_items(database, devices)
    assert logs >= {space.log_id(name) for space in spaces for name in space.logs}
    assert beside == []


def test_search_finds_every_form_of_a_word():
    for form in (b"Quillfeather", "quillfeather".encode("utf-16-le"), b"quillfeather".hex().encode()):
        assert found(b"\0\1" + form + b"\2") != []
    assert found(base64.b64encode(bytes(100))) == []
