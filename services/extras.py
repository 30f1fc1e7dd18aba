"""Extras of the installation: what of them is missing here, and how to get it.

Must not know what an extra is for. The name `companion` is somebody else's on the package index, so packages are named
one by one, in the versions that this installation was made for.
"""

import sys
from collections.abc import Iterable
from importlib import import_module
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

DESKTOP, RELAY = "desktop", "relay"
BROWSER = ("uvicorn", "flet_web.fastapi", "services.heads")
"""What the app's own server is made of, beside what is always there."""


def missing(modules: Iterable[str]) -> str:
    """Load these modules; return the name of the first that is not installed, or of one that it needs, or nothing."""
    for name in modules:
        try:
            import_module(name)
        except ModuleNotFoundError as error:
            return error.name or name
    return ""


def install_command(extra: str) -> str:
    """Return the command that installs what an extra names, by hashes where the installation has a list of them."""
    listed = Path(sys.prefix) / "share" / "companion" / "deploy" / f"{extra}.txt"
    if listed.exists():
        return f'"{sys.executable}" -m pip install --require-hashes -r "{listed}"'
    try:
        named = requires("companion") or []
    except PackageNotFoundError:  # run from its files, without an installation
        return "python3 -m uv sync --all-extras"
    packages = [one.split(";")[0].strip() for one in named if f"extra == '{extra}'" in one]
    return f'"{sys.executable}" -m pip install {" ".join(packages)}'
