"""Long pages in parts: nothing is lost where they are cut, whatever is written, pasted, undone, or typed too early."""

from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from views.journal import page_text, parts
from views.journal.page_text import PageText
from views.journal.parts import cut, is_between, join
from views.mirror.typed import merged

SIGNS = "ab.!\n\r \t\u0301\u0915\u094d\u200d\U0001f469\U0001f3fd\U0001f1ec\U0001f1e7\ud83d\ude00\u1100\u1161\ufe0f"
TEXTS = st.lists(st.one_of(st.sampled_from(SIGNS), st.sampled_from(["\n\n", "word ", "Said. ", "\r\n"]))).map("".join)
LIMITS = st.integers(3, 40)


@given(TEXTS, LIMITS)
def test_joined_parts_are_the_text(text: str, limit: int) -> None:
    assert join(cut(text, limit)) == text


@given(TEXTS, LIMITS)
def test_no_part_is_longer_than_the_limit_unless_it_is_one_character_with_its_signs(text: str, limit: int) -> None:
    for piece in cut(text, limit):
        if len(piece.text) > limit:
            assert not any(is_between(piece.text, at) for at in range(limit, len(piece.text)))


@given(TEXTS, LIMITS)
def test_no_character_is_cut(text: str, limit: int) -> None:
    at = 0
    for piece in cut(text, limit):
        for part in piece:
            at += len(part)
            assert is_between(text, at)
            after = text[at : at + 1]
            assert (
                after not in ("\u0301", "\u094d", "\u200d", "\ufe0f", "\U0001f3fd", "\u1161")
                or at == len(text)
                or (text[at - 1] in "\r\n")
            )
            assert not (text[at - 1 : at] == "\ud83d" and after == "\ude00")


@given(st.text(max_size=30), st.text(max_size=5), st.data())
def test_two_changes_in_two_places_both_stay(before: str, new: str, data: st.DataObject) -> None:
    at, other = sorted(data.draw(st.tuples(st.integers(0, len(before)), st.integers(0, len(before)))))
    ours = before[:at] + "<" + before[at:]
    theirs = before[:other] + new + ">" + before[other:]
    both = merged(before, ours, theirs)
    assert len(both) == len(before) + len(new) + 2
    assert sorted(both) == sorted(before + new + "<>")


class Client:
    """The fields on the client's side: it shows what we put into them late, and sends its keys at once."""

    def __init__(self, page: PageText) -> None:
        self.page = page
        self.fields: dict[int, str] = {}
        self.turns: dict[int, int] = {}
        self.waiting: list[list[tuple[int, int, str]]] = []
        self.sent()
        self.show(True)

    def sent(self) -> None:
        """What a rendering sends now."""
        self.waiting.append([(part.id, part.turn, part.text) for part in self.page.parts])

    def show(self, is_all: bool = False) -> None:
        while self.waiting:
            news = self.waiting.pop(0)
            self.fields = {id: text if self.turns.get(id) != turn else self.fields[id] for id, turn, text in news}
            self.turns = {id: turn for id, turn, _ in news}
            if not is_all:
                return
        for part in self.page.parts:
            part.settled(part.turn)

    def press(self, number: int, at: int, keys: str) -> None:
        """Type into one of the fields that the client shows."""
        id = sorted(self.fields)[number % len(self.fields)]
        text = self.fields[id]
        at %= len(text) + 1
        self.fields[id] = text[:at] + keys + text[at:]
        part = next((one for one in self.page.parts if one.id == id), None)
        before = self.page.layout
        if part is not None:
            self.page.typed(part, self.fields[id])
        if self.page.layout != before:
            self.sent()


ACTS = st.one_of(
    st.tuples(st.just("press"), st.integers(0, 9), st.integers(0, 99), st.sampled_from(["x", "yz", "word. " * 9])),
    st.tuples(st.sampled_from(["lay", "show"])),
)


@given(st.text("ab \n", max_size=60), st.lists(ACTS, max_size=25))
def test_whatever_is_typed_pasted_and_cut_the_fields_hold_the_text(text: str, acts: list[tuple[object, ...]]) -> None:
    with patch.object(page_text, "LIMIT", 20), patch.object(page_text, "PASTED", 5), _short():
        page = PageText(text)
        client = Client(page)
        for act in acts:
            if act[0] == "press":
                client.show(True)  # keys that are not late
                client.press(*act[1:])  # type: ignore[arg-type]  # as drawn
            elif act[0] == "lay":
                before = page.layout
                page.lay()
                if page.layout != before:
                    client.sent()
            else:
                client.show()
        client.show(True)
        assert page.text == join((part.text, part.gap) for part in page.parts)
        assert {part.id: part.text for part in page.parts} == client.fields
        typed = sum(len(str(act[3])) for act in acts if act[0] == "press")
        assert len(page.text) == len(text) + typed


@given(st.lists(st.sampled_from(["key", "key", "show", "lay"]), max_size=12))
def test_no_key_is_lost_that_was_pressed_before_the_client_heard_of_a_cut(acts: list[str]) -> None:
    with patch.object(page_text, "LIMIT", 20), patch.object(page_text, "PASTED", 5), _short():
        page = PageText("Begun. ")
        client = Client(page)
        client.press(0, 7, "Said and done. " * 4)
        typed, number = "", 0
        for act in acts:
            if act == "show":
                client.show()
            elif act == "lay":
                before = page.layout
                page.lay()
                if page.layout != before:
                    client.sent()
            else:
                number += 1
                key = chr(0x2460 + number)
                typed += key
                (here,) = [n for n, id in enumerate(sorted(client.fields)) if id == 0]
                client.press(here, len(client.fields[0]), key)
        client.show(True)
        assert {part.id: part.text for part in page.parts} == client.fields
        assert "".join(sign for sign in page.text if sign >= "\u2460") == typed
        assert page.text.replace("\n", "").startswith("Begun. Said and done. ")


def _short() -> object:
    return patch.object(page_text, "cut", lambda text: parts.cut(text, 20))
