"""kill -9 while a story is being recorded: at most five seconds are lost."""

import asyncio
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from companion.sound import SAMPLE_BYTES
from tests.integration.people import PASSPHRASE, Person

CHILD = """
import asyncio, sys
from pathlib import Path
from tests.integration.people import Person, PlainRecorder

async def main():
    person = await Person(Path(sys.argv[1]), "http://127.0.0.1:9").begin("Hazel")
    stories = person.opened.stories
    story = await stories.begin("")
    await stories.agree(story.id, frozenset({"record"}))
    microphone = PlainRecorder()
    await stories.record(story.id, microphone)
    said = 0
    while True:
        await microphone.hear(said.to_bytes(4, "little") * 2_000)  # a quarter of a second
        said += 1
        print(said, flush=True)

asyncio.run(main())
"""
PIECE_BYTES = 8_000
LOSS_LIMIT_BYTES = 5 * 16_000 * SAMPLE_BYTES


@pytest.mark.parametrize("round", range(3))
def test_at_most_five_seconds_are_lost(tmp_path: Path, round: int) -> None:
    folder = tmp_path / "hazel"
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(folder)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    wanted = random.Random(round).randrange(3, 90)
    said = 0
    for line in child.stdout:
        said = int(line)
        if said >= wanted:
            break
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    sound, work = asyncio.run(reopen(folder))
    assert work == "recorded"
    assert said * PIECE_BYTES - len(sound) <= LOSS_LIMIT_BYTES
    heard = len(sound) // PIECE_BYTES + 1  # the child may have gone on until it was ended
    assert sound == b"".join(n.to_bytes(4, "little") * 2_000 for n in range(heard))[: len(sound)]


async def reopen(folder: Path) -> tuple[bytes, str]:
    person = Person(folder, "http://127.0.0.1:9")
    await person.companion.unlock(passphrase=PASSPHRASE)
    story = (await person.opened.stories.stories())[0]
    sound = await person.opened.stories.sound(story, 0, story.length_bytes)
    await person.companion.lock()
    return sound, story.work
