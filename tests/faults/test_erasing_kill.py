"""kill -9 at every step of an erasure: either nothing was begun, or nothing can be read any more, the rest goes, and
what is owed to the services is neither lost nor told before that.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from companion.errors import StoreError
from services.erasing import MARKER, ProfileEraser, owed_file
from services.store.store import SealedStore
from tests.faults.canaries import PASSPHRASE, profile_with_canaries
from tests.faults.erasing_child import OWED
from tests.faults.profile import Profile

ROOT = Path(__file__).parents[2]
STEPS_MAX = 200


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A profile with a damaged store and a rescue copy beside its vault: both have keys of their own."""
    folder = tmp_path_factory.mktemp("image") / "hazel"

    async def make() -> None:
        opened = await profile_with_canaries(folder)
        await opened.security.rescue()
        await opened.close()

    asyncio.run(make())
    shutil.copytree(folder / "vault", folder / "vault-damaged-1")
    (folder / "appearance.json").write_text("{}")
    return folder


def kill_at(folder: Path, step: int) -> bool:
    """Return whether the child was killed, rather than done before that step."""
    child = subprocess.run(
        [sys.executable, "-m", "tests.faults.erasing_child", str(folder), str(step)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        timeout=60,
    )
    assert child.returncode in (0, -signal.SIGKILL), child.stderr
    return child.returncode != 0


def opens(folder: Path, vault: str) -> bool:
    try:
        SealedStore.unlock(folder / vault, passphrase=PASSPHRASE).lock()
    except StoreError:
        return False
    return True


def test_at_every_step_nothing_readable_is_left_once_it_has_begun(image: Path, tmp_path: Path) -> None:
    vaults = sorted(path.name for path in image.iterdir() if path.is_dir())
    assert len(vaults) == 3
    seen: set[int] = set()
    for step in range(STEPS_MAX):
        folder = Path(shutil.copytree(image, tmp_path / str(step)))
        was_killed = kill_at(folder, step)
        readable = [vault for vault in vaults if (folder / vault / "keys.json").exists() and opens(folder, vault)]
        owed = owed_file(folder)
        assert not owed.exists() or not any(path.name != MARKER for path in folder.glob("*")), f"step {step}: too early"
        has_begun = (folder / MARKER).exists() or not folder.exists() or len(readable) < len(vaults)
        gone = {path.name for path in image.rglob("*")} - {path.name for path in folder.rglob("*")}
        if gone - {"keys.json"}:
            assert readable == [], f"step {step} took something else before the keys"
        assert (folder / MARKER).exists() or not was_killed or not has_begun or not any(folder.rglob("*.db"))
        seen.add(len(readable))
        assert asyncio.run(Profile(folder).companion.phase()) == ("first_start" if has_begun else "locked")
        assert not has_begun or not folder.exists() or not any(folder.iterdir())
        assert asyncio.run(ProfileEraser(folder).owed()) == (OWED if has_begun else ())
        owed.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        if not was_killed:
            break
    assert not was_killed, "the erasure has more steps than were tried"
    assert seen == {0, 1, 2, 3}


def test_an_erased_profile_begins_anew(image: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(image, tmp_path / "hazel"))

    async def again() -> str:
        profile = Profile(folder)
        await profile.companion.unlock(passphrase=PASSPHRASE)
        await profile.companion.erase()
        assert await profile.companion.phase() == "first_start"
        assert profile.keystore.held == {}
        await profile.create("Rowan")
        name = profile.opened.me.name
        await profile.companion.lock()
        return name

    assert asyncio.run(again()) == "Rowan"


def test_the_rest_of_the_data_folder_stays(image: Path, tmp_path: Path) -> None:
    """Other people's profiles, and the sync service of this computer, are not this person's to erase."""
    folder = Path(shutil.copytree(image, tmp_path / "profiles" / "hazel"))
    other = Path(shutil.copytree(image, tmp_path / "profiles" / "rowan"))
    asyncio.run(Profile(folder).companion.erase())
    assert not folder.exists()
    assert opens(other, "vault")
