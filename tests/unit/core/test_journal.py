"""Entries: what they hold, and how older ones become entries of today."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from companion import journal
from companion.app.upgrades import STEPS
from companion.attachments import Attachment
from companion.crypto.keyslots import KdfParameters
from companion.errors import UsageError
from companion.journal import TABLE, Entry
from companion.ports import Change, Put
from services.store.migrations import Migrations
from services.store.vault import SealedVault

GOLDEN = json.loads((Path(__file__).parents[2] / "data" / "journal_v1.json").read_text("utf-8"))
QUICK = KdfParameters(t=1, m_kib=8)
PICTURE = Attachment(
    id="b1" * 16,
    kind="picture",
    media_type="image/jpeg",
    blob={"id": "c1" * 16},
    size_bytes=12,
    at_ms=5,
    width=3,
    height=4,
)
FULL = Entry(
    id="a1" * 16,
    day="2026-11-30",
    text="words",
    created_ms=1,
    changed_ms=2,
    prompt="Why?",
    template="win",
    mood=1,
    energy=5,
    connection=3,
    tags=("rota", "team"),
    attachments=(PICTURE,),
    is_past_hidden=True,
    others={"weather": "rain"},
)


def test_every_field_reads_back() -> None:
    assert Entry.from_doc(json.loads(json.dumps(FULL.to_doc()))) == FULL


def test_an_entry_of_version_1_becomes_one_of_version_2() -> None:
    doc = Migrations(STEPS).migrate(TABLE, dict(GOLDEN))
    assert doc == {
        **GOLDEN,
        "_v": 2,
        "template": None,
        "mood": None,
        "energy": None,
        "connection": None,
        "tags": [],
        "attachments": [],
        "is_past_hidden": False,
    }
    assert Entry.from_doc(doc).others == {"from_a_newer_app": {"deep": [None, True, 1.5]}}
    assert Entry.from_doc(doc).to_doc() == doc


async def test_a_store_of_version_1_opens_with_its_entries(tmp_path: Path) -> None:
    old = SealedVault(tmp_path, kdf=QUICK)
    store, _ = await old.create("green chair by the window", bytes(32))
    await store.commit(Change(put=(Put(TABLE, GOLDEN),)))
    await store.close()
    store, _ = await SealedVault(tmp_path, migrations=Migrations(STEPS)).unlock(recovery=bytes(32))
    (doc,) = await store.all(TABLE)
    assert doc["_v"] == journal.VERSION
    assert Entry.from_doc(doc).text == GOLDEN["text"]
    while await store.idle():
        pass
    await store.close()
    store, _ = await SealedVault(tmp_path).unlock(recovery=bytes(32))
    assert [doc["_v"] for doc in await store.all(TABLE)] == [journal.VERSION]
    await store.close()


def fresh(**values: object) -> Entry:
    return Entry(id="a1" * 16, day="2026-11-23", **{"text": "", "created_ms": 5, "changed_ms": 5, **values})


def test_a_change_keeps_day_and_birth_and_all_it_does_not_name() -> None:
    later = journal.change(FULL, 9, text="two", mood=None)
    assert later == replace(FULL, text="two", mood=None, changed_ms=9)


def test_clock_that_runs_backwards_does_not_age_an_entry() -> None:
    assert journal.change(fresh(), 1, text="x").changed_ms == 5


@pytest.mark.parametrize(
    "values", [{"text": "x"}, {"mood": 1}, {"tags": ("a",)}, {"attachments": (PICTURE,)}, {"connection": 5}]
)
def test_anything_on_a_page_makes_it_no_blank_one(values: dict[str, object]) -> None:
    assert not fresh(**values).is_blank
    assert fresh(text=" \n", prompt="Why?", template="win").is_blank


def test_tags_are_kept_in_one_form_once_and_not_too_many() -> None:
    assert journal.with_tag((), "  #Rota   Plan ") == ("rota plan",)
    assert journal.with_tag(("rota",), "ROTA") == ("rota",)
    assert journal.with_tag(("rota",), " # ") == ("rota",)
    assert len(journal.tag_of("x" * 99)) == journal.TAG_LIMIT
    many = tuple(map(str, range(journal.TAGS_LIMIT)))
    assert journal.with_tag(many, "one more") == many


@pytest.mark.parametrize("level", [0, 6, -1])
def test_a_mark_goes_from_1_to_5(level: int) -> None:
    with pytest.raises(ValueError, match="1 to 5"):
        Entry(id="a", day="d", text="", created_ms=1, changed_ms=1, mood=level)


@pytest.mark.parametrize(
    "change",
    [{"kind": "film"}, {"blob": None}, {"width": -1}, {"at_ms": "5"}, {"kind": "sound"}, {"caption": "x" * 201}],
)
def test_what_is_no_attachment_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        Attachment.from_doc({**PICTURE.to_doc(), **change})


def test_sound_knows_its_length() -> None:
    sound = Attachment(
        id="b2" * 16,
        kind="sound",
        media_type="audio/pcm",
        blob={},
        size_bytes=64_000,
        at_ms=1,
        sample_rate_hz=16_000,
        channels=1,
    )
    assert sound.length_ms == 2000
    assert Attachment.from_doc(sound.to_doc()) == sound
