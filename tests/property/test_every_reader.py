"""Whatever a peer, the service or the store hands in is taken or refused with an error of ours, by every reader.

The long run: `READER_EXAMPLES=20000 uv run pytest tests/property/test_every_reader.py -s --timeout=0`.
"""

import copy
import dataclasses
import inspect
import json
import os
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from companion.errors import CompanionError
from companion.mls import codec
from tests.property.readers import INSIDE, OCTETS, Recipe, found, reads_octets, recipes

EXAMPLES = int(os.environ.get("READER_EXAMPLES", "25"))
FOUND, RECIPES = found(), recipes()
TRIED: Counter[str] = Counter()


def _deep(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = [value]
    return value


NUMBERS = (0, -1, 1 << 53, 1 << 63, 1 << 64, -(1 << 63) - 1, 10**400, 0.5, float("nan"), float("inf"), True, None)
WORDS = (
    "",
    "\ud83d",
    "\udc00\ud83d",
    "Leads \ud83d",
    "\x00",
    "\u202egnp",
    "a\nb",
    "\u200b",
    "٣",
    "x" * 70_000,
    "9" * 5_000,
)


def _odd_nests() -> tuple[Any, ...]:
    """Made anew each time, because what is drawn is changed."""
    lists = ([], ["x"], [None], [["x", "y", "z"]], ["x"] * 5_000, _deep(60), _deep(3_000))
    return (*lists, {}, {"kind": ["x"]}, {"\ud83d": 1})


odd = st.sampled_from((*NUMBERS, *WORDS)) | st.integers(0, 9).map(lambda number: _odd_nests()[number])


@st.composite
def changed(draw: st.DrawFn, good: Any) -> Any:
    """Return something that was good once: bytes with other bytes in it, or a document with other values in it."""
    if isinstance(good, bytes):
        return _changed_bytes(draw, good)
    if not isinstance(good, dict) and draw(st.integers(0, 9)) == 0:
        return draw(odd)
    value = copy.deepcopy(good)
    for _ in range(draw(st.integers(1, 3))):
        value = _with(draw, value, draw(odd), is_top=isinstance(value, dict))
    return value


def _changed_bytes(draw: st.DrawFn, good: bytes) -> bytes:
    data = bytearray(good)
    for _ in range(draw(st.integers(0, 3))):
        if data:
            data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    cut = draw(st.integers(0, len(data)))
    return draw(st.sampled_from([bytes(data), bytes(data[:cut]), bytes(data) + draw(st.binary(max_size=9))]))


def _with(draw: st.DrawFn, value: Any, other: Any, *, is_top: bool = False) -> Any:
    """Return the value with `other` somewhere in it, or something missing."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    if is_top and not keys:
        return value
    if not keys or (not is_top and draw(st.integers(0, 5)) == 0):
        return other
    key = draw(st.sampled_from(keys))
    match draw(st.integers(0, 5)):
        case 0:
            del value[key]
        case 1 if isinstance(value, list):
            value.extend([value[key]] * draw(st.sampled_from([1, 70, 3_000])))
        case 1:
            value["further"] = other
        case _:
            value[key] = _with(draw, value[key], other)
    return value


def _names() -> list[str]:
    return sorted(name for name, reader in FOUND.items() if name not in INSIDE)


def test_every_reader_has_a_recipe_and_there_are_many() -> None:
    missing = [name for name in _names() if name not in RECIPES and not reads_octets(FOUND[name])]
    gone = [name for name in (*RECIPES, *INSIDE) if name not in FOUND]
    assert (missing, gone) == ([], [])
    assert len(_names()) > 90


@pytest.mark.parametrize("name", sorted(name for name in RECIPES if ".mls." not in name))
def test_what_is_good_is_taken(name: str) -> None:
    RECIPES[name].read(copy.deepcopy(RECIPES[name].good[0]))


@pytest.mark.parametrize("name", _names())
def test_what_is_bad_is_taken_or_refused(name: str) -> None:
    recipe = RECIPES.get(name) or Recipe(read=lambda data: codec.decode(data, FOUND[name]), good=OCTETS)

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.sampled_from(recipe.good).flatmap(changed))
    def run(bad: Any) -> None:
        TRIED["tries"] += 1
        try:
            taken = recipe.read(bad)
        except (CompanionError, *recipe.also):
            TRIED["refused"] += 1
            return
        _assert_harmless(taken)

    run()


def _assert_harmless(taken: object) -> None:
    """What was taken can be kept, shown and sent: whole characters, numbers that everything can hold."""
    write = getattr(taken, "to_doc", None)
    ids = ["x"] if write is not None and inspect.signature(write).parameters else []
    value = (
        write(*ids) if write is not None else dataclasses.asdict(taken) if dataclasses.is_dataclass(taken) else taken
    )
    if isinstance(value, dict) and write is not None:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
        assert type(taken).from_doc(value) == taken  # type: ignore[attr-defined]  # whoever writes documents reads them
    if write is not None:
        _assert_numbers(value)


def _assert_numbers(value: object) -> None:
    if isinstance(value, int):
        assert -(1 << 63) <= value < 1 << 63
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _assert_numbers(inner)


@pytest.fixture(scope="module", autouse=True)
def count() -> Any:
    yield
    print(f"\n{len(_names())} readers, {TRIED['tries']} tries, {TRIED['refused']} refused, the rest taken and harmless")
