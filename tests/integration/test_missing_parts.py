"""An installation without one of its extras says so in a sentence, and never ends in a traceback."""

import subprocess
import sys
from pathlib import Path

import pytest

from services.extras import install_command
from tests.e2e.driver import ROOT

APP = "import main; main.main"
RELAY = "from services.relay.__main__ import main; sys.exit(main())"


LACKING = """
import sys
from importlib.machinery import PathFinder

class Lacking(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in {lacks} else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Lacking
{code}
"""


def run(code: str, lacks: tuple[str, ...], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run code in a Python that finds these modules nowhere."""
    command = [sys.executable, "-c", LACKING.format(lacks=lacks, code=code), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT)


def without(lacks: tuple[str, ...], *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(f"{APP}({list(arguments)!r})", lacks)


def is_plain(said: subprocess.CompletedProcess[str], lacks: str, extra: str) -> bool:
    """Whether it names what is missing, and the command that installs it."""
    assert "Traceback" not in said.stderr, said.stderr
    assert f"{lacks} is not installed" in said.stderr + said.stdout
    return install_command(extra) in said.stderr + said.stdout


@pytest.mark.parametrize("lacks", ["uvicorn", "flet_web", "starlette", "h11"])
def test_app_without_its_browser_part_says_what_to_install(tmp_path: Path, lacks: str) -> None:
    said = without((lacks,), "--web", "--data", str(tmp_path))
    assert said.returncode == 1
    assert is_plain(said, lacks, "desktop")
    assert len(said.stderr.strip().splitlines()) == 2


def test_doctor_says_that_no_browser_can_be_opened(tmp_path: Path) -> None:
    said = without(("uvicorn", "flet_desktop"), "doctor", "--data", str(tmp_path))
    assert said.returncode == 1
    assert is_plain(said, "uvicorn", "desktop")
    assert "missing: uvicorn" in said.stdout


def test_doctor_takes_a_window_for_enough(tmp_path: Path) -> None:
    said = without(("flet_web",), "doctor", "--data", str(tmp_path))
    assert said.returncode == 0
    assert is_plain(said, "flet_web", "desktop")


@pytest.mark.parametrize("lacks", ["apsw", "obstore", "prometheus_client", "uvicorn"])
def test_relay_without_its_packages_says_what_to_install(tmp_path: Path, lacks: str) -> None:
    said = run(RELAY, (lacks,), "serve", "--data", str(tmp_path))
    assert said.returncode == 1
    assert is_plain(said, lacks, "relay")


@pytest.mark.parametrize("command", ["serve", "status"])
def test_relay_without_postgresql_names_the_package(tmp_path: Path, command: str) -> None:
    said = run(RELAY, ("asyncpg",), command, "--data", str(tmp_path), "--database", "postgresql://nobody@127.0.0.1:9/x")
    assert said.returncode > 0
    assert "Traceback" not in said.stderr
    assert "the package asyncpg is not installed" in said.stderr
