"""A profile in which every field that a person fills holds a word that must be found nowhere outside."""

from pathlib import Path

from companion.app import Opened
from tests.faults.profile import Profile

WORD = "kanarienvogel"
PASSPHRASE = f"{WORD} passphrase"
DAY = "2031-02-27"
FIELDS = (b'"mood"', b'"tags"', b'"day"', b'"text"', b'"connection"', b'"created_ms"')
"""Names of fields stand for all values: figures and dates are too short to search for."""


async def profile_with_canaries(folder: Path) -> Opened:
    """Make the profile, fill it, and leave it open."""
    profile = Profile(folder)
    await profile.create(f"Hazel {WORD}", PASSPHRASE)
    opened = profile.opened
    page = opened.journal.new_page()
    opened.journal.draft(page, f"{WORD} as a title\nand {WORD} below", mood=4, energy=2, tags=(f"{WORD}-tag",))
    await opened.journal.save_drafts()
    entry = await opened.journal.entry(page)
    assert entry is not None
    assert entry.text.startswith(WORD)
    await opened.groups.create(f"{WORD} leads", "pine")
    story = await opened.stories.begin(f"{WORD} story")
    await opened.stories.agree(story.id, frozenset({"record"}))
    await opened.today.check_in(3, WORD)
    blob = await opened._context.blobs.start(WORD.encode())
    await blob.write(WORD.encode() * 5_000)
    await blob.close()
    return opened


def leaks(data: bytes) -> list[bytes]:
    """Return which canaries are in these bytes, in any of the encodings that a system may use."""
    lower = data.lower()
    found = [WORD.encode()] if WORD.encode() in lower or WORD.encode("utf-16-le") in lower else []
    return found + [name for name in FIELDS if name in data]


def leaking_files(folder: Path) -> dict[str, list[bytes]]:
    """Return every file below a folder that holds a canary, or has one in its name."""
    found = {}
    for path in folder.rglob("*"):
        what = [b"name"] if WORD in path.name.lower() else []
        if path.is_file():
            what += leaks(path.read_bytes())
        if what:
            found[str(path.relative_to(folder))] = what
    return found
