"""Everything the app says: the house's wording rules, and that code and words know each other."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from companion import errors, nudges
from companion.consent import RECORD
from companion.people import PROFESSIONS
from views.words.library import load_library
from views.words.prompts import load_prompts
from views.words.texts import load_texts

ROOT = Path(__file__).parents[2]
ASSETS = ROOT / "assets"
BANNED = ("simply", "just", "oops", "invalid")
KEY = re.compile(r"""f?"([a-z]+)\.([A-Za-z_{][^"\s]*)\"""")
USES = {
    "record",
    "transcribe",
    "share_group",
    "share_community",
    "share_public",
    "clip",
    "actor",
    "own_voice",
    "labels",
    "themes",
    "name",
    "contact",
}
HELP_DAYS = 90
TERMINAL = ("start",)
"""Words for the terminal may be indented."""


def strings(value: object) -> Iterator[str]:
    """Yield every text inside a JSON value, but not the names of its fields."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for part in value:
            yield from strings(part)
    elif isinstance(value, dict):
        for part in value.values():
            yield from strings(part)


def read(file: Path) -> object:
    return json.loads(file.read_text("utf-8"))


FILES = sorted([*ASSETS.glob("*.json"), *(ASSETS / "words").glob("*.json")])
WORDS = load_texts(ASSETS / "words")
SENTENCES = [(key, WORDS(key)) for key in sorted(WORDS.keys())]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_exclamation_marks_no_banned_words_no_negative_contractions(file: Path) -> None:
    for said in strings(read(file)):
        assert "!" not in said, said
        assert not re.search(r"n['\u2019]t\b", said), said
        found = [word for word in BANNED if re.search(rf"\b{word}\b", said.lower())]
        assert not found, (found, said)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_words_are_flat_and_never_empty(file: Path) -> None:
    assert all(said.strip() == said for said in strings(read(file)) if file.stem not in TERMINAL)
    if file.parent.name == "words":
        words = read(file)
        assert isinstance(words, dict)
        assert all(isinstance(said, str) and said for said in words.values())


def test_sentences_begin_with_a_capital_a_figure_or_a_value() -> None:
    spoken = [(key, said) for key, said in SENTENCES if not key.startswith("start.") and said[0].islower()]
    whole = [(key, said) for key, said in spoken if said.rstrip().endswith(".")]
    assert not whole


def test_labels_are_in_sentence_case() -> None:
    names = {"GP", "A&E", "Get", "Ctrl", "Companion", "Flet", "Python", "Samaritans", "Shout", "Lifeline", "NHS"}
    wrong = []
    for key, said in ((key, said) for key, said in SENTENCES if not key.startswith("start.")):
        inside = [w.strip(".,:;()") for w in re.split(r"(?<![.:?}])\s", said)[1:]]
        wrong += [(key, w) for w in inside if w[:1].isupper() and w[1:].islower() and w not in names]
    assert not wrong


def test_every_key_that_code_asks_for_exists() -> None:
    stems = {key.split(".")[0] for key in WORDS.keys()}  # noqa: SIM118  # Texts is no mapping
    missing = []
    for place, key, name in used_keys():
        if place in stems and "{" not in key and f"{place}.{key}" not in WORDS.keys():  # noqa: SIM118  # same
            missing.append((name, f"{place}.{key}"))
    assert not missing


def test_every_sentence_is_asked_for() -> None:
    asked = [f"{place}.{key}" for place, key, _ in used_keys()]
    patterns = [re.compile(re.escape(re.sub(r"\{[^}]*\}.*", "", one)) + ".*") for one in asked if "{" in one]
    unused = [
        key
        for key in WORDS.keys()  # noqa: SIM118  # Texts is no mapping
        if key not in asked and not key.startswith("errors.") and not any(p.fullmatch(key) for p in patterns)
    ]
    assert not unused


def used_keys() -> Iterator[tuple[str, str, str]]:
    files = [ROOT / "main.py", *(ROOT / "views").rglob("*.py"), *(ROOT / "services").rglob("*.py")]
    for file in files:
        for place, key in KEY.findall(file.read_text("utf-8")):
            yield place, key, file.name


def test_every_error_has_a_sentence_of_its_own() -> None:
    kinds = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, Exception)]
    assert not [kind.__name__ for kind in kinds if f"errors.{kind.__name__}" not in WORDS.keys()]  # noqa: SIM118


def test_every_profession_has_a_name() -> None:
    assert all(WORDS(f"common.profession_{profession}") for profession in PROFESSIONS)


def test_consent_wording_is_complete() -> None:
    doc = read(ASSETS / "consent.json")
    assert isinstance(doc, dict)
    uses = {use["id"]: use for use in doc["uses"]}
    assert set(uses) == USES
    assert next(iter(uses)) == RECORD
    assert all(use["title"] and use["detail"] for use in uses.values())
    assert isinstance(doc["version"], int)
    assert date.fromisoformat(doc["date"])


def test_help_lines_are_not_over_90_days_old() -> None:
    today = datetime.now(UTC).date()
    old = [line.id for line in load_library().help_lines if (today - line.taken_over).days > HELP_DAYS]
    assert not old, "check each line, then move its date"


def test_help_keeps_its_order_and_its_numbers() -> None:
    lines = load_library().help_lines
    assert [line.kind for line in lines][:3] == ["emergency", "urgent", "line"]
    reached = [reach.to for line in lines for reach in line.reach]
    assert reached == [
        "999",
        "111",
        "0808 808 8000",
        "116 123",
        "jo@samaritans.org",
        "85258",
        "0300 0303 300",
        "0330 123 1245",
    ]
    assert all(line.source and line.nation and line.hours and line.reach for line in lines)


def test_numbers_that_must_not_be_listed_are_not() -> None:
    doc = read(ASSETS / "help.json")
    assert isinstance(doc, dict)
    said = json.dumps(doc["lines"])
    assert not [number for number in ("0300 131 7000", "FRONTLINE", "PHP") if number in said]


def test_there_are_28_prompts_in_five_stages_in_order() -> None:
    prompts = load_prompts(ASSETS / "prompts.json")
    assert [prompt.number for prompt in prompts] == list(range(1, 29))
    assert list(dict.fromkeys(prompt.stage for prompt in prompts)) == [
        "Arrive",
        "Journey",
        "Depth",
        "Possibility",
        "Gift",
    ]


def test_nudges_are_short_and_say_why() -> None:
    lines = load_library().nudges
    assert [line.number for line in lines] == list(range(1, 31))
    assert all(len(line.text) < 120 and line.why.startswith("Why: ") for line in lines)


@pytest.mark.parametrize(("rule", "number"), [("new_member", 9), ("no_contact", 1)])
def test_every_rule_has_its_line_a_reason_and_a_line_to_send(rule: str, number: int) -> None:
    line = load_library().nudge_line(rule)
    assert line.number == number
    assert "{name}" in line.text
    assert "{name}" in line.why
    assert "{name}" in line.ready


def test_no_rule_is_without_words() -> None:
    source = Path(nudges.__file__).read_text("utf-8")
    rules = set(re.findall(r'\("(\w+)", _', source))
    assert rules == {line.rule for line in load_library().nudges if line.rule}


def test_the_weekly_question_is_as_agreed() -> None:
    question = load_library().question
    assert question.text == "This week, how connected have you felt to other people who lead?"
    assert question.answers == ("Not at all", "A little", "Somewhat", "Quite", "Very")
    assert question.source
    assert question.licence


def test_the_lock_screen_notice_tells_nothing() -> None:
    assert WORDS("start.quiet_note") == "You have a quiet note"
