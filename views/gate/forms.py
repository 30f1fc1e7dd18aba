"""A few fields that are filled in and sent off together; what they hold is forgotten with the screen."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import flet as ft

from companion.errors import CompanionError, WrongKey
from views.gate.unlock import eye
from views.mirror.effects import Box, use_kept
from views.mirror.state import Window
from views.mirror.typed import live
from views.parts.fields import field as text_field

Explain = Callable[[CompanionError], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What was typed, by name; `said` is a sentence about it; `step` is for forms of several screens."""

    values: dict[str, str] = field(default_factory=dict)
    said: str = ""
    is_busy: bool = False
    is_shown: bool = False
    step: int = 1


class Form:
    """Acts for the screen. `filled` is ahead of what is rendered: a press may come before the last key was shown."""

    def __init__(self, window: Window, show: Callable[[Filled], None], values: dict[str, str]) -> None:
        self._window = window
        self._show = show
        self._refs: dict[str, ft.Ref[ft.TextField]] = {}
        self.filled = Filled(values=values)

    def __getitem__(self, name: str) -> str:
        return self.filled.values.get(name, "")

    def change(self, **values: Any) -> None:
        """Change `said`, `is_busy`, `is_shown` or `step`."""
        self.filled = replace(self.filled, **values)
        self._show(self.filled)

    def clear(self, **values: Any) -> None:
        """Empty every field."""
        self._refs = {}
        self.change(values={}, **values)

    def entry(self, name: str, label: str, *, secret: bool = False, **more: Any) -> ft.TextField:
        """Return the field of this name; a secret one can be shown."""
        ref = self._refs.setdefault(name, ft.Ref())
        is_shown = self.filled.is_shown
        tail = eye(self._window.texts, is_shown, lambda shown: self.change(is_shown=shown)) if secret else None
        return text_field(
            label,
            lambda typed: self.change(values={**self.filled.values, name: typed}, said=""),
            value=live(ref, self[name]),
            secret=secret and not is_shown,
            tail=tail,
            read_only=self.filled.is_busy,
            ref=ref,
            key=name,
            **more,
        )

    async def send(self, job: Callable[[], Awaitable[None]], wrong: str, explain: Explain | None = None) -> bool:
        """Run the job once; return whether it ended well. `wrong` is what is said of a key that does not fit.

        `explain` has the sentences of this screen for other errors.
        """
        if self.filled.is_busy:
            return False
        self.change(is_busy=True, said="")
        try:
            await job()
        except WrongKey:
            self.change(said=wrong)
        except CompanionError as error:
            self.change(said=(explain or self._window.texts.error)(error))
        else:
            return True
        finally:
            self.change(is_busy=False)
        return False


def use_form(window: Window, **values: str) -> Form:
    """A hook: a form that lives as long as the component; `values` stand in its fields at first."""
    _, show = ft.use_state(Filled())
    return use_kept(lambda: Box(Form(window, show, values))).value
