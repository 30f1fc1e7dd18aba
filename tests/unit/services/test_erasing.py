"""What is owed for erased profiles lies in one small file beside the folder, and nowhere else."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from companion.farewells import ACCOUNT, DEVICE, REFUSED, Farewell
from services.erasing import MARKER, ProfileEraser, owed_file

ONE = Farewell(service="https://notes.example", device="ab" * 16, scope=DEVICE, signature=bytes(64))
OTHER = replace(ONE, device="cd" * 16)


def begin(folder: Path) -> None:
    folder.mkdir()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "hazel").mkdir()
    return tmp_path / "hazel"


async def test_it_is_for_its_owner_alone_and_nothing_else_is_left(folder: Path) -> None:
    await ProfileEraser(folder).erase((ONE,))
    assert [path.name for path in folder.parent.iterdir()] == ["hazel.farewells"]
    assert owed_file(folder).stat().st_mode & 0o777 == 0o600


async def test_without_anything_owed_there_is_no_file(folder: Path) -> None:
    eraser = ProfileEraser(folder)
    await eraser.erase((ONE,))
    await eraser.settle((ONE,))
    assert list(folder.parent.iterdir()) == []


async def test_what_is_settled_takes_no_other_with_it(folder: Path) -> None:
    eraser = ProfileEraser(folder)
    await eraser.erase((ONE, OTHER))
    await eraser.settle((ONE,), REFUSED)
    assert set(await eraser.owed()) == {OTHER, replace(ONE, state=REFUSED)}
    await eraser.settle((replace(ONE, state=REFUSED),))
    assert await eraser.owed() == (OTHER,)


async def test_what_was_left_there_does_not_come_back_with_a_late_answer(folder: Path) -> None:
    eraser = ProfileEraser(folder)
    await eraser.erase((ONE, OTHER))
    await eraser.settle((ONE,))
    await eraser.settle((ONE,), REFUSED)
    assert await eraser.owed() == (OTHER,)


async def test_a_profile_of_the_same_name_owes_its_own_beside_the_older(folder: Path) -> None:
    eraser = ProfileEraser(folder)
    await eraser.erase((ONE,))
    begin(folder)
    await eraser.erase((replace(ONE, scope=ACCOUNT), OTHER))
    assert await eraser.owed() == (replace(ONE, scope=ACCOUNT), OTHER)


async def test_a_link_in_its_place_is_neither_read_nor_written_through(folder: Path) -> None:
    elsewhere = folder.parent / "elsewhere"
    await ProfileEraser(folder).erase((OTHER,))
    owed_file(folder).rename(elsewhere)
    content = elsewhere.read_bytes()
    owed_file(folder).symlink_to(elsewhere)
    begin(folder)
    os.symlink(elsewhere, folder / MARKER)
    await ProfileEraser(folder).erase((ONE,))
    assert await ProfileEraser(folder).owed() == (ONE,)
    assert elsewhere.read_bytes() == content
