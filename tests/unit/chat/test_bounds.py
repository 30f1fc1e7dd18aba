"""The bounds of what a peer may say in one message, and what is shown of a line that cannot be read."""

import pytest

from companion.chat.changing import react
from companion.chat.contents import Speaker, read_edit, read_message, read_react
from companion.chat.message import Message, Reaction, lines
from companion.chat.polls import is_closed
from companion.errors import MessageRejected

ID, NOW = "0123456789abcdef" * 2, 1_800_000_000_000
SPEAKER = Speaker(device="d", person="p", name="Hazel Ford", profession="gp")


def read(**change):
    content = {"kind": "message", "id": ID, "text": "x", "at_ms": NOW} | change
    return read_message(content, "g", SPEAKER, seq=1, at_ms=NOW)


@pytest.mark.parametrize(
    ("field", "most", "over"),
    [
        ("text", "x" * 8_000, "x" * 8_001),
        ("topic", "x" * 40, "x" * 41),
        ("mentions", [f"{n:032x}" for n in range(50)], [f"{n:032x}" for n in range(51)]),
    ],
)
def test_each_part_of_a_message_has_a_bound(field, most, over):
    assert read(**{field: most}).text
    with pytest.raises(MessageRejected):
        read(**{field: over})


@pytest.mark.parametrize("change", [{"text": ""}, {"text": 3}, {"id": "x"}, {"at_ms": "now"}, {"attachments": [3]}])
def test_a_message_without_words_or_with_what_is_none_is_rejected(change):
    with pytest.raises(MessageRejected):
        read(**change)


def test_a_message_has_ten_attachments_at_most():
    with pytest.raises(MessageRejected) as refused:
        read(attachments=[3] * 10)
    assert "up to" not in str(refused.value)
    with pytest.raises(MessageRejected, match="up to 10"):
        read(attachments=[3] * 11)


def test_no_message_comes_from_the_future():
    assert (read(at_ms=NOW + 1).at_ms, read(at_ms=NOW - 1).at_ms) == (NOW, NOW - 1)


def test_only_what_is_called_a_poll_brings_one():
    poll = {"options": ["a", "b"], "is_secret": False, "closes_ms": 0}
    assert read(kind="poll", poll=poll).poll["options"] == ["a", "b"]
    assert (read(poll=poll).kind, read(poll=poll).poll) == ("message", None)
    assert read(kind=["poll"]).kind == "message"


def test_an_edit_leaves_words():
    assert read_edit({"id": ID, "text": "y", "mentions": [ID]}) == (ID, "y", (ID,))
    with pytest.raises(MessageRejected):
        read_edit({"id": ID, "text": ""})


@pytest.mark.parametrize("emoji", ["👍", "👩🏽‍⚕️", "❤️", "👍" * 16])
def test_a_reaction_is_a_picture(emoji):
    assert read_react({"id": ID, "emoji": emoji, "on": True}) == (ID, emoji, True)


@pytest.mark.parametrize("emoji", ["", "a", "ok 👍", "👍 👍", "5", "é", "👍" * 17, "👍\n", 3, None])
def test_a_reaction_is_no_word(emoji):
    with pytest.raises(MessageRejected):
        read_react({"id": ID, "emoji": emoji, "on": True})


@pytest.mark.parametrize(
    ("doc", "shown"),
    [
        ({"group": "g", "seq": 7, "sent_ms": 5, "at_ms": 4}, ("g", 7, 5)),
        ({"group": "g", "seq": 7, "sent_ms": 0, "at_ms": 4}, ("g", 7, 4)),
        ({"group": 3, "seq": "7", "sent_ms": True, "at_ms": -1}, ("", 1, 0)),
    ],
)
def test_of_a_line_that_cannot_be_read_its_place_is_shown(doc, shown):
    (line,) = lines([doc | {"_id": "x"}])
    assert (line.group, line.seq, line.at_ms) == shown
    assert (line.id, line.kind) == ("x", "unreadable")


def test_a_reaction_that_was_damaged_is_an_empty_one_and_the_others_stay():
    kept = read().to_doc() | {"reactions": [["p", "👍"], "ab", ["a"], None]}
    assert Message.from_doc(kept).reactions == (Reaction(person="p", emoji="👍"), *[Reaction(person="", emoji="")] * 3)
    with pytest.raises(MessageRejected):
        Message.from_doc(kept | {"seq": -1})


def test_each_person_has_eight_different_reactions_to_a_message_at_most():
    doc = read().to_doc()
    for emoji in "👍🙏🤗😢🎉😀😎🤔":
        doc = react("p", emoji, True)(doc)
    assert len(doc["reactions"]) == 8
    assert react("p", "👀", True)(doc) is None
    assert len(react("q", "👀", True)(doc)["reactions"]) == 9


def test_a_poll_that_says_nothing_of_its_end_is_open():
    assert not is_closed({}, NOW)
