"""Whether a folder is shared with other computers: by a cloud drive that copies it, or because it lies on the network.

Two computers that open copies of one store overwrite each other's words, whatever the store does. It only looks at
names, marks and mounts; it asks nobody and changes nothing.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

NETWORK: Final = "network"
OTHER_DRIVE: Final = "cloud"
"""A cloud drive whose name does not matter here."""
_NAMES: Final = (
    (re.compile(r"onedrive\b.*|skydrive"), "OneDrive"),
    (re.compile(r"dropbox\b.*"), "Dropbox"),
    (re.compile(r"iclouddrive\b.*|icloud drive|mobile documents|com~apple~clouddocs"), "iCloud Drive"),
    (re.compile(r"google ?drive\b.*|drivefs"), "Google Drive"),
    (re.compile(r"nextcloud|owncloud|pclouddrive|box sync|box-box|syncthing|cloudstorage"), OTHER_DRIVE),
)
"""Folders that these drives make, by their names in small letters."""
_MARKS: Final = {
    ".dropbox": "Dropbox",
    ".dropbox.cache": "Dropbox",
    ".849C9593-D756-4E56-8D6E-42412F2A707B": "OneDrive",
    ".tmp.drivedownload": "Google Drive",
    ".tmp.driveupload": "Google Drive",
    ".stfolder": OTHER_DRIVE,
}
"""What these drives leave in the folder that they copy, whatever it is called."""
_VARIABLES: Final = {"OneDrive": "OneDrive", "OneDriveCommercial": "OneDrive", "OneDriveConsumer": "OneDrive"}
_REMOTE: Final = re.compile(
    r"nfs\d?|cifs|smb(fs|3)?|ncpfs|afs|afpfs|9p|davfs2?|webdav|ceph|glusterfs|lustre|"
    r"fuse\.(sshfs|rclone|davfs2?|gvfsd-fuse|smbnetfs|s3fs|gcsfuse|onedriver|google-drive-ocamlfuse|cephfs|glusterfs)"
)
DRIVE_REMOTE: Final = 4


def shared_by(folder: Path, environment: Mapping[str, str] = os.environ, home: Path | None = None) -> str:
    """Return what shares a folder: the name of a cloud drive, OTHER_DRIVE, NETWORK, or nothing.

    The folder need not be there yet.
    """
    own = home or Path.home()
    places = tuple(dict.fromkeys((_absolute(folder), _resolved(folder))))
    for place in places:
        found = _by_name(place, own) or _by_mark(place) or _by_settings(place, environment, own)
        if found:
            return found
    return NETWORK if any(is_remote(place) for place in places) else ""


def _by_name(place: Path, home: Path) -> str:
    """Say it by a folder's name; one that is part of the way to somebody's home says nothing."""
    parts = place.relative_to(home).parts if place.is_relative_to(home) else place.parts
    found = [name for part in parts for form, name in _NAMES if form.fullmatch(part.lower())]
    return next((name for name in found if name != OTHER_DRIVE), found[0] if found else "")


def _by_mark(place: Path) -> str:
    for parent in (place, *place.parents):
        for mark, name in _MARKS.items():
            is_settings = mark == ".dropbox" and (parent / mark).is_dir()  # of the program, in somebody's home
            if _exists(parent / mark) and not is_settings:
                return name
    return ""


def _by_settings(place: Path, environment: Mapping[str, str], home: Path) -> str:
    """Say it by what the drives themselves have written down of their folders."""
    roots = [(environment.get(variable, ""), name) for variable, name in _VARIABLES.items()]
    programs = [environment[one] for one in ("APPDATA", "LOCALAPPDATA") if environment.get(one)]
    settings = [home / ".dropbox" / "info.json", *(Path(one) / "Dropbox" / "info.json" for one in programs)]
    roots += [(path, "Dropbox") for file in settings for path in _dropbox_folders(file)]
    return next((name for root, name in roots if root and place.is_relative_to(_absolute(Path(root)))), "")


def _dropbox_folders(file: Path) -> Iterator[str]:
    try:
        accounts = json.loads(file.read_text("utf-8"))
        for account in accounts.values():
            if isinstance(account.get("path"), str):
                yield account["path"]
    except (OSError, ValueError, AttributeError, RecursionError):
        return


def is_remote(place: Path) -> bool:
    """Whether a folder lies on another computer."""
    if sys.platform == "win32":
        import ctypes

        root = place.drive + "\\"
        return root.startswith("\\\\") or ctypes.windll.kernel32.GetDriveTypeW(root) == DRIVE_REMOTE
    return bool(_REMOTE.fullmatch(kind_of_mount(place, _mounts())))


def kind_of_mount(place: Path, mounts: Iterable[tuple[str, str]]) -> str:
    """Return the kind of file system under a folder, from pairs of a mount's place and kind; the last one counts."""
    best, kind = "", ""
    for where, what in mounts:
        if place.is_relative_to(where) and len(where) >= len(best):
            best, kind = where, what
    return kind


def _mounts() -> tuple[tuple[str, str], ...]:
    try:
        if sys.platform == "linux":
            return read_mountinfo(Path("/proc/self/mountinfo").read_text("utf-8", "replace"))
        if sys.platform == "darwin":
            said = subprocess.run(["/sbin/mount"], capture_output=True, text=True, timeout=5, check=False)
            return read_mount(said.stdout)
    except (OSError, subprocess.SubprocessError):
        return ()
    return ()


def read_mountinfo(text: str) -> tuple[tuple[str, str], ...]:
    """Read what Linux says of its mounts."""
    found = []
    for line in text.splitlines():
        before, dash, after = line.partition(" - ")
        fields, kinds = before.split(" "), after.split(" ")
        if dash and len(fields) > 4:
            found.append((re.sub(r"\\(\d{3})", lambda code: chr(int(code[1], 8)), fields[4]), kinds[0]))
    return tuple(found)


def read_mount(text: str) -> tuple[tuple[str, str], ...]:
    """Read what `mount` says on a Mac: "//me@server/share on /Volumes/share (smbfs, nodev)"."""
    return tuple((line[1], line[2]) for line in re.finditer(r"^.* on (.+) \(([^,)]+)", text, re.MULTILINE))


def _absolute(folder: Path) -> Path:
    return Path(os.path.abspath(folder))


def _resolved(folder: Path) -> Path:
    try:
        return folder.resolve()
    except (OSError, RuntimeError):
        return _absolute(folder)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False
