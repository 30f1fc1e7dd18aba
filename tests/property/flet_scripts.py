"""Makes up trees and edits for `flet_world`, from a seed: the same seed and size give the same script."""

import random
from typing import Any

from tests.property.flet_world import EDITS

KEYS = (None, None, "a", "b", "c")
WAYS = ("part", "part", "built", "undecorated", "last", "frozen")


class Maker:
    """Draws specs that hold about `size` things each."""

    def __init__(self, seed: int, size: int) -> None:
        self.random, self.size, self.left = random.Random(seed), size, size

    def tree(self) -> Any:
        """A control at the top, anything below it."""
        self.left = self.size
        return self._control()

    def script(self, length: int) -> list[Any]:
        """Steps that render components anew, or edit controls in place."""
        return [self._step() for _ in range(length)]

    def _step(self) -> Any:
        if self.random.random() < 0.4:
            return ("turn", self.random.randrange(20))
        edits = [
            (self.random.randrange(20), self.random.choice(EDITS), self._small())
            for _ in range(self.random.randint(1, 3))
        ]
        return ("edit", edits)

    def _small(self) -> Any:
        self.left = max(2, self.size // 3)
        return self._anything()

    def _anything(self) -> Any:
        return self._control() if self.random.random() < 0.6 else self._value()

    def _control(self) -> Any:
        self.left -= 1
        choose, key = self.random.choice, self.random.choice(KEYS)
        kind = choose(("text", "column", "container", "component", "probe", "probe")) if self.left > 0 else "text"
        if kind == "text":
            return (kind, choose(("one", "two")), key)
        if kind == "column":
            return (kind, self._some(self._control), key)
        if kind == "container":
            return (kind, self._control(), key)
        if kind == "component":
            first = self._control()
            others = [self._control() for _ in range(self.random.randrange(2))]
            return (kind, self.random.random() < 0.5, (first, *others, first)[: 2 + len(others)])
        parts = (self._anything(), self._some(self._anything), self._named())
        return (kind, choose(("", "name", "grow")), key, *parts, choose(WAYS))

    def _value(self) -> Any:
        self.left -= 1
        kind = self.random.choice(("number", "frame", "plain", "dict", "list")) if self.left > 0 else "number"
        if kind == "number":
            return (kind, self.random.choice((None, 0, 1)))
        if kind == "dict":
            return (kind, self._named())
        if kind == "list":
            return (kind, self._some(self._anything))
        return (kind, self._anything())

    def _some(self, make: Any) -> list[Any]:
        return [make() for _ in range(self.random.randrange(4))]

    def _named(self) -> list[Any]:
        return [(name, self._anything()) for name in self.random.sample("xyz", self.random.randrange(3))]
