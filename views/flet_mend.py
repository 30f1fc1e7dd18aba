"""Mends what costs most of the time in Flet 1.0.5 (docs/decisions/0006), from outside, and nothing else.

It owns faster twins of two methods of Flet's diff, the same controls in the same order with the same side effects; a
short `repr` for messages; and a memory of what type each event has. It knows no screen of ours. `main.py` applies it
once, before the first page.
"""

import dataclasses
import inspect
import weakref
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import flet.version
from flet.controls import base_control
from flet.controls.object_patch import DiffBuilder, ObjectPatchException, _control_setattr
from flet.controls.value_types import Prop
from flet.messaging.protocol import Message

from companion.errors import CompanionError

VERSION = "1.0.5"
SCALARS = frozenset({str, int, float, bool, bytes, type(None)})


class FletIsAnother(CompanionError):
    """This Flet is not the version that the mend was written and tested for: nothing was changed."""


def apply() -> Callable[[], None]:
    """Mend Flet for the whole process; return what puts the original back.

    Raises: FletIsAnother, and Flet stays as it is.
    """
    if flet.version.__version__ != VERSION:
        raise FletIsAnother(f"Flet {flet.version.__version__} is here, the mend is for {VERSION}")
    mended: list[tuple[object, str, object]] = [
        (DiffBuilder, "get_added_controls", added_controls),
        (DiffBuilder, "get_removed_controls", removed_controls),
        (Message, "__repr__", brief),
        (base_control, "get_event_field_type", event_types(vars(base_control)["get_event_field_type"])),
    ]
    originals = [(owner, name, vars(owner)[name]) for owner, name, _ in mended]
    _put(mended)
    return lambda: _put(originals)


def _put(methods: list[tuple[object, str, object]]) -> None:
    for owner, name, method in methods:
        setattr(owner, name, method)


def brief(message: Message) -> str:
    """Name a message without its body: the browser's transport formats every one for a line it does not log."""
    return f"Message({message.action.name})"


def event_types(resolve: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
    """Return what resolves the type of a control's event once for each class: it lies in the class alone."""
    known: dict[tuple[type, str], Any] = {}

    def event_type(control: Any, field: str) -> Any:
        key = (type(control), field)
        if key not in known:
            known[key] = resolve(control, field)
        return known[key]

    return event_type


def added_controls(diff: DiffBuilder) -> list[Any]:
    """Make ready what came into the tree and return its controls, each before those inside it."""
    found: list[Any] = []
    for key, item in diff._added_dataclasses.items():
        if key in diff._removed_dataclasses:  # one that took another's place: what is inside comes by itself
            _make_ready(item, None, False, diff.control_cls, found, into=False)
        else:
            _take_in(item, None, False, diff.control_cls, found)
    return found


def _take_in(item: Any, parent: Any, frozen: bool, control: Any, found: list[Any]) -> None:
    if type(item) in SCALARS:
        return
    if dataclasses.is_dataclass(item):
        _make_ready(item, parent, frozen, control, found)
    elif isinstance(item, dict):
        for value in item.values():
            _take_in(value, parent, frozen, control, found)
    elif isinstance(item, list):
        for value in item:
            _take_in(value, parent, frozen, control, found)


def _make_ready(item: Any, parent: Any, frozen: bool, control: Any, found: list[Any], *, into: bool = True) -> None:
    """Give an item its parent, let it build, go into what it holds, and start to note its changes."""
    if parent is None:
        known = getattr(item, "_parent", None)
        parent = known and known()
    if parent:
        if parent is item:
            raise ObjectPatchException(f"Parent is the same as item: {item}")
        item._parent = weakref.ref(parent)
    if hasattr(item, "_frozen"):
        frozen = item._frozen
    elif frozen:
        item._frozen = frozen
    kind: Any = type(item)
    if getattr(kind, "__flet_control_cls__", None) is None:
        kind.__flet_control_cls__ = control
    if isinstance(item, control):
        if into:
            item.build()
            item._before_update_safe()
            object.__setattr__(item, "_initialized", True)
        found.append(item)
        parent = item
    if into:
        for value in _held(item):
            _take_in(value, parent, frozen, control, found)
    if not frozen:
        _note_changes(item, kind)


def _note_changes(item: Any, kind: Any) -> None:
    dirty = getattr(item, "_dirty", None)
    if dirty is not None:
        dirty.clear()
        return
    if kind.__setattr__ is not _control_setattr:
        kind.__setattr__ = _control_setattr
    object.__setattr__(item, "__changes", {})


def removed_controls(diff: DiffBuilder) -> list[Any]:
    """Return the controls that left the tree, each after those inside it."""
    found: list[Any] = []
    for key, item in diff._removed_dataclasses.items():
        _take_out(item, key not in diff._added_dataclasses, diff.control_cls, found)
    return found


def _take_out(item: Any, into: bool, control: Any, found: list[Any]) -> None:
    """Go by what was last sent, where that is known; else by the fields, if `into`."""
    if type(item) in SCALARS:
        return
    if isinstance(item, control):
        sent = item.__dict__
        if "__prev_lists" in sent:
            for name in ("__prev_lists", "__prev_dicts", "__prev_classes"):
                _take_out(sent.get(name), into, control, found)
        elif into:
            for value in _held(item):
                _take_out(value, into, control, found)
        found.append(item)
    elif isinstance(item, dict):
        for value in item.values():
            _take_out(value, into, control, found)
    elif isinstance(item, list):
        for value in item:
            _take_out(value, into, control, found)


def _held(item: Any) -> list[Any]:
    """Return the values of an item that may hold a control, in the order of its fields.

    Most fields of a control are properties that keep only what differs from a default: those need no look.
    """
    kind: Any = type(item)
    place, sparse, always = _fields(kind)
    names: Sequence[str] = always
    if sparse:
        given = [name for name, value in item._values.items() if name in sparse and type(value) not in SCALARS]
        if given:
            names = sorted((*always, *given), key=place.__getitem__)
    return [getattr(item, name) for name in names]


@cache
def _fields(kind: Any) -> tuple[dict[str, int], frozenset[str], tuple[str, ...]]:
    """Return the place of each field, which of them keep only what is given, and which must be read always."""
    names = [field.name for field in dataclasses.fields(kind) if not field.metadata.get("skip", False)]
    always = tuple(name for name in names if not _is_sparse(inspect.getattr_static(kind, name, None)))
    return {name: number for number, name in enumerate(names)}, frozenset(names) - frozenset(always), always


def _is_sparse(attribute: object) -> bool:
    if not isinstance(attribute, Prop):
        return False
    return not (isinstance(attribute.default, (dict, list)) or dataclasses.is_dataclass(attribute.default))
