"""What of an extra is missing, and the command that installs it."""

import sys
import tomllib
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from services import extras

ROOT = Path(__file__).resolve().parents[3]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]


@pytest.mark.parametrize("extra", [extras.DESKTOP, extras.RELAY])
def test_command_names_each_package_in_its_version_and_never_the_name_that_is_somebody_elses(
    monkeypatch, tmp_path, extra
):
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    command = extras.install_command(extra)
    assert command.startswith(f'"{sys.executable}" -m pip install ')
    assert set(command.split(" install ")[1].split()) == {one.split(";")[0].strip() for one in EXTRAS[extra]}


def test_command_goes_by_hashes_where_the_installation_brought_them(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    listed = tmp_path / "share" / "companion" / "deploy" / "relay.txt"
    listed.parent.mkdir(parents=True)
    listed.touch()
    assert extras.install_command(extras.RELAY).endswith(f'--require-hashes -r "{listed}"')


def test_command_is_uvs_where_the_program_runs_from_its_files(monkeypatch):
    def nowhere(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(extras, "requires", nowhere)
    assert extras.install_command(extras.DESKTOP) == "python3 -m uv sync --all-extras"


def test_first_module_that_is_missing_is_named():
    assert extras.missing(["json", "no_such_module", "no_other"]) == "no_such_module"
    assert extras.missing(["json", "asyncio"]) == ""
