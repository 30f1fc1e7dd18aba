"""What docs/deploy.md says of installing works as it stands: a wheel from the clone, and packages by their hashes."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import httpx
import pytest

from tests.relay_process import RelayProcess

HERE = Path(__file__).resolve().parents[2]
RELAY = HERE / "deploy" / "relay.txt"


def run(*command, cwd=HERE):
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True, timeout=240).stdout


def uv(*words, cwd=HERE):
    return (
        run(sys.executable, "-m", "uv", *words, cwd=cwd) if shutil.which("uv") is None else run("uv", *words, cwd=cwd)
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    uv("build", "--wheel", "--quiet", "--out-dir", str(folder))
    (built,) = folder.glob("companion-*.whl")
    return built


def test_wheel_brings_what_an_operator_needs(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    carried = {name.split("/data/share/companion/")[1] for name in names if "/data/share/companion/" in name}
    assert carried >= {f"deploy/{file.name}" for file in (HERE / "deploy").iterdir()}
    assert "services/relay/openapi.json" in names


def test_service_runs_on_what_the_hashes_allow_and_nothing_else(wheel, tmp_path):
    home = tmp_path / "opt"
    uv("venv", "--quiet", "--python", sys.executable, str(home))
    python = home / "bin" / "python"
    pip = ("pip", "install", "--quiet", "--python", str(python))
    uv(*pip, "--require-hashes", "--requirements", str(RELAY), cwd=tmp_path)
    uv(*pip, "--no-index", "--no-deps", str(wheel), cwd=tmp_path)
    assert (home / "share" / "companion" / "deploy" / "Caddyfile").exists()
    process = RelayProcess(tmp_path / "data", program=(str(home / "bin" / "companion-relay"),))
    process.start()
    try:
        assert httpx.get(process.url + "/readyz", trust_env=False).json() == {"status": "ok", "wrong": []}
    finally:
        assert process.stop() == ""


def test_hashed_versions_are_those_that_we_test_with():
    pinned = dict(re.findall(r"^([a-z0-9-]+)==([^ ]+)", RELAY.read_text("utf-8"), flags=re.M))
    project = tomllib.loads((HERE / "pyproject.toml").read_text("utf-8"))
    extras = project["project"]["optional-dependencies"]
    ours = [*project["project"]["dependencies"], *extras["relay"], *extras["postgres"]]
    ours += project["tool"]["uv"]["constraint-dependencies"]
    named = dict(pin.groups() for line in ours if (pin := re.match(r"([a-z0-9-]+)==([^ ;]+)", line)))
    assert {name: named.get(name) for name in pinned} == pinned
    assert {line.split("==")[0] for line in (*extras["relay"], *extras["postgres"])} <= pinned.keys()


def test_guide_installs_nothing_of_ours_by_name_from_an_index():
    for path in (HERE / "README.md", *(HERE / "docs").glob("*.md"), *(HERE / "deploy").iterdir()):
        for line in path.read_text("utf-8").splitlines():
            if "pip install" in line or "uv add" in line:
                assert not re.search(r"""pip install [^&]*[\s'"]companion(\[|['"]|\s|$)""", line), (path.name, line)
