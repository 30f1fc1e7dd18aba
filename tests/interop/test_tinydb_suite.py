"""TinyDB's own tests, run over the sealed store: what knows TinyDB's tables knows ours.

The tests come with TinyDB's source distribution. pip brings it once into pytest's cache, and nothing of it is kept in
the repository. Without a network and a copy from before the run is skipped; where CI or NO_SKIPS is set, it fails.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.interop.tinydb_fixtures import DEVIATIONS

ROOT = Path(__file__).parents[2]
SHA256 = "6928b1fa785186bda7952a0ba05aaeedc883ede565ca9c7d608de44e5e75de70"  # of the source distribution of 4.9.0
TESTS_AT_LEAST = 140


def download(folder: Path) -> None:
    """Let pip bring the source distribution. It checks the hash before it runs anything of it."""
    wanted, build = folder / "wanted.txt", folder / "build.txt"
    wanted.write_text(f"tinydb=={version('tinydb')} --hash=sha256:{SHA256}\n", "utf-8")
    build.write_text("\n".join(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["build-system"]["requires"]))
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--no-binary=tinydb",
        "--require-hashes",
    ]
    command += ["--build-constraint", str(build), "--dest", str(folder), "--requirement", str(wanted)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    if done.returncode:
        reason = f"TinyDB's source distribution is not here and could not be fetched:\n{done.stderr[-1000:]}"
        pytest.fail(reason) if os.environ.keys() & {"CI", "NO_SKIPS"} else pytest.skip(reason)


def is_genuine(path: Path) -> bool:
    return path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == SHA256


@pytest.fixture
def suite(cache, tmp_path) -> Path:
    """TinyDB's test files beside our fixtures, and nothing else."""
    name = f"tinydb-{version('tinydb')}.tar.gz"
    kept = cache.mkdir("tinydb") / name
    if not is_genuine(kept):
        download(tmp_path)
        shutil.move(tmp_path / name, kept)
        assert is_genuine(kept)
    folder = tmp_path / "suite"
    folder.mkdir()
    with tarfile.open(kept) as archive:
        for member in archive:
            path = Path(member.name)
            if path.parts[1:-1] == ("tests",) and path.match("test_*.py"):
                (folder / path.name).write_bytes(archive.extractfile(member).read())
    shutil.copy(ROOT / "tests/interop/tinydb_fixtures.py", folder / "conftest.py")
    (folder / "pytest.ini").write_text("[pytest]\n", "utf-8")
    return folder


def test_tinydbs_own_tests_pass_over_the_sealed_store_but_for_what_differs_on_purpose(suite):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--basetemp={suite.parent / 'stores'}"]
    done = subprocess.run(command, cwd=suite, env=environment, capture_output=True, text=True, timeout=280)
    print(done.stdout[-6000:], done.stderr[-2000:])
    assert done.returncode == 0
    passed, differing = re.search(r"(\d+) passed, (\d+) xfailed", done.stdout).groups()
    assert int(passed) >= TESTS_AT_LEAST
    assert int(differing) == len(DEVIATIONS)
