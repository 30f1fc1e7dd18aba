"""Two looks at somebody's own words, on their own device: do they sound very hard, and do they hold patient details?

Both only offer something. They never block, score or tell anybody, and they keep nothing of the words.
Source: product guide, rows C11 and N10; the NHS Data Dictionary for the check digit of an NHS number.
"""

import re

CARE = "care"
CONTEXT_LETTERS = 60
"""How far around a number or a date its context is looked for."""

_NUMBER = re.compile(r"(?<![\d-])(\d{3})[ -]?(\d{3})[ -]?(\d{4})(?![\d-])")
_NUMBER_WORDS = re.compile(
    r"\b(nhs|patients?|pt|pts|dob|born|record|chart|mrn|hospital no|number for)\b", re.IGNORECASE
)
_DATE = re.compile(
    r"(?<!\d)(?:0?[1-9]|[12]\d|3[01])(?:[/.-](?:0?[1-9]|1[0-2])[/.-]|(?:st|nd|rd|th)?\s+"
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*,?\s+)(?:19|20)\d{2}(?!\d)",
    re.IGNORECASE,
)
_BORN = re.compile(r"\b(dob|d\.o\.b|born|birth ?date|date of birth|birthday)\b", re.IGNORECASE)
_NAME = re.compile(r"\b(?:Mr|Mrs|Ms|Miss|Dr|Master)\.? [A-Z][a-z]+|\b[A-Z][a-z]{2,} [A-Z][a-z]{2,}\b")
_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_DAYS = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"
_NO_NAME = re.compile(rf"\b(?:{_MONTHS}|{_DAYS})\b")
_POSTCODE = re.compile(r"\b(?:GIR ?0AA|[A-PR-UWYZ](?:[0-9]{1,2}|[A-HK-Y][0-9]{1,2}|[0-9][A-HJKPS-UW]|[A-HK-Y][0-9]"
                       r"[ABEHMNPRV-Y]) ?[0-9][ABD-HJLNP-UW-Z]{2})\b")  # fmt: skip
_SPACE = re.compile(r"\s+")
_SHORT = (("can't", "cannot"), ("cant ", "cannot "), ("won't", "will not"), ("n't", " not"), ("i'm", "i am"))


def patient_details(text: str) -> tuple[str, ...]:
    """Return what looks like patient information: "nhs_number", "birth_date", "postcode", each once."""
    found = []
    if any(_is_nhs_number(match) and _is_near(text, match, _NUMBER_WORDS) for match in _NUMBER.finditer(text)):
        found.append("nhs_number")
    if any(_is_birth_date(text, match) for match in _DATE.finditer(text)):
        found.append("birth_date")
    if _POSTCODE.search(text):
        found.append("postcode")
    return tuple(found)


def _is_nhs_number(match: re.Match[str]) -> bool:
    """One in eleven random numbers passes the check digit; that is why there must be context too."""
    digits = [int(digit) for digit in "".join(match.groups())]
    check = 11 - sum(digit * weight for digit, weight in zip(digits, range(10, 1, -1), strict=False)) % 11
    return len(set(digits)) > 1 and check != 10 and check % 11 == digits[9]


def _is_birth_date(text: str, match: re.Match[str]) -> bool:
    around = _around(text, match)
    return _BORN.search(around) is not None or _NAME.search(_NO_NAME.sub("-", around)) is not None


def _is_near(text: str, match: re.Match[str], words: re.Pattern[str]) -> bool:
    return words.search(_around(text, match)) is not None


def _around(text: str, match: re.Match[str]) -> str:
    before = text[max(0, match.start() - CONTEXT_LETTERS) : match.start()]
    return before + " " + text[match.end() : match.end() + CONTEXT_LETTERS]


def sounds_hard(text: str, phrases: tuple[str, ...]) -> bool:
    """Return whether the text holds one of these phrases as whole words. Phrases are in full: "cannot", "do not"."""
    plain = f" {plain_words(text)} "
    return any(f" {phrase} " in plain for phrase in phrases)


def plain_words(text: str) -> str:
    """Return the words in small letters, without signs, short forms written out."""
    said = text.lower().replace("\u2019", "'")
    for short, full in _SHORT:
        said = said.replace(short, full)
    return _SPACE.sub(" ", re.sub(r"[^\w\s]", " ", said)).strip()
