"""Consent, journal, check-ins, nudges, stories, unlocking: pure decisions."""

from dataclasses import replace

import pytest

from companion import checkins, consent, nudges, stories
from companion.checkins import CheckIn
from companion.consent import Receipt, Use, Wording
from companion.errors import ConsentMissing
from companion.nudges import Contact, Nudge
from companion.stories import Story
from companion.unlocking import LONGEST_WAIT_MS, wait_ms

NOW = 1_800_000_000_000
DAY = nudges.DAY_MS
NOON = 12 * 60
USES = (Use(id="record", title="Record", detail=""), Use(id="name", title="Name", detail=""))
WORDING = Wording(version=2, uses=USES)


def receipt(chosen: frozenset[str], wording: Wording = WORDING) -> Receipt:
    return consent.agree(wording, chosen, story="a1" * 16, receipt="b2" * 16, at_ms=NOW, previous=None)


def test_story_without_consent_is_not_recorded() -> None:
    with pytest.raises(ConsentMissing):
        consent.require(consent.RECORD, None, WORDING)


def test_none_of_these_keeps_the_microphone_off() -> None:
    with pytest.raises(ConsentMissing):
        consent.require(consent.RECORD, receipt(frozenset()), WORDING)


def test_changed_wording_asks_again() -> None:
    with pytest.raises(ConsentMissing):
        consent.require(consent.RECORD, receipt(frozenset({"record"})), replace(WORDING, version=3))


def test_agreed_use_passes_and_no_other() -> None:
    given = receipt(frozenset({"record"}))
    consent.require(consent.RECORD, given, WORDING)
    with pytest.raises(ConsentMissing):
        consent.require("name", given, WORDING)


def test_use_that_was_not_shown_cannot_be_agreed() -> None:
    with pytest.raises(ConsentMissing):
        receipt(frozenset({"sell"}))


def test_receipt_keeps_the_exact_wording() -> None:
    given = receipt(frozenset({"record"}))
    assert Receipt.from_doc(given.to_doc()) == given
    assert given.uses == WORDING.uses


def test_check_in_is_due_once_a_week() -> None:
    answered = (CheckIn(id="a", at_ms=NOW, level=2),)
    assert checkins.is_due((), NOW)
    assert not checkins.is_due(answered, NOW + 7 * DAY - 1)
    assert checkins.is_due(answered, NOW + 7 * DAY)


def test_skip_counts_as_asked() -> None:
    assert not checkins.is_due((CheckIn(id="a", at_ms=NOW, level=None),), NOW + DAY)


def test_level_outside_the_scale_is_refused() -> None:
    for level in (0, 4):
        assert CheckIn(id="a", at_ms=NOW, level=level).level == level
    for level in (-1, 5):
        with pytest.raises(ValueError, match="level"):
            CheckIn(id="a", at_ms=NOW, level=level)


@pytest.mark.parametrize(
    ("levels", "is_low"), [((), False), ((0,), True), ((1,), True), ((2,), False), ((0, 3), False), ((1, None), True)]
)
def test_the_newest_answer_says_whether_it_is_low_and_a_skip_says_nothing(
    levels: tuple[int | None, ...], is_low: bool
) -> None:
    answers = tuple(CheckIn(id=str(n), at_ms=NOW + n * DAY, level=level) for n, level in enumerate(levels))
    assert checkins.is_low(answers) is is_low


def contact(**change: object) -> Contact:
    quiet = Contact(device="d1", name="Rowan", group="g1", last_ms=NOW - 11 * DAY)
    return replace(quiet, **change)  # type: ignore[arg-type]  # fields by name


def due(contacts: tuple[Contact, ...], history: tuple[Nudge, ...] = (), minute: int = NOON) -> Nudge | None:
    return nudges.due(contacts, history, id="n1", at_ms=NOW, local_minute=minute)


def shown(days_ago: float, answer: str = "done", person: str = "other") -> Nudge:
    shown_ms = NOW - int(days_ago * DAY)
    return Nudge(
        id="n0", rule="no_contact", person=person, name="", group="g", days=10, shown_ms=shown_ms, answer=answer
    )


def test_ten_days_without_contact_names_one_person() -> None:
    nudge = due((contact(),))
    assert nudge is not None
    assert (nudge.rule, nudge.person, nudge.days) == ("no_contact", "d1", 11)


def test_ten_days_are_enough_and_a_moment_less_is_not() -> None:
    assert due((contact(last_ms=NOW - 10 * DAY),)) is not None
    assert due((contact(last_ms=NOW - 10 * DAY + 1),)) is None


def test_recent_contact_with_anyone_needs_no_nudge() -> None:
    assert due((contact(), contact(device="d2", last_ms=NOW - DAY))) is None


def test_new_member_is_to_be_welcomed() -> None:
    nudge = due((contact(joined_ms=NOW - 1000, last_ms=NOW - 1000, is_welcomed=False),))
    assert nudge is not None
    assert nudge.rule == "new_member"


@pytest.mark.parametrize(
    ("ago_ms", "is_new"), [(DAY - 1, True), (DAY, False), (-DAY // 24, True), (-DAY // 24 - 1, False)]
)
def test_a_member_is_new_for_a_day_and_not_well_ahead_of_the_clock(ago_ms: int, is_new: bool) -> None:
    nudge = due((contact(joined_ms=NOW - ago_ms, last_ms=NOW, is_welcomed=False),))
    assert (nudge is not None) is is_new


def test_welcomed_member_is_left_in_peace() -> None:
    assert due((contact(joined_ms=NOW - 1000, last_ms=NOW - 1000, is_welcomed=True),)) is None


@pytest.mark.parametrize("minute", [0, 6 * 60 + 59, 22 * 60, 23 * 60 + 59])
def test_quiet_hours_stay_quiet(minute: int) -> None:
    assert due((contact(),), minute=minute) is None


@pytest.mark.parametrize("minute", [7 * 60, 22 * 60 - 1])
def test_the_day_between_quiet_hours_is_not_quiet(minute: int) -> None:
    assert due((contact(),), minute=minute) is not None


def test_nobody_to_be_reached_needs_no_nudge() -> None:
    assert due(()) is None


def test_at_most_one_nudge_a_day() -> None:
    assert due((contact(),), (shown(0.9),)) is None
    assert due((contact(),), (shown(1),)) is not None


def test_a_nudge_that_lies_well_ahead_was_shown_under_a_wrong_clock_and_holds_none_back() -> None:
    assert due((contact(),), (shown(-1 / 24),)) is None
    assert due((contact(),), (shown(-2 / 24),)) is not None


def test_at_most_three_nudges_a_week() -> None:
    assert due((contact(),), (shown(2), shown(3), shown(4))) is None
    assert due((contact(),), (shown(2), shown(3), shown(7))) is not None


def test_two_ignored_in_a_row_halve_the_rate() -> None:
    assert due((contact(),), (shown(2, "open"), shown(3, "open"))) is None


def test_fewer_like_this_can_reach_silence() -> None:
    assert nudges.weekly_budget((shown(1, "fewer"), shown(2, "fewer"), shown(3, "fewer"))) == 0


def test_same_person_is_not_named_twice_in_a_month() -> None:
    assert due((contact(),), (shown(29.9, person="d1"),)) is None
    assert due((contact(),), (shown(30, person="d1"),)) is not None


def test_nudge_reads_back() -> None:
    assert Nudge.from_doc(shown(1).to_doc()) == shown(1)


def test_story_reads_back_and_knows_its_length() -> None:
    story = Story(id="a1" * 16, title="t", created_ms=NOW, work="started", length_bytes=64_000)
    story = stories.add_segment(story, {"id": "x"}, 16_000, 1)
    assert Story.from_doc(story.to_doc()) == story
    assert (story.work, story.length_ms, story.segments[0].number) == ("recording", 2_000, 0)


def test_wav_header_is_read_by_the_wave_module() -> None:
    import io
    import wave

    from companion import sound as sound_format

    sound = bytes(2 * 2 * 100)
    with wave.open(io.BytesIO(sound_format.wav_header(len(sound), 44_100, 2) + sound)) as read:
        assert (read.getnchannels(), read.getframerate(), read.getsampwidth(), read.getnframes()) == (2, 44_100, 2, 100)


def test_wrong_passphrases_slow_down() -> None:
    waits = [wait_ms(wrong) for wrong in (3, 4, 5, 60)]
    assert wait_ms(2) == 0
    assert waits == [2_000, 4_000, 8_000, LONGEST_WAIT_MS]
