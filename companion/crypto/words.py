"""Recovery words: 32 key bytes as 24 words that can be written on paper (BIP39, English list)."""

import re

from mnemonic import Mnemonic

from companion.crypto.primitives import KEY_BYTES
from companion.errors import WrongWords
from companion.likeness import seen_as

WORD_COUNT = 24
START = 4
"""So many letters tell a word of the list from all others: some write no more of it on paper."""
_WORD = re.compile(r"[^\W\d_]+")


def words_from_key(key: bytes) -> tuple[str, ...]:
    """Return the 24 words of a 32-byte key; the last word carries an 8-bit checksum."""
    if len(key) != KEY_BYTES:
        raise ValueError("a recovery key must have 32 bytes")
    return tuple(Mnemonic("english").to_mnemonic(key).split())


def key_from_words(text: str) -> bytes:
    """Return the 32-byte key of 24 words, as people and their keyboards write them.

    Letter case, spaces, lines, numbers, marks and what shows nothing do not matter, and four letters of a word will do.
    Raises: WrongWords if a word is unknown, missing or misplaced. The error names positions, never words.
    """
    words = _WORD.findall(seen_as(text))
    if len(words) != WORD_COUNT:
        raise WrongWords(f"{len(words)} words instead of {WORD_COUNT}")
    book = Mnemonic("english")
    known = {word[:START]: word for word in book.wordlist} | {word: word for word in book.wordlist}
    unknown = [number for number, word in enumerate(words, 1) if word not in known]
    if unknown:
        raise WrongWords("not in the word list: position " + ", ".join(map(str, unknown)))
    try:
        return bytes(book.to_entropy([known[word] for word in words]))
    except ValueError:
        raise WrongWords("the checksum does not hold") from None
