"""What we build on: are there known holes in it, and under which licences is it? `tasks.py audit licences` runs this.

The advisories of the day come from the package index, through pip-audit. Where nobody answers that, those of 2021 that
a package carries are asked, and it is said that this is not the same.
"""

import json
import re
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ASK_S = 120
ALLOWED = re.compile(
    r"apache|bsd|mit\b|isc\b|mpl[- ]?2|mozilla public license 2|python software foundation|psf|hpnd|unlicense|zlib",
    re.IGNORECASE,
)
SEEN = {
    "apsw": "any licence that the OSI lists, as its author says",
    "flet-local-auth": "Apache-2.0, by the text that it brings",
    "flet-secure-storage": "Apache-2.0, by the text that it brings",
}
"""Packages whose metadata name none, looked up by hand."""

DENIED = re.compile(r"\b(a?gpl|gnu (affero )?general public)", re.IGNORECASE)


def audit(requirements: Path) -> int:
    """Return 1 if one of these pinned versions has a known hole."""
    pinned = _pins(requirements)
    found, unanswered = _ask_index(requirements)
    asked = len(pinned) - len(unanswered)
    if unanswered:
        print(f"NOT ASKED: the index gives no advisories for {len(unanswered)} of {len(pinned)} packages.")
        print("Only those that safety-db of July 2021 carries were asked for them; run this where the index answers.")
        found += _ask_carried([one for one in pinned if one.name in unanswered])
    print(f"advisories of the day: {asked} packages; known holes: {len(found)}")
    for line in found:
        print("  " + line)
    return 1 if found else 0


def _ask_index(requirements: Path) -> tuple[list[str], set[str]]:
    """Return what pip-audit finds, and the packages about which nobody answered."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        command = [sys.executable, "-m", "pip_audit", "--requirement", str(requirements), "--no-deps", "--disable-pip"]
        options = ["--progress-spinner", "off", "--timeout", "5", "--format", "json", "--output", str(answer)]
        try:
            subprocess.run([*command, *options], timeout=ASK_S, capture_output=True, check=False)
            dependencies = json.loads(answer.read_text("utf-8"))["dependencies"]
        except (subprocess.TimeoutExpired, OSError, ValueError, KeyError):
            dependencies = []
    answered = {one["name"] for one in dependencies if "vulns" in one}
    holes = [f"{one['name']} {one['version']}: {v['id']}" for one in dependencies for v in one.get("vulns", ())]
    return holes, {one.name for one in _pins(requirements)} - answered


def _pins(requirements: Path) -> list[Requirement]:
    lines = requirements.read_text("utf-8").splitlines()
    return [Requirement(line.removesuffix("\\").strip()) for line in lines if re.match(r"[a-z0-9]", line)]


def _ask_carried(pinned: list[Requirement]) -> list[str]:
    """Ask the advisories that the package safety-db carries as a file."""
    files = metadata.files("safety-db") or []
    (carried,) = [file for file in files if file.name == "insecure_full.json"]
    known = json.loads(Path(str(carried.locate())).read_text("utf-8"))
    found = []
    for one in pinned:
        version = str(one.specifier).removeprefix("==")
        for entry in known.get(one.name, ()):
            if any(SpecifierSet(spec).contains(version, prereleases=True) for spec in entry["specs"]):
                found.append(f"{one.name} {version}: {entry['cve'] or entry['id']}")
    return found


def licences(python: str, requirements: Path) -> int:
    """Print the licence of each package as it is installed for `python`; return 1 if we do not take one of them."""
    names = [one.name for one in _pins(requirements)]
    command = ["pip-licenses", "--python", python, "--from", "mixed", "--format", "json", "--packages", *names]
    listed = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    refused = []
    for one in sorted(listed, key=lambda one: str(one["Name"]).lower()):
        name, licence = str(one["Name"]), str(one["License"])
        print(f"{name} {one['Version']}: {SEEN.get(name, licence)}")
        if name not in SEEN and (DENIED.search(licence) or not ALLOWED.search(licence)):
            refused.append(name)
    print(f"licences: {len(listed)} packages; not among those we take: {', '.join(refused) or 'none'}")
    return 1 if refused else 0


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["audit", file]:
            sys.exit(audit(Path(file)))
        case ["licences", python, file]:
            sys.exit(licences(python, Path(file)))
        case _:
            sys.exit(__doc__)
