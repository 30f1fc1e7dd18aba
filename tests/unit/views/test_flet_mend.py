"""The mend of Flet: where it applies, what it leaves alone, and that it can be taken back."""

import logging

import flet.version
import pytest
from flet.controls.object_patch import DiffBuilder
from flet.messaging.protocol import Message, MessageAction

import main
from views import flet_mend

METHODS = ((DiffBuilder, "get_added_controls"), (DiffBuilder, "get_removed_controls"), (Message, "__repr__"))


def methods():
    return [vars(owner)[name] for owner, name in METHODS]


RELEASED = methods()


@pytest.fixture
def another_flet(monkeypatch):
    monkeypatch.setattr(flet.version, "__version__", "1.0.6")


@pytest.fixture
def as_released():
    """Flet without the mend; afterwards as the other tests of this process have it."""
    before = methods()
    put(RELEASED)
    yield RELEASED
    put(before)


def put(those):
    for (owner, name), method in zip(METHODS, those, strict=True):
        setattr(owner, name, method)


def test_mend_can_be_taken_back(as_released):
    undo = flet_mend.apply()
    assert all(mended is not original for mended, original in zip(methods(), as_released, strict=True))
    undo()
    assert methods() == as_released


def test_another_flet_is_refused_and_left_as_it_is(as_released, another_flet):
    with pytest.raises(flet_mend.FletIsAnother, match=r"1\.0\.6"):
        flet_mend.apply()
    assert methods() == as_released


def test_app_starts_with_another_flet_and_says_so_in_one_line(as_released, another_flet, caplog):
    with caplog.at_level(logging.WARNING):
        main.mend_flet()
    assert len(caplog.records) == 1
    assert "1.0.6" in caplog.text


def test_app_mends_the_flet_it_was_tested_with(as_released, caplog):
    main.mend_flet()
    assert vars(DiffBuilder)["get_removed_controls"] is flet_mend.removed_controls
    assert not caplog.records


def test_message_is_named_without_its_words(as_released):
    flet_mend.apply()
    assert f"{Message(MessageAction.PATCH_CONTROL, {'value': 'a private line'})}" == "Message(PATCH_CONTROL)"
