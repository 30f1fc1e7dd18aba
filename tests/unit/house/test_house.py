"""What the repository promises about itself."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

import companion

ROOT = Path(__file__).resolve().parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
OLDER_ON_PHONES = ("cryptography", "pillow")
ROOMS = ("companion", "services", "views")
LINES = 400
PACKAGES = sorted({file.parent.relative_to(ROOT) for room in ROOMS for file in (ROOT / room).rglob("*.py")})
NO_PHONE_WHEELS = {"apsw", "uvloop", "httptools", "watchfiles", "playwright", "pydantic-core"}


def test_version_is_said_once() -> None:
    assert PROJECT["project"]["version"] == companion.__version__


def test_everything_we_name_is_pinned() -> None:
    groups = [PROJECT["project"]["dependencies"], PROJECT["dependency-groups"]["dev"]]
    groups += PROJECT["project"]["optional-dependencies"].values()
    for requirement in (r for group in groups for r in group):
        name = re.split(r"[=<>\[;]", requirement)[0]
        assert "==" in requirement or name in ("companion", *OLDER_ON_PHONES), requirement


def test_what_is_older_on_phones_is_fixed_for_everybody_else() -> None:
    fixed = {re.split("==", constraint)[0] for constraint in PROJECT["tool"]["uv"]["constraint-dependencies"]}
    assert set(OLDER_ON_PHONES) <= fixed


def test_all_flet_packages_are_of_one_version() -> None:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    assert set(re.findall(r'"flet[a-z-]*==([0-9.]+)"', text)) == {"1.0.5"}


def test_phones_get_nothing_that_they_cannot_load() -> None:
    named = {re.split(r"[=<>\[;]", r)[0] for r in PROJECT["project"]["dependencies"]}
    assert not named & NO_PHONE_WHEELS
    assert "cryptography>=48" in PROJECT["project"]["dependencies"]


def test_app_bundles_leave_out_what_is_not_the_app() -> None:
    excluded = set(PROJECT["tool"]["flet"]["app"]["exclude"])
    assert {"tests", "docs", "benchmarks", "services/relay"} <= excluded
    assert all((ROOT / name).exists() for name in excluded - {"build", "dist", "shots", "uv.lock"})


def test_permissions_are_those_of_the_features() -> None:
    flet = PROJECT["tool"]["flet"]
    assert set(flet["permissions"]) == {"microphone", "biometric"}
    assert "NSMicrophoneUsageDescription" in flet["ios"]["info"]
    assert flet["android"]["permission"]["android.permission.POST_NOTIFICATIONS"]


def test_core_needs_nothing_from_the_relay() -> None:
    for file in (*(ROOT / "views").rglob("*.py"), *(ROOT / "companion").rglob("*.py")):
        assert "services.relay" not in file.read_text("utf-8"), file


@pytest.mark.parametrize("package", PACKAGES, ids=str)
def test_every_package_says_what_it_owns_and_what_it_must_not_know(package: Path) -> None:
    said = ast.get_docstring(ast.parse((ROOT / package / "__init__.py").read_text("utf-8"))) or ""
    assert re.search(r"\bowns\b", said, re.IGNORECASE), f"{package} does not say what it owns"
    assert re.search(r"\bmust\s+not\s+know\b", said, re.IGNORECASE), f"{package} does not say what it must not know"


def test_no_file_is_longer_than_one_can_keep_in_mind() -> None:
    folders = (*ROOMS, "benchmarks", "tests")
    files = [ROOT / "main.py", ROOT / "tasks.py", *(file for name in folders for file in (ROOT / name).rglob("*.py"))]
    lengths = {str(file.relative_to(ROOT)): len(file.read_text("utf-8").splitlines()) for file in files}
    assert {name: length for name, length in lengths.items() if length > LINES} == {}


def imported_at_start(file: Path) -> set[Path]:
    """Return the files of ours that a module imports as it is loaded itself."""
    found = set()
    for node in ast.parse(file.read_text("utf-8")).body:
        names = []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(f"{node.module}.{one.name}" for one in node.names)]
        elif isinstance(node, ast.Import):
            names = [one.name for one in node.names]
        for name in names:
            path = ROOT / name.replace(".", "/")
            found |= {one for one in (path.with_suffix(".py"), path / "__init__.py") if one.exists()}
    return found


def test_nothing_that_a_phone_loads_was_left_out_of_its_build() -> None:
    left_out = [ROOT / name for name in PROJECT["tool"]["flet"]["app"]["exclude"]]
    seen, ahead = set(), {ROOT / "main.py"}
    while ahead:
        file = ahead.pop()
        seen.add(file)
        ahead |= imported_at_start(file) - seen
    assert len(seen) > 200
    assert not [file for file in seen if any(one in (file, *file.parents) for one in left_out)]
