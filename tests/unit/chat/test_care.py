"""What the two looks at somebody's words find, and what everyday words of the work must not set off."""

import json

import pytest

from companion.care import patient_details, plain_words, sounds_hard
from companion.times import DAY_MS
from tests.fakes import ASSETS, Desk

PHRASES = tuple(json.loads((ASSETS / "care.json").read_text("utf-8"))["distress"])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("NHS number 943 476 5919 rang again", ("nhs_number",)),
        ("patient 9434765919 rang", ("nhs_number",)),
        ("NHS no 943-476-5919", ("nhs_number",)),
        ("NHS number 943 476 5918", ()),  # the check digit is wrong
        ("Ring me on 9434765919", ()),  # no context
        ("patient line 0300 0303 300", ()),
        ("nhs 1111111111", ()),
        ("born 3/4/1951", ("birth_date",)),
        ("Mrs Okafor, 3 April 1951, rang", ("birth_date",)),
        ("Jane Smith 03.04.1951", ("birth_date",)),
        ("We meet on 3/4/2026", ()),
        ("On Monday 3 April 2026 we meet", ()),
        ("She lives at SW1A 1AA", ("postcode",)),
        ("house at M1 1AE", ("postcode",)),
        ("The QOF target is 95%", ()),
        ("Room B12 at 2pm", ()),
        ("DOB 1/2/1960, NHS 9434765919, LS2 9JT", ("nhs_number", "birth_date", "postcode")),
    ],
)
def test_patient_details_need_their_context(text: str, found: tuple[str, ...]) -> None:
    assert patient_details(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "I can\u2019t go on",
        "Honestly, I don't want to be here any more.",
        "Some days I WANT TO DIE",
        "they would be better off without me...",
        "I cannot do this anymore",
    ],
)
def test_hard_words_are_heard(text: str) -> None:
    assert sounds_hard(text, PHRASES)


@pytest.mark.parametrize(
    "text",
    [
        "Suicide prevention training is on Thursday",
        "The patient said he was suicidal last week",
        "This deadline is killing me",
        "I can't go to the call",
        "We want to diet together",
        "Nobody would miss the meeting",
        "I feel hopeful",
        "",
    ],
)
def test_words_of_the_work_are_not(text: str) -> None:
    assert not sounds_hard(text, PHRASES)


def test_every_phrase_is_written_as_it_is_matched() -> None:
    assert [phrase for phrase in PHRASES if plain_words(phrase) != phrase] == []
    assert len(set(PHRASES)) == len(PHRASES)


async def test_the_card_comes_once_a_day_and_keeps_no_words() -> None:
    desk = await Desk().set_up()
    care = desk.companion.opened.care
    assert await care.offers_help("I want to die", PHRASES)
    assert not await care.offers_help("I want to die", PHRASES)
    desk.clock.move(DAY_MS)
    assert not await care.offers_help("A fine day", PHRASES)
    assert await care.offers_help("I want to die", PHRASES)
    assert "die" not in str(desk.vault.store.tables["care"])
