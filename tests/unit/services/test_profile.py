from pathlib import Path

import pytest

from companion.errors import UsageError
from companion.unlocking import Attempts
from services.profile import Appearance, FileTries, data_folder, profile_folder


@pytest.mark.parametrize("name", ["", "..", "a/b", "A b", "x" * 40, "-x"])
def test_profile_names_cannot_leave_their_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        profile_folder(tmp_path, name)


def test_profiles_lie_apart(tmp_path: Path) -> None:
    assert profile_folder(tmp_path, "rowan") == tmp_path / "profiles" / "rowan"


def test_bundle_uses_the_folder_that_the_system_keeps(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FLET_APP_STORAGE_DATA", str(tmp_path))
    assert data_folder(None) == tmp_path / "companion"
    assert data_folder(str(tmp_path / "other")) == tmp_path / "other"


async def test_tries_survive_a_restart(tmp_path: Path) -> None:
    await FileTries(tmp_path).save(Attempts(wrong=4, last_ms=99))
    assert await FileTries(tmp_path).load() == Attempts(wrong=4, last_ms=99)


async def test_broken_count_starts_anew(tmp_path: Path) -> None:
    (tmp_path / "tries.json").write_text("{")
    assert await FileTries(tmp_path).load() == Attempts()


def test_appearance_is_kept_and_checked(tmp_path: Path) -> None:
    appearance = Appearance(tmp_path)
    assert appearance.load() == "system"
    appearance.save("contrast-dark")
    assert appearance.load() == "contrast-dark"
    with pytest.raises(UsageError):
        appearance.save("pink")
