"""Runs a Flet app without any client: a real session on a connection that plays the client.

    async with HeadlessApp(main) as app:              # main is what ft.run() gets
        await app.set("Your name", "Hazel")
        await app.click("Save")
        assert "Good evening, Hazel" in app.texts()

Controls are found by the name that a screen reader hears. Any error while rendering, in a handler, an effect or a
background task fails the test, also when the app shows a notice instead: use `expect_errors` where one is meant.
Of the tests only this file and `property/flet_world.py` use Flet's private names (Flet 1.0.5).
"""

import asyncio
import inspect
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import patch

import flet as ft
import msgpack
from flet.components.component import Renderer
from flet.controls.base_control import BaseControl
from flet.controls.context import _context_page, context
from flet.messaging.connection import Connection
from flet.messaging.protocol import (
    Message,
    MessageAction,
    RegisterClientResponseBody,
    configure_encode_object_for_msgpack,
)
from flet.messaging.session import Session
from flet.pubsub.pubsub_hub import PubSubHub

from views.parts.frame import ASIDE

DEADLINE_S = 5.0
QUIET_TURNS = 10
"""Turns of the event loop without any work before the app counts as settled."""

_NOT_CHILDREN = frozenset(
    {"data", "fn", "args", "kwargs", "ref", "_state", "_contexts", "_internals", "_values", "_dirty"}
    | {"_parent_component"}
)


class FakeConnection(Connection):
    """Encodes every message as the wire would, keeps it, and answers client methods from `replies`."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.loop, self.executor, self.page_url = loop, ThreadPoolExecutor(2), "http://127.0.0.1"
        self.pubsubhub = PubSubHub(loop=loop, executor=self.executor)
        self.session: Session | None = None
        self.replies: dict[str, Any] = {}
        self.sent: list[Message] = []
        self.sent_bytes = 0

    def send_message(self, message: Message) -> None:
        # Encoding also takes the snapshots that later differences are computed from.
        encoder = configure_encode_object_for_msgpack(BaseControl)
        self.sent_bytes += len(msgpack.packb([message.action, message.body], default=encoder))
        self.sent.append(message)
        if message.action == MessageAction.INVOKE_METHOD and self.session is not None:
            self._answer(message.body, self.session)

    def _answer(self, call: Any, session: Session) -> None:
        reply = self.replies.get(call.name)
        answer = reply(call.args) if callable(reply) else reply
        self.loop.call_soon(session.handle_invoke_method_results, call.control_id, call.call_id, answer, None)
        if call.name == "push_route":
            route = {"route": call.args["route"]}
            session.apply_page_patch(route)
            self._route_change = self.loop.create_task(session.dispatch_event(session.page._i, "route_change", route))

    def dispose(self) -> None:
        self.executor.shutdown(wait=False)


class _Errors(logging.Handler):
    """Collects what the app logs as an error, with its cause."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[tuple[str, BaseException | None]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append((record.getMessage(), record.exc_info[1] if record.exc_info else None))


def walk(node: object, label: str = "", seen: set[int] | None = None) -> Iterator[tuple[BaseControl, str]]:
    """Yield every visible control below `node`, with the label of the semantics that enclose it.

    What was moved beside the screen is not visible.
    """
    seen = set() if seen is None else seen
    if isinstance(node, (list, tuple)):
        for part in node:
            yield from walk(part, label, seen)
    elif isinstance(node, BaseControl) and id(node) not in seen and _is_visible(node):
        seen.add(id(node))
        yield node, label
        inner = (node.label or label) if isinstance(node, ft.Semantics) else label
        for name in type(node).__dataclass_fields__:
            if name not in _NOT_CHILDREN:
                yield from walk(getattr(node, name, None), inner, seen)


def _is_visible(control: BaseControl) -> bool:
    return getattr(control, "visible", True) and not (getattr(control, "left", None) or 0) >= ASIDE


def spoken(control: object) -> str:
    """Return what a screen reader says for a control: labels first, else the words inside."""
    if isinstance(control, ft.Semantics) and control.label:
        return control.label
    if isinstance(control, ft.Text):
        return control.semantics_label or control.value
    if isinstance(control, ft.Icon):
        return control.semantics_label or ""
    if isinstance(control, ft.TextField):
        label = control.label
        return label if isinstance(label, str) else control.hint_text or ""
    if isinstance(control, ft.Semantics) and control.exclude_semantics:
        return ""
    if isinstance(control, str):
        return control
    if isinstance(control, (list, tuple)):
        return " ".join(filter(None, (spoken(part) for part in control)))
    parts = [getattr(control, name, None) for name in ("label", "icon", "title", "content", "controls", "_b")]
    return " ".join(filter(None, (spoken(part) for part in parts if isinstance(part, (str, list, BaseControl)))))


def _is_operable(control: BaseControl) -> bool:
    fields = (ft.TextField, ft.Switch, ft.Checkbox, ft.Radio, ft.Slider, ft.Dropdown)
    return isinstance(control, fields) or any(
        getattr(control, f"on_{event}", None) is not None for event in ("click", "tap", "change")
    )


class HeadlessApp:
    """The app as one person sees it. `props` are the client's: route, width, height, platform, web."""

    def __init__(self, main: Callable[[ft.Page], Any], *, expect_errors: bool = False, **props: Any) -> None:
        self._main, self._expect_errors = main, expect_errors
        self._props = {"route": "/", "width": 390, "height": 844, "platform": "android", "web": False, **props}
        self._log = _Errors()
        self.rendered: list[str] = []
        """The components that were rendered so far, by name, oldest first."""

    async def __aenter__(self) -> "HeadlessApp":
        logging.getLogger().addHandler(self._log)
        self._counting = patch.object(Renderer, "render", self._counted(Renderer.render))
        self._counting.start()
        self.connection = FakeConnection(asyncio.get_running_loop())
        self.session = self.connection.session = Session(self.connection)
        self.page: ft.Page = self.session.page
        self.session.error = lambda text: self._log.found.append((text, None))
        self.session.apply_page_patch(self._props)
        registered = RegisterClientResponseBody(self.session.id, self.session.get_page_patch(), "")
        self.connection.send_message(Message(MessageAction.REGISTER_CLIENT, registered))
        _context_page.set(self.page)
        context.reset_auto_update()
        try:
            started = self._main(self.page)
            if inspect.isawaitable(started):
                await started
            await self.session.after_event(self.page)
            await self.settle()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        logging.getLogger().removeHandler(self._log)
        self._counting.stop()
        self.session.close()
        await asyncio.sleep(0)
        self.connection.dispose()

    def _counted(self, render: Callable[..., Any]) -> Callable[..., Any]:
        def counted(renderer: Any, component: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            self.rendered.append(component.__qualname__)
            return render(renderer, component, *args, **kwargs)

        return counted

    @property
    def errors(self) -> list[str]:
        """What went wrong so far, oldest first."""
        return [text for text, _ in self._log.found]

    async def settle(self) -> None:
        """Let updates and effects run until there are none left, then raise the first error, if any."""
        quiet = 0
        async with asyncio.timeout(DEADLINE_S):
            while quiet < QUIET_TURNS:
                await asyncio.sleep(0)
                quiet = 0 if self._is_busy() else quiet + 1
        loop = self._private("updates_task")
        if loop and loop.done() and not loop.cancelled() and loop.exception():
            raise loop.exception()  # a rendering error has ended the loop
        if self._log.found and not self._expect_errors:
            text, cause = self._log.found[0]
            raise AssertionError(f"the app reported: {text}") from cause

    def _is_busy(self) -> bool:
        waiting = any(self._private(name) for name in ("pending_updates", "pending_effects", "method_calls"))
        return waiting or self._private("updates_ready").is_set()

    def _private(self, name: str) -> Any:
        return getattr(self.session, f"_Session__{name}")

    async def until(self, is_true: Callable[[], Any], deadline_s: float = DEADLINE_S) -> None:
        """Wait for work in the background to make `is_true` true."""
        async with asyncio.timeout(deadline_s):
            while not is_true():  # noqa: ASYNC110  # any condition may be waited for, and few can set an event
                await asyncio.sleep(0.005)
        await self.settle()

    def all(self, kind: type[Any] = BaseControl, **attributes: Any) -> list[Any]:
        """Return the visible controls of a kind, in reading order, dialogs last."""
        return [
            control
            for control, _ in walk([self.page.views, self.page._dialogs])
            if isinstance(control, kind) and all(getattr(control, k, None) == v for k, v in attributes.items())
        ]

    def one(self, kind: type[Any], **attributes: Any) -> Any:
        """Return the only control of a kind."""
        found = self.all(kind, **attributes)
        assert len(found) == 1, f"{len(found)} {kind.__name__} with {attributes}"
        return found[0]

    def named(self) -> list[tuple[str, BaseControl]]:
        """Return every control that can be operated, with its accessible name."""
        operable = [
            (label, control) for control, label in walk([self.page.views, self.page._dialogs]) if _is_operable(control)
        ]
        return [(label or spoken(control), control) for label, control in operable]

    def by_name(self, name: str, kind: type[Any] = BaseControl) -> Any:
        """Return the only control that can be operated and that a screen reader calls `name`."""
        names = [(known, control) for known, control in self.named() if isinstance(control, kind)]
        found = [control for known, control in names if known == name]
        assert len(found) == 1, f"{len(found)} controls named {name!r}; there are {[known for known, _ in names]}"
        return found[0]

    def texts(self) -> list[str]:
        """Return every visible text, in reading order."""
        return [control.value for control in self.all(ft.Text)]

    def labels(self) -> list[str]:
        """Return what is said to screen readers only, or in place of what is seen."""
        return [control.label for control in self.all(ft.Semantics) if control.label]

    async def fire(self, control: BaseControl, event: str, data: Any = None) -> None:
        """Deliver an event as the client does, and settle."""
        await self.session.dispatch_event(control._i, event, data)
        await self.settle()

    async def click(self, target: str | BaseControl) -> None:
        """Press a control, given by its accessible name or itself; a disabled one cannot be pressed."""
        control = self.by_name(target) if isinstance(target, str) else target
        assert not getattr(control, "disabled", False), f"{target} is disabled"
        await self.fire(control, "click")

    async def set(
        self, target: str | BaseControl, value: Any, *, event: str = "change", attribute: str = "value"
    ) -> None:
        """Change a control as the client does: its value first, then the event."""
        control = self.by_name(target) if isinstance(target, str) else target
        assert not getattr(control, "disabled", False), f"{target} is disabled"
        self.session.apply_patch(control._i, {attribute: value})
        await self.fire(control, event, value)

    async def submit(self, target: str | BaseControl) -> None:
        """Press Enter in a field."""
        await self.fire(self.by_name(target) if isinstance(target, str) else target, "submit")

    async def resize(self, width: int, height: int) -> None:
        """Change the size of the window, in logical pixels."""
        size = {"width": width, "height": height}
        self.session.apply_page_patch(size)
        await self.fire(self.page, "resize", size)

    async def go(self, route: str) -> None:
        """Follow a link to a route of the app."""
        self.session.apply_page_patch({"route": route})
        await self.fire(self.page, "route_change", {"route": route})
