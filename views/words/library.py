"""The words that come as data: nudges, help lines, the weekly question and hard words, read from `assets`."""

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

ASSETS = Path(__file__).resolve().parents[2] / "assets"


@dataclass(frozen=True, slots=True, kw_only=True)
class NudgeLine:
    """One idea in words. `rule` is empty while no rule shows it; `ready` is the line offered to send."""

    number: int
    rule: str
    when: str
    text: str
    why: str
    ready: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """One way to reach a help line: `to` is a number or an address."""

    kind: Literal["call", "text", "email"]
    to: str
    words: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpLine:
    """One help line. `kind` is "emergency", "urgent" or "line"; `taken_over` is what the file says it is."""

    id: str
    kind: Literal["emergency", "urgent", "line"]
    nation: str
    title: str
    body: str
    hours: str
    reach: tuple[Reach, ...]
    source: str
    taken_over: date
    extra: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """An instrument's question and its answers, lowest first; never to be reworded."""

    id: str
    text: str
    answers: tuple[str, ...]
    source: str
    licence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    nudges: tuple[NudgeLine, ...]
    help_lines: tuple[HelpLine, ...]
    question: Question
    distress: tuple[str, ...]

    def nudge_line(self, rule: str) -> NudgeLine:
        """Return the words of a rule. Raises KeyError for a rule without words."""
        for line in self.nudges:
            if line.rule == rule:
                return line
        raise KeyError(rule)


def load_library(folder: Path = ASSETS) -> Library:
    """Read the data files."""
    weekly = _read(folder, "instruments")["weekly_connection"]
    return Library(
        nudges=tuple(NudgeLine(**line) for line in _read(folder, "nudges")["nudges"]),
        help_lines=_help_lines(_read(folder, "help")),
        question=Question(
            id="weekly_connection",
            text=weekly["question"],
            answers=tuple(weekly["answers"]),
            source=weekly["source"],
            licence=weekly["licence"],
        ),
        distress=tuple(_read(folder, "care")["distress"]),
    )


def _help_lines(data: dict[str, Any]) -> tuple[HelpLine, ...]:
    return tuple(
        HelpLine(
            **{
                **line,
                "reach": tuple(Reach(**reach) for reach in line["reach"]),
                "taken_over": date.fromisoformat(line["taken_over"]),
            }
        )
        for line in data["lines"]
    )


def _read(folder: Path, name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((folder / f"{name}.json").read_text("utf-8"))
    return data
