"""A Flet session that plays a script of trees and edits and writes down all that its diff says, sends and changes.

Two worlds that play the same script with two versions of the diff must have the same record. Uses Flet's private names.
"""

import asyncio
import dataclasses
import itertools
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any
from unittest import mock

import flet as ft
import msgpack
from flet.components.component import Component, Renderer
from flet.controls.base_control import BaseControl, skip_field
from flet.controls.context import _context_page
from flet.controls.id_counter import ControlId
from flet.controls.object_patch import ObjectPatch
from flet.messaging.connection import Connection
from flet.messaging.protocol import configure_encode_object_for_msgpack
from flet.messaging.session import Session
from flet.pubsub.pubsub_hub import PubSubHub

HOOKS = ("build", "_before_update_safe", "did_mount", "will_unmount")
MARKS = ("_frozen", "_initialized", "_dirty", "__changes", "__prev_lists", "__prev_dicts", "__prev_classes")
EDITS = (
    "title",
    "part",
    "reassign",
    "append",
    "insert",
    "pop",
    "reverse",
    "name",
    "forget",
    "inner",
    "clear",
    "rebuild",
)


@ft.value
class Frame:
    """A value of Flet's kind that may hold anything."""

    width: int = 1
    inner: Any = None


@dataclasses.dataclass(eq=False)
class Shared:
    """A default that is one object for all controls."""

    inner: Any = None


SHARED = Shared()


@ft.control("Probe")
class Probe(ft.LayoutControl):
    """A control with a field of each kind: sparse, with a value as its default, lists, dicts, and one left out."""

    last: Any = None
    title: str = ""
    framed: Any = SHARED
    part: Any = None
    parts: list[Any] = dataclasses.field(default_factory=list)
    named: dict[str, Any] = dataclasses.field(default_factory=dict)
    aside: Any = skip_field()
    built: Any = dataclasses.field(default=None, metadata={"skip": True})
    on_press: Any = None

    def build(self) -> None:
        if self.built is not None and not hasattr(self, "_frozen"):
            with Renderer().with_context():
                self.part = self.built()

    def before_update(self) -> None:
        if self.title == "grow":
            self.last = ft.Text("grown")


@dataclasses.dataclass
class Undecorated(Probe):
    """Made without Flet's decorator, so its fields are no properties of Flet's."""

    title: str = "plain"
    extra: Any = None


class Wire(Connection):
    """Keeps each message as the bytes that would leave."""

    def __init__(self) -> None:
        super().__init__()
        self.executor = ThreadPoolExecutor(1)
        self.pubsubhub = PubSubHub(loop=asyncio.get_running_loop(), executor=self.executor)
        self.sent: list[bytes] = []

    def send_message(self, message: Any) -> None:
        encode = configure_encode_object_for_msgpack(BaseControl)
        self.sent.append(msgpack.packb([message.action, message.body], default=encode))


class World:
    """One session with a page: a part that is edited in place, and one that a component renders."""

    def __init__(self, before: Any, rendered: Any) -> None:
        @dataclasses.dataclass
        class Plain:
            """A dataclass that Flet does not know; made anew, as the diff changes the class too."""

            note: str = ""
            inner: Any = None

        vars(SHARED).clear()
        SHARED.inner = None
        self.plain, self.record, self.turn = Plain, [], 0
        self.seen: dict[int, Any] = {}
        show = ft.component(lambda choices: self.make(choices[self.turn % len(choices)]))
        self.show = {False: show, True: ft.memo(show)}
        self.wire = Wire()
        self.session = Session(self.wire)
        self.page = self.session.page
        _context_page.set(self.page)
        self.session.apply_page_patch({"route": "/", "width": 390, "height": 844})
        self.wire.sent.append(msgpack.packb(self.session.get_page_patch(), default=_encode()))
        with Renderer().with_context():
            parts = [self.make(before), self.make(("component", False, (rendered,)))]
        self.page.views = [ft.View(controls=parts)]
        self.page.update()
        self._note("start")

    def make(self, spec: Any) -> Any:
        """Build what a spec describes."""
        kind, *rest = spec
        if kind == "text":
            return ft.Text(rest[0], key=rest[1])
        if kind == "column":
            return ft.Column([self.make(each) for each in rest[0]], key=rest[1])
        if kind == "container":
            return ft.Container(self.make(rest[0]), key=rest[1], padding=4, shadow=ft.BoxShadow(blur_radius=1))
        if kind == "component":
            return self.show[rest[0]](rest[1])
        if kind == "frame":
            return Frame(inner=self.make(rest[0]))
        if kind == "plain":
            return self.plain(inner=self.make(rest[0]))
        if kind == "dict":
            return {name: self.make(each) for name, each in rest[0]}
        if kind == "list":
            return [self.make(each) for each in rest[0]]
        if kind == "number":
            return rest[0]
        return self._probe(*rest)

    def _probe(self, title: str, key: str | None, part: Any, parts: Any, named: Any, how: str) -> Probe:
        probe = (Undecorated if how == "undecorated" else Probe)(
            title=title,
            key=key,
            parts=[self.make(each) for each in parts],
            named={name: self.make(each) for name, each in named},
            aside=ft.Text("never looked at"),
            on_press=print,
        )
        if how == "built":
            probe.built = lambda: self.make(part)
        elif how == "undecorated":
            probe.extra = self.make(part)
        elif how == "last":
            probe.last, probe.framed = self.make(part), Frame(inner=ft.Text("framed"))
        else:
            probe.part = self.make(part)
        if how == "frozen":
            probe._frozen = True
        return probe

    def play(self, step: Any) -> None:
        """Take one step of the script. What Flet refuses is part of the record."""
        kind, *rest = step
        try:
            if kind == "turn":
                self.turn += 1
                components = [each for each in self.reach() if isinstance(each, Component)]
                components[rest[0] % len(components)].update()
            else:
                probes = [each for each in self.reach() if isinstance(each, Probe)]
                for number, edit, spec in rest[0] if probes else ():
                    self._edit(probes[number % len(probes)], edit, spec)
                self.page.update()
        except Exception as error:
            self.record.append(("refused", type(error).__name__))
        self._note(kind)

    def _edit(self, probe: Probe, edit: str, spec: Any) -> None:
        with Renderer().with_context():
            made = self.make(spec)
        if edit == "title":
            probe.title = str(spec)
        elif edit == "part":
            probe.part = made
        elif edit == "reassign":
            probe.parts = [*probe.parts[1:], made]
        elif edit == "append":
            probe.parts.append(made)
        elif edit == "insert":
            probe.parts.insert(0, made)
        elif edit == "pop" and probe.parts:
            probe.parts.pop(0)
        elif edit == "reverse":
            probe.parts.reverse()
        elif edit == "name":
            probe.named["new"] = made
        elif edit == "forget" and probe.named:
            probe.named.popitem()
        elif edit == "inner" and hasattr(probe.part, "inner"):
            probe.part.inner = made
        elif edit == "clear":
            probe.part = None
        elif edit == "rebuild":  # new objects under the old keys
            probe.parts = [_like(each, made) for each in probe.parts]

    def reach(self) -> list[Any]:
        """Return all objects of the tree in one order."""
        found: list[Any] = []
        _reach([self.page.views, self.page._dialogs, self.page.overlay], found, set())
        return found

    def _note(self, step: str) -> None:
        for item in self.reach():
            self.seen[id(item)] = item
        self.record.append((step, self.wire.sent[:], [_marks(item) for item in self.seen.values()]))
        self.record.append((self.plain.__setattr__ is object.__setattr__, hasattr(self.plain, "__flet_control_cls__")))
        self.wire.sent.clear()


def _encode() -> Any:
    return configure_encode_object_for_msgpack(BaseControl)


def _like(item: Any, made: Any) -> Any:
    if not isinstance(item, Probe):
        return item
    return type(item)(key=item.key or "k", title=item.title, parts=[ft.Text("new", key="k"), made], last=item.last)


def _name(item: Any) -> Any:
    return (type(item).__name__, item._i) if isinstance(item, BaseControl) else type(item).__name__


def _reach(item: Any, found: list[Any], seen: set[int]) -> None:
    if isinstance(item, dict):
        item = list(item.values())
    if isinstance(item, list):
        for each in item:
            _reach(each, found, seen)
    elif dataclasses.is_dataclass(item) and id(item) not in seen:
        seen.add(id(item))
        found.append(item)
        for field in dataclasses.fields(item):
            if not field.metadata.get("skip", False):
                _reach(getattr(item, field.name, None), found, seen)


def _marks(item: Any) -> Any:
    parent = getattr(item, "_parent", None)
    held = {name: getattr(item, name) for name in MARKS if hasattr(item, name)}
    told = {name: list(value) if isinstance(value, dict) else value for name, value in held.items()}
    return _name(item), parent and _name(parent()), told


def play(before: Any, rendered: Any, script: list[Any]) -> list[Any]:
    """Return the record of a fresh world that played the script, with all that was called."""

    async def run() -> list[Any]:
        record: list[Any] = []
        with ExitStack() as stack:
            stack.enter_context(mock.patch("flet.utils.strings.secrets.choice", min))
            stack.enter_context(mock.patch.object(ControlId, "_counter", itertools.count(3)))
            for hook in HOOKS:
                stack.enter_context(mock.patch.object(BaseControl, hook, _told(hook, record)))
            stack.enter_context(mock.patch.object(ObjectPatch, "from_diff", _listed(record)))
            world = World(before, rendered)
            try:
                for step in script:
                    world.play(step)
            finally:
                world.wire.executor.shutdown(wait=False)
            return [*record, *world.record]

    return asyncio.run(run())


def _told(hook: str, record: list[Any]) -> Any:
    original = getattr(BaseControl, hook)

    def tell(control: Any, *arguments: Any) -> Any:
        record.append((hook, _name(control)))
        return original(control, *arguments)

    return tell


def _listed(record: list[Any]) -> Any:
    original = ObjectPatch.from_diff

    def tell(*arguments: Any, **named: Any) -> Any:
        patch, added, removed = original(*arguments, **named)
        record.append(("added", [_name(each) for each in added], "removed", [_name(each) for each in removed]))
        return patch, added, removed

    return tell
