"""Titles, tags, dates, moods, names and words of a whole profile: nowhere in clear, also when the app crashes."""

import asyncio
import logging
import os
import resource
import signal
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from companion.errors import CompanionError
from tests.faults.canaries import PASSPHRASE, WORD, leaking_files, leaks, profile_with_canaries
from tests.faults.profile import Profile

ROOT = Path(__file__).parents[2]
MODULE = "tests.faults.crashing_child"


def test_the_search_itself_finds_what_it_looks_for(tmp_path: Path) -> None:
    (tmp_path / "leak").write_bytes(b'{"mood":4,"text":"Ein KANARIENVOGEL"}')
    (tmp_path / "wide").write_bytes(WORD.encode("utf-16-le"))
    assert leaking_files(tmp_path) == {"leak": [WORD.encode(), b'"mood"', b'"text"'], "wide": [WORD.encode()]}


async def test_no_file_name_log_or_error_of_a_profile_holds_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("TMPDIR", "SQLITE_TMPDIR"):
        monkeypatch.setenv(name, str(tmp_path))
    opened = await profile_with_canaries(tmp_path / "profile")
    assert leaking_files(tmp_path) == {}
    with pytest.raises(CompanionError) as caught:
        await opened.security.change_passphrase(f"{WORD} wrong", f"{WORD} new one")
    assert not leaks("".join(traceback.format_exception_only(caught.value)).encode())
    page = opened.journal.new_page()
    opened.journal.draft(page, WORD * 500)
    await opened.journal.save_drafts()
    await opened.journal.remove(page)
    await opened.idle()
    assert leaking_files(tmp_path) == {}
    await opened.close()
    assert leaking_files(tmp_path) == {}
    assert not leaks(caplog.text.encode())


@pytest.mark.parametrize("way", ["abort", "raise", "fault"])
def test_a_crash_leaves_no_word_in_output_files_or_a_core(tmp_path: Path, way: str) -> None:
    """The child may dump core as far as this process may allow it; it has to forbid that itself."""
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    child = subprocess.run(
        [sys.executable, "-m", MODULE, str(tmp_path / "profile"), way],
        capture_output=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
        timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (hard, hard)),
    )
    said = child.stdout + child.stderr
    assert b"ready" in said
    assert b"crashing_child" in said, "the crash has to tell where it was"
    assert child.returncode == {"abort": -signal.SIGABRT, "raise": 1, "fault": -signal.SIGSEGV}[way]
    assert not leaks(said)
    assert leaking_files(tmp_path) == {}
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith("core")]


def test_after_a_crash_the_words_are_there_for_the_passphrase(tmp_path: Path) -> None:
    async def look() -> list[str]:
        profile = Profile(tmp_path / "profile")
        await profile.companion.unlock(passphrase=PASSPHRASE)
        lines = [entry.text.splitlines()[0] for entry in await profile.opened.journal.entries()]
        await profile.companion.lock()
        return lines

    subprocess.run(
        [sys.executable, "-m", MODULE, str(tmp_path / "profile"), "abort"],
        capture_output=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=120,
    )
    assert asyncio.run(look()) == [f"{WORD} as a title"]


def test_a_dumpable_child_would_leave_a_core_that_the_search_finds(tmp_path: Path) -> None:
    """The check of the check, where this system writes cores to plain files at all."""
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    pattern = Path("/proc/sys/kernel/core_pattern")
    if hard == 0 or not pattern.exists() or pattern.read_text().strip() != "core":
        pytest.skip("this system writes no core files")
    script = f"import os; word = {WORD!r}.upper().lower() * 50; os.abort()"
    subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        cwd=tmp_path,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (hard, hard)),
    )
    cores = [path for path in tmp_path.iterdir() if path.name.startswith("core")]
    if not cores:
        pytest.skip("this system keeps core files elsewhere")
    assert leaks(cores[0].read_bytes())
