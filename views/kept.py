"""Places that were visited stay built, as they were left: one is shown, the others rest beside the screen.

They belong to the screen that shows them and go with it: nothing of what was open stays after the lock.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import flet as ft

from views.mirror.context import use_quiet_window
from views.mirror.effects import use_kept
from views.mirror.presence import Presence, PresenceCtx
from views.parts.frame import places_stack
from views.routes import PLACES
from views.words.texts import Texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A place that is built. `turn` counts how often it began anew; `moment` is when it was shown last, as far as words
    on the screen depend on it: the day, and the part of the day.
    """

    place: str
    turn: int
    moment: str
    presence: Presence = field(default_factory=Presence)

    @property
    def key(self) -> str:
        return f"{self.place}-{self.turn}"


def use_places(shown: str, turn: int, build: Callable[[Kept], ft.Control]) -> ft.Stack:
    """A hook: all that was visited, with one place in sight, or none where `shown` is no place.

    `build` is asked at each rendering; a `remembered` component with the same arguments is left as it is.
    """
    window = use_quiet_window()
    kept = use_kept(dict[str, Kept])
    if not window.keeps_places:
        for place in [place for place in kept if place != shown]:
            del kept[place]
    if shown in PLACES:
        now, one = _moment(window.texts), kept.get(shown)
        if one is None or one.turn != turn:
            one = Kept(place=shown, turn=turn, moment=now)
        kept[shown] = replace(one, moment=now)

    def show() -> None:
        for one in tuple(kept.values()):
            one.presence.turn(one.place == shown)

    ft.use_effect(show, [shown, turn])
    return places_stack(
        [(one.key, PresenceCtx(one.presence, partial(build, one)), one.place == shown) for one in kept.values()]
    )


def _moment(texts: Texts) -> str:
    return f"{texts.today()} {texts.greeting(texts.minute_now())}"
