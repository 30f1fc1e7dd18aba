"""The questions of `assets/prompts.json`: asked one at a time while a story is told, and offered to the journal."""

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One open question; `stage` names the part of a conversation it belongs to."""

    number: int
    stage: str
    text: str


def load_prompts(file: Path) -> tuple[Prompt, ...]:
    """Read the questions in their order."""
    doc = json.loads(file.read_text("utf-8"))
    return tuple(Prompt(number=p["number"], stage=p["stage"], text=p["text"]) for p in doc["prompts"])


def prompt_of_day(prompts: tuple[Prompt, ...], day: str, swaps: int = 0) -> Prompt | None:
    """Return the question for a local date (ISO 8601), another one for each swap; None if there are no questions.

    Five is no factor of 28: neighbouring days come from different stages, and all come round.
    """
    if not prompts:
        return None
    return prompts[(date.fromisoformat(day).toordinal() * 5 + swaps) % len(prompts)]
