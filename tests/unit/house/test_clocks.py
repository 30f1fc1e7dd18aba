"""Who may ask what time it is: a few files, so that every other place is given a time that somebody has judged."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
WALL_CLOCK = {
    "services/clock.py": "the one clock",
    "views/words/texts.py": "today and this year in words, in the person's zone",
    "services/relay/blobs/objects.py": "the ages of files, by the clock that stamped them",
}
READS = {
    ("time", "time"),
    ("time", "time_ns"),
    ("time", "localtime"),
    ("time", "gmtime"),
    ("time", "mktime"),
    ("datetime", "now"),
    ("datetime", "today"),
    ("datetime", "utcnow"),
    ("date", "today"),
}
FILES = sorted(
    file.relative_to(ROOT).as_posix()
    for folder in ("companion", "services", "views")
    for file in (ROOT / folder).rglob("*.py")
)


def names(source: str) -> Iterator[tuple[str, str]]:
    """Yield every `a.b` of the source, and what is taken from a module by name, with the names they were given."""
    tree = ast.parse(source)
    given = {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            whole = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
            yield given.get(whole, whole), node.attr
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)


def additions(source: str) -> Iterator[str]:
    """Yield every span of hours or less that is made to be added to a local time."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "timedelta":
            yield from (word.arg or "" for word in node.keywords if word.arg not in ("days", "weeks"))


def test_only_the_clock_reads_the_clock() -> None:
    reads = {file: READS & set(names((ROOT / file).read_text("utf-8"))) for file in FILES}
    assert {file for file, found in reads.items() if found} == set(WALL_CLOCK)


def test_no_local_time_is_made_by_adding_hours() -> None:
    apps = [file for file in FILES if not file.startswith("services/relay/")]
    assert [file for file in apps if list(additions((ROOT / file).read_text("utf-8")))] == []


@pytest.mark.parametrize(
    "source",
    [
        "import time\ntime.time()",
        "import time as t\nt.time_ns()",
        "from time import time",
        "import datetime\ndatetime.datetime.now()",
        "from datetime import datetime as dt\ndt.now()",
        "from datetime import date\ndate.today()",
    ],
)
def test_each_way_to_read_the_clock_is_seen(source: str) -> None:
    assert READS & set(names(source))
