"""What counts as a match: words by their beginning, as the eye sees them, without accents. No tables, no index here."""

import re
import unicodedata
from bisect import bisect_right

from companion.likeness import in_parts, seen_as, without_accents
from companion.ports import Snippet

SNIPPET_CHARACTERS = 120
WORDS_MAX = 12

_RUN = re.compile("[\x00-\x7f]+|[^\x00-\x7f]+")
_WORD = re.compile(r"[^\W_]+")
_APOSTROPHED = re.compile(r"(?<![^\W_])[^\W_]+(?:'[^\W_]+)+")
# Scripts without spaces between words: kana, Han, Hangul, Thai, Lao, Khmer, Burmese
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]"
)


def fold(text: str) -> str:
    """Return the text as it is compared: what the eye sees, without accents."""
    return in_parts(seen_as(text), lambda word: unicodedata.normalize("NFC", without_accents(word)))


def fold_whole(text: str) -> str:
    """Return a document's text folded, with words that have an apostrophe once more without it."""
    folded = fold(text)
    joined = [word.replace("'", "") for word in _APOSTROPHED.findall(folded)] if "'" in folded else []
    return f"{folded}\n{' '.join(joined)}" if joined else folded


class Query:
    """The words somebody typed. A document matches if each of them begins a word of it, in any order."""

    def __init__(self, text: str) -> None:
        self.words = tuple(dict.fromkeys(_WORD.findall(fold(text))))[:WORDS_MAX]
        patterns = [
            re.escape(word) if _UNSPACED.search(word) else rf"(?<![^\W_]){re.escape(word)}" for word in self.words
        ]
        self._patterns = tuple(re.compile(pattern) for pattern in patterns)
        self._any = re.compile("|".join(sorted(patterns, key=len, reverse=True)))

    @property
    def needs_scan(self) -> bool:
        """Whether a word is of a script without spaces, where an index of words finds too little."""
        return any(_UNSPACED.search(word) for word in self.words)

    def matches(self, folded: str) -> bool:
        """Return whether a folded text matches."""
        return all(word in folded for word in self.words) and all(p.search(folded) for p in self._patterns)

    def index_query(self) -> str:
        """Return the query in FTS5's language."""
        return " ".join(f'"{word}"*' for word in self.words)

    def snippet(self, text: str) -> Snippet:
        """Return the passage around the first match, with every match in it marked."""
        folded = _FoldedText(text)
        first = self._any.search(folded.folded)
        place = folded.origin(first.start()) if first else 0
        start = 0 if len(text) <= SNIPPET_CHARACTERS else max(0, place - SNIPPET_CHARACTERS // 3)
        if start:
            start = text.find(" ", start, place) + 1 or start
        end = min(len(text), start + SNIPPET_CHARACTERS)
        marks = []
        for match in self._any.finditer(folded.folded, first.start() if first else 0):
            left, right = folded.origin(match.start()), folded.origin(match.end() - 1) + 1
            if right > end:
                break
            marks.append((left - start, right - start))
        return Snippet(text=text[start:end], marks=tuple(marks))


class _FoldedText:
    """A folded text that knows where in the original each part of it came from.

    Plain runs are folded whole, because nearly all text is plain; only other letters are looked at one by one.
    """

    def __init__(self, text: str) -> None:
        pieces: list[str] = []
        self._starts: list[int] = []
        self._origins: list[tuple[int, bool]] = []
        length = 0
        for run in _RUN.finditer(text):
            is_plain = run[0].isascii()
            parts = [fold(run[0])] if is_plain else [fold(letter) for letter in run[0]]
            for offset, part in enumerate(parts):
                self._starts.append(length)
                self._origins.append((run.start() + offset, is_plain))
                length += len(part)
            pieces += parts
        self.folded = "".join(pieces)

    def origin(self, place: int) -> int:
        """Return the place in the original of a character of the folded text."""
        number = bisect_right(self._starts, place) - 1
        start, is_plain = self._origins[number]
        return start + (place - self._starts[number] if is_plain else 0)
