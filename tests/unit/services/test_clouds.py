"""A data folder that is copied to other computers is said, before anything is written there."""

import json
from pathlib import Path

import pytest

from services.clouds import NETWORK, OTHER_DRIVE, is_remote, kind_of_mount, read_mount, read_mountinfo, shared_by
from services.doctor import _data
from tests.fakes import ASSETS, Desk
from tests.ui.people import opened
from views.words.texts import load_texts

HOME = Path("/people/hazel")
PLACES = {
    "OneDrive": "OneDrive",
    "OneDrive - North Practice": "OneDrive",
    "Library/CloudStorage/OneDrive-NorthPractice": "OneDrive",
    "Dropbox": "Dropbox",
    "Dropbox (Personal)": "Dropbox",
    "Library/CloudStorage/Dropbox": "Dropbox",
    "Library/Mobile Documents/com~apple~CloudDocs": "iCloud Drive",
    "iCloudDrive": "iCloud Drive",
    "Google Drive": "Google Drive",
    "Library/CloudStorage/GoogleDrive-hazel@example.org/My Drive": "Google Drive",
    "Nextcloud": OTHER_DRIVE,
    ".local/share": "",
    "Library/Application Support": "",
    "AppData/Local": "",
    "dropboxes of paper": "",
}


@pytest.mark.parametrize("place", PLACES)
def test_a_folder_of_a_cloud_drive_is_told_by_its_name(place):
    assert shared_by(HOME / place / "companion" / "profiles" / "me", {}, HOME) == PLACES[place]


def test_the_name_of_a_home_says_nothing():
    home = Path("/people/dropbox")
    assert shared_by(home / ".local/share/companion", {}, home) == ""


@pytest.mark.parametrize(
    ("mark", "name"),
    [(".dropbox.cache/x", "Dropbox"), (".tmp.driveupload/x", "Google Drive"), (".stfolder/x", OTHER_DRIVE)],
)
def test_a_folder_of_another_name_is_told_by_the_drives_mark(tmp_path, mark, name):
    (tmp_path / "work" / mark).parent.mkdir(parents=True)
    assert shared_by(tmp_path / "work" / "companion", {}, HOME) == name


def test_the_settings_of_a_drive_in_somebodys_home_are_no_mark(tmp_path):
    (tmp_path / ".dropbox").mkdir()
    assert shared_by(tmp_path / ".local/share/companion", {}, tmp_path) == ""


def test_a_folder_of_another_name_is_told_by_what_the_drive_has_written_down(tmp_path):
    (tmp_path / ".dropbox").mkdir()
    (tmp_path / ".dropbox" / "info.json").write_text(json.dumps({"personal": {"path": str(tmp_path / "work")}}))
    assert shared_by(tmp_path / "work" / "companion", {}, tmp_path) == "Dropbox"
    assert shared_by(tmp_path / "other" / "companion", {}, tmp_path) == ""


def test_windows_says_where_onedrive_lies(tmp_path):
    environment = {"OneDrive": str(tmp_path / "Practice files")}
    assert shared_by(tmp_path / "Practice files" / "companion", environment, HOME) == "OneDrive"


@pytest.mark.parametrize("damaged", ["[]", "{", '{"personal": 3}', '{"personal": {"path": 3}}', "[" * 100_000])
def test_a_damaged_file_of_a_drive_says_nothing(tmp_path, damaged):
    (tmp_path / ".dropbox").mkdir()
    (tmp_path / ".dropbox" / "info.json").write_text(damaged)
    assert shared_by(tmp_path / "companion", {}, tmp_path) == ""


def test_a_link_into_a_cloud_drive_is_followed(tmp_path):
    (tmp_path / "Dropbox").mkdir()
    (tmp_path / "plain").symlink_to(tmp_path / "Dropbox")
    assert shared_by(tmp_path / "plain" / "companion", {}, HOME) == "Dropbox"


MOUNTINFO = r"""25 30 0:23 / / rw shared:1 - ext4 /dev/sda1 rw
90 25 0:55 / /srv/our\040practice rw shared:9 - nfs4 server:/export rw
91 90 0:56 / /srv/our\040practice/local rw shared:9 - ext4 /dev/sdb1 rw
92 25 0:57 / /mnt/ann rw - fuse.rclone drive: rw
"""


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("/srv/our practice/companion", "nfs4"),
        ("/srv/our practice/local/companion", "ext4"),
        ("/srv/our practices/companion", "ext4"),
        ("/mnt/ann/companion", "fuse.rclone"),
    ],
)
def test_linux_says_which_mount_a_folder_lies_on(place, kind):
    assert kind_of_mount(Path(place), read_mountinfo(MOUNTINFO)) == kind


def test_a_mac_says_which_mount_a_folder_lies_on():
    said = "/dev/disk3s1 on / (apfs, local)\n//hazel@nas/home on /Volumes/home (smbfs, nodev, mounted by hazel)\n"
    mounts = read_mount(said)
    assert kind_of_mount(Path("/Volumes/home/companion"), mounts) == "smbfs"
    assert kind_of_mount(Path("/Users/hazel"), mounts) == "apfs"


def test_a_network_share_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("services.clouds._mounts", lambda: (("/", "ext4"), (str(tmp_path), "cifs")))
    assert is_remote(tmp_path / "companion")
    assert shared_by(tmp_path / "companion", {}, HOME) == NETWORK


def test_this_folder_lies_on_this_computer(tmp_path):
    assert shared_by(tmp_path / "companion", {}, HOME) == ""


def test_the_doctor_says_that_a_folder_is_copied(tmp_path):
    said: list[str] = []
    assert _data(tmp_path / "Dropbox" / "companion", load_texts(ASSETS / "words"), said.append)
    assert any("Dropbox" in line and "overwrite" in line for line in said)
    said.clear()
    _data(tmp_path / "companion", load_texts(ASSETS / "words"), said.append)
    assert not any("overwrite" in line for line in said)


@pytest.mark.parametrize("shared", ["OneDrive", NETWORK, OTHER_DRIVE, ""])
async def test_the_first_start_says_that_a_folder_is_copied_before_anything_is_written(shared):
    desk = Desk()
    desk.window.shared_by = shared
    async with opened(desk) as app:
        warned = [text for text in app.texts() if "overwrite your words" in text]
        assert len(warned) == bool(shared)
        assert not shared or shared in (NETWORK, OTHER_DRIVE) or shared in warned[0]
