"""Recovery words survive handwriting and refuse mistakes."""

import pytest
from mnemonic import Mnemonic

from companion.crypto.words import key_from_words, words_from_key
from companion.errors import WrongWords

KEY = bytes(range(32))


def test_words_give_the_key_back():
    words = words_from_key(KEY)
    assert len(words) == 24
    assert key_from_words(" ".join(words)) == KEY


def test_case_spaces_commas_and_line_breaks_do_not_matter():
    words = words_from_key(KEY)
    assert key_from_words("  " + ",\n ".join(words).upper() + " ") == KEY
    assert key_from_words(",".join(words)) == KEY


def test_unknown_word_is_named_by_position_only():
    words = list(words_from_key(KEY))
    words[4] = "zzzz"
    with pytest.raises(WrongWords) as caught:
        key_from_words(" ".join(words))
    assert "5" in str(caught.value)
    assert "zzzz" not in str(caught.value)


@pytest.mark.parametrize(
    "write",
    [
        lambda words: "\n".join(f"{number}. {word}" for number, word in enumerate(words, 1)),
        lambda words: " ".join(f"{number} {word}" for number, word in enumerate(words, 1)),
        lambda words: " ".join(words) + ".",
        lambda words: "; ".join(words),
        lambda words: " ".join(word[:4] for word in words),
        lambda words: "\t".join(words) + "\u200b",
        lambda words: "\ufeff" + " ".join(words),
        lambda words: " ".join(words).replace("a", "a\u00ad", 1),
    ],
    ids=["lines", "numbers", "full stop", "semicolons", "four letters", "zero width", "order mark", "soft hyphen"],
)
def test_words_are_read_as_people_and_keyboards_write_them(write):
    assert key_from_words(write(words_from_key(KEY))) == KEY


def test_four_letters_tell_every_word_of_the_list():
    assert len({word[:4] for word in Mnemonic("english").wordlist}) == 2048


@pytest.mark.parametrize("cut", [3, 5])
def test_any_other_piece_of_a_word_is_refused(cut):
    words = list(words_from_key(KEY))
    place = next(n for n, word in enumerate(words) if len(word) > 5)
    words[place] = words[place][:cut]
    with pytest.raises(WrongWords):
        key_from_words(" ".join(words))


def test_two_swapped_words_are_refused():
    words = list(words_from_key(KEY))
    words[0], words[1] = words[1], words[0]
    with pytest.raises(WrongWords):
        key_from_words(" ".join(words))


@pytest.mark.parametrize("count", [0, 1, 12, 23])
def test_missing_words_are_refused(count):
    with pytest.raises(WrongWords):
        key_from_words(" ".join(words_from_key(KEY)[:count]))


def test_one_word_too_many_is_refused():
    words = words_from_key(KEY)
    with pytest.raises(WrongWords):
        key_from_words(" ".join((*words, words[0])))


def test_key_of_another_size_is_a_programming_error():
    with pytest.raises(ValueError, match="32 bytes"):
        words_from_key(KEY[:16])
