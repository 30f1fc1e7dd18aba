"""The mend of Flet: where it applies, what it leaves alone, and that it can be taken back."""

import dataclasses
import logging

import flet as ft
import flet.version
import pytest
from flet.controls import base_control
from flet.controls.object_patch import DiffBuilder
from flet.messaging.protocol import Message, MessageAction

import main
from views import flet_mend

METHODS = (
    (DiffBuilder, "get_added_controls"),
    (DiffBuilder, "get_removed_controls"),
    (Message, "__repr__"),
    (base_control, "get_event_field_type"),
)


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


def every_event():
    """Every event of every control that Flet has, on a control that was never begun."""
    for name in ft.__all__:
        getattr(ft, name)  # Flet brings them when they are asked for
    kinds, found = [base_control.BaseControl], []
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        if dataclasses.is_dataclass(kind):
            names = [field.name for field in dataclasses.fields(kind) if field.name.startswith("on_")]
            found += [(object.__new__(kind), name) for name in (*names, "on_nothing_that_is_known")]
    return found


def type_of(control, event):
    """Ask as a control asks: names are looked up in what surrounds the call, too."""
    try:
        names = {"control": control, "event": event}
        return eval("get_event_field_type(control, event)", vars(base_control), names)  # noqa: S307  # our own words
    except RuntimeError as error:
        return str(error)


def test_every_event_of_every_control_has_the_type_that_it_has_in_the_released_flet(as_released):
    events = every_event()
    released = [type_of(*event) for event in events]
    assert len({kind for kind in released if isinstance(kind, type)}) > 10
    flet_mend.apply()
    for _ in range(2):
        assert [type_of(*event) for event in events] == released


def test_the_type_of_an_event_is_looked_for_once_for_a_kind_of_control():
    asked = []
    look = flet_mend.event_types(lambda control, event: asked.append((control, event)))
    first, second, other = ft.Text(), ft.Text(), ft.TextField()
    for control in (first, second, other):
        look(control, "on_tap")
    look(second, "on_change")
    assert asked == [(first, "on_tap"), (other, "on_tap"), (second, "on_change")]
