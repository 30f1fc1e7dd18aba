"""A mapping that grows without being changed: with more in it, it is another one, and shares what both hold.

Adding one entry to n costs about log n, so a book of many items is folded one by one, and each state stays as it was.
"""

from collections.abc import Iterator, Mapping
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Layers(Mapping[K, V]):
    """Each layer is more than twice as large as the next; of two that hold a key, the next one counts."""

    __slots__ = ("_layers",)

    def __init__(self, *layers: dict[K, V]) -> None:
        self._layers = layers

    def also(self, more: Mapping[K, V]) -> "Layers[K, V]":
        """Return it with these entries, in place of those of the same keys."""
        layers, top = list(self._layers), dict(more)
        while layers and len(layers[-1]) <= 2 * len(top):
            top = layers.pop() | top
        return Layers(*layers, top)

    def __getitem__(self, key: K) -> V:
        for layer in reversed(self._layers):
            if key in layer:
                return layer[key]
        raise KeyError(key)

    def __iter__(self) -> Iterator[K]:
        return iter(dict.fromkeys(key for layer in self._layers for key in layer))

    def __len__(self) -> int:
        return sum(1 for _ in self)
