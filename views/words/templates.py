"""Ways to begin a page, read from `assets/templates.json`."""

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One way to begin. `reminder` is shown while a page has this template, and such a page can be exported."""

    id: str
    title: str
    detail: str
    questions: tuple[str, ...]
    reminder: str = ""

    def begin(self, written: str) -> str:
        """Return the page's text with the questions below what was written before."""
        before = f"{written.rstrip()}\n\n" if written.strip() else ""
        return before + "\n\n".join(self.questions) + "\n"


def load_templates(file: Path) -> tuple[Template, ...]:
    """Read the templates in their order."""
    doc = json.loads(file.read_text("utf-8"))
    return tuple(
        Template(
            id=one["id"],
            title=one["title"],
            detail=one["detail"],
            questions=tuple(one["questions"]),
            reminder=one.get("reminder", ""),
        )
        for one in doc["templates"]
    )
