"""A whole day of the app, and then a search for its words in everything that the service has: it must have none.

Searched are the service's folder (database, write-ahead log, blobs, keys), what it wrote to its log, its figures, and
the whole memory of its process. Each search first finds something that must be there, so that it cannot pass by looking
at nothing.
"""

import asyncio
import base64
import re
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

from companion.app.chat.chatting import Ways
from companion.attachments import Picture
from tests.integration.people import Person, PlainRecorder, until
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


@pytest.fixture
async def people(tmp_path, relay):
    ada = await Person(tmp_path / "ada", relay.url).begin(ADA)
    bo = await Person(tmp_path / "bo", relay.url).begin(BO, "practice_manager")
    yield ada, bo
    await ada.companion.lock()
    await bo.companion.lock()


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
    await ada.companion.lock()
    return group


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


async def test_nothing_of_a_day_is_in_the_services_folder_log_figures_or_memory(people, relay, tmp_path):
    ada, bo = people
    group = await live_a_day(ada, bo)
    assert found(f"{PAGE} {LINE} {REPLY}".encode()), "the search finds what is there"
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
    del content
    errors = await asyncio.to_thread(relay.kill)  # so that what waits in the write-ahead log stays there
    assert errors == ""
    files = [file for file in relay.data.rglob("*") if file.is_file()]
    assert any(file.name.endswith("-wal") and file.stat().st_size for file in files)
    assert any(bytes.fromhex(group) in file.read_bytes() for file in files), "the database was read"
    for file in files:
        assert found(file.read_bytes()) == [], file.name
        assert found(file.name.encode()) == []


def test_search_finds_every_form_of_a_word():
    for form in (b"Quillfeather", "quillfeather".encode("utf-16-le"), b"quillfeather".hex().encode()):
        assert found(b"\0\1" + form + b"\2") != []
    assert found(base64.b64encode(bytes(100))) == []
