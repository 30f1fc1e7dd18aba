"""What an open page says of words that could not be saved."""

from pathlib import Path

import pytest

from companion.errors import ReadOnly, RolledBack, StoreError
from companion.journal import Entry
from views.journal.editing import status_line
from views.mirror.autosave import Saving
from views.words.texts import load_texts

TEXTS = load_texts(Path(__file__).parents[3] / "assets" / "words")
PAGE = Entry(id="a", day="2026-11-30", text="A long day", created_ms=1, changed_ms=0)


@pytest.mark.parametrize("error", [ReadOnly("the folder"), RolledBack("an older store")])
def test_where_nothing_can_be_written_no_page_says_that_saving_goes_on(error):
    assert status_line(TEXTS, Saving(state="failed", error=error), PAGE) == TEXTS("journal.not_kept")


def test_what_may_pass_is_tried_again():
    error = StoreError("a full disk")
    said = TEXTS("journal.not_saved", reason=TEXTS.error(error))
    assert status_line(TEXTS, Saving(state="failed", error=error), PAGE) == said
