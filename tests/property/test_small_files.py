"""What stands in the small files and in the key file may be anything: it is taken, or refused with an error of ours."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from companion.crypto.keyslots import KdfParameters
from companion.errors import StoreError
from companion.farewells import DEVICE, Farewell
from companion.unlocking import Attempts, wait_ms
from services.erasing import ProfileEraser
from services.profile import THEMES, Appearance, FileTries, close_folder
from services.store.files import read_small
from services.store.keyfile import read_key_file
from services.store.store import SealedStore

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def keys(tmp_path_factory) -> dict[str, object]:
    folder = tmp_path_factory.mktemp("keys")
    kdf = KdfParameters(t=1, m_kib=8)
    SealedStore.create(folder, passphrase="correct horse battery", recovery=bytes(32), kdf=kdf).lock()
    content: dict[str, object] = json.loads((folder / "keys.json").read_text())
    return content


@QUICK
@given(data=st.data())
def test_a_key_file_with_anything_in_any_place_is_refused_with_our_errors(keys, tmp_path: Path, data) -> None:
    content = json.loads(json.dumps(keys))
    places = [(content, key) for key in content]
    places += [(content["kdf"], key) for key in content["kdf"]]
    places += [(slot, key) for slot in content["slots"] for key in slot]
    for holder, key in data.draw(st.lists(st.sampled_from(places), min_size=1, max_size=3)):
        holder[key] = data.draw(ANYTHING | st.sampled_from([1e999, -1, 2**70, "00", "zz", True]))
    (tmp_path / "keys.json").write_text(json.dumps(content))
    try:
        file = read_key_file(tmp_path)
    except StoreError:
        return
    assert file.kdf.t * file.kdf.m_kib <= 2**20


@QUICK
@given(content=st.binary(max_size=200) | ANYTHING.map(lambda value: json.dumps(value).encode()))
def test_small_files_hold_anything_and_are_read_as_what_they_say_or_as_none(tmp_path: Path, content: bytes) -> None:
    for name in ("tries.json", "appearance.json", "hazel.farewells"):
        (tmp_path / name).write_bytes(content)
    assert isinstance(read_small(tmp_path / "tries.json"), dict)
    attempts = asyncio.run(FileTries(tmp_path).load())
    assert attempts.wrong >= 0
    assert wait_ms(attempts.wrong) <= 300_000
    assert Appearance(tmp_path).load() in THEMES
    assert isinstance(asyncio.run(ProfileEraser(tmp_path / "hazel").owed()), tuple)


FAREWELL = Farewell(service="https://notes.example", device="ab" * 16, scope=DEVICE, signature=bytes(64))


@QUICK
@given(data=st.data())
def test_farewells_with_anything_in_any_place_are_left_out_and_keep_no_other_away(tmp_path: Path, data) -> None:
    doc = FAREWELL.to_doc()
    key = data.draw(st.sampled_from(sorted(doc)))
    doc[key] = data.draw(ANYTHING | st.sampled_from(["file:///x", "https://", "https://[", "ab" * 64, "\u202e"]))
    good = replace(FAREWELL, device="cd" * 16)
    text = json.dumps({"farewells": [doc, data.draw(ANYTHING), good.to_doc()]})
    (tmp_path / "hazel.farewells").write_text(text)
    kept = asyncio.run(ProfileEraser(tmp_path / "hazel").owed())
    assert good in kept
    assert all(one.service.startswith(("http://", "https://")) or one.service == "local" for one in kept)


@QUICK
@given(wrong=st.integers(-(10**30), 10**30), last_ms=st.integers(-(10**30), 10**30))
def test_tries_out_of_all_proportion_are_bounded(tmp_path: Path, wrong: int, last_ms: int) -> None:
    (tmp_path / "tries.json").write_text(json.dumps({"wrong": wrong, "last_ms": last_ms}))
    attempts = asyncio.run(FileTries(tmp_path).load())
    assert attempts == Attempts(wrong=max(0, wrong), last_ms=max(0, last_ms))
    assert 0 <= wait_ms(attempts.wrong) <= 300_000


def test_a_profile_of_release_0_1_0_is_closed_to_others_at_the_start(tmp_path: Path) -> None:
    folder, other = tmp_path / "me", tmp_path / "other.json"
    folder.mkdir()
    for file in (folder / "tries.json", folder / "appearance.json", other):
        file.write_text("{}")
        file.chmod(0o644)
    (folder / "link.json").symlink_to(other)
    folder.chmod(0o755)
    close_folder(folder)
    close_folder(tmp_path / "nobody")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()} == {
        "tries.json": 0o600,
        "appearance.json": 0o600,
        "link.json": 0o644,
    }
