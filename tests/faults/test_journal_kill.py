"""kill -9 while a page is written, pictures come and go, and voice notes are recorded: the page and its blobs agree."""

import asyncio
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from companion.attachments import IN_WORK
from companion.journal import Entry
from tests.integration.people import PASSPHRASE, Person

CHILD = """
import asyncio, sys
from pathlib import Path
from companion.attachments import Picture
from tests.integration.people import Person, PlainRecorder

async def main():
    person = await Person(Path(sys.argv[1]), "http://127.0.0.1:9").begin("Hazel")
    opened = person.opened
    journal, id = opened.journal, opened.journal.new_page()
    turn = 0
    while True:
        turn += 1
        journal.draft(id, f"turn {turn}", mood=turn % 5 + 1)
        await journal.save_drafts()
        print(turn, flush=True)
        content = turn.to_bytes(4, "little") * 9_000
        await journal.attach(id, Picture(content=content, media_type="image/png", width=3, height=3))
        microphone = PlainRecorder()
        await journal.record(id, microphone)
        for _ in range(3):
            await microphone.hear(turn.to_bytes(4, "little") * 6_000)
        await opened.attaching.finish()
        if turn % 2:
            await journal.detach(id, journal.shown(id).attachments[0].id)

asyncio.run(main())
"""


@pytest.mark.parametrize("round", range(4))
def test_a_page_and_its_blobs_agree_after_a_kill(tmp_path: Path, round: int) -> None:
    folder = tmp_path / "hazel"
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(folder)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    chance = random.Random(round)
    wanted, more = chance.randrange(2, 12), chance.randrange(1, 40)
    said = 0
    for line in child.stdout:
        said = int(line)
        if said >= wanted:
            break
    for _ in range(more):  # somewhere on the way to the next turn
        child.poll()
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    entry, contents, listed = asyncio.run(reopen(folder))
    assert int(entry.text.split()[1]) >= said
    assert entry.mood == int(entry.text.split()[1]) % 5 + 1
    for attachment, content in zip(entry.attachments, contents, strict=True):
        assert len(content) == attachment.size_bytes > 0
        assert content == content[:4] * (len(content) // 4)
    assert listed == 0
    blobs = {file.name for file in (folder / "vault" / "blobs").iterdir()}
    named = {str(attachment.blob["id"]) for attachment in entry.attachments}
    assert named <= blobs
    assert len(blobs - named) <= 1  # a file that was made and not yet named holds nothing and has no key


async def reopen(folder: Path) -> tuple[Entry, list[bytes], int]:
    person = Person(folder, "http://127.0.0.1:9")
    await person.companion.unlock(passphrase=PASSPHRASE)
    opened = person.opened
    (entry,) = await opened.journal.entries()
    contents = [await opened.attaching.read(attachment) for attachment in entry.attachments]
    listed = len(await opened._context.store.all(IN_WORK))
    await person.companion.lock()
    return entry, contents, listed
