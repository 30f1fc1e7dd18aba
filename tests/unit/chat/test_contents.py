from dataclasses import replace

import pytest

from companion.chat.contents import Speaker, message_content, read_message
from companion.chat.message import Message, Reaction, in_order
from companion.chat.polls import new_poll
from companion.chat.standing import is_question_to
from companion.errors import MessageRejected

GROUP, NOW = "a1" * 16, 1_800_000_000_000
ALICE = Speaker(device="f6" * 16, person="f7" * 16, name="Alice Fern", profession="gp")
HELLO = Message(
    id="e5" * 16,
    group=GROUP,
    sender=ALICE.device,
    person=ALICE.person,
    name=ALICE.name,
    profession=ALICE.profession,
    text="Hello",
    at_ms=NOW,
    state="waiting",
)
FILE = {
    "blob": "d4" * 16,
    "key": "ab" * 32,
    "kind": "picture",
    "media_type": "image/png",
    "caption": "A door",
    "size_bytes": 9,
    "width": 3,
    "height": 3,
    "sample_rate_hz": 0,
    "channels": 0,
}
PLAIN = {"id": "e5" * 16, "text": "Hello", "at_ms": NOW}


def test_what_is_written_is_read_as_received() -> None:
    said = replace(HELLO, reply_to="b2" * 16, topic="Rota", mentions=("c3" * 16,))
    read = read_message(message_content(said), GROUP, ALICE, seq=4, at_ms=NOW + 5)
    assert read == replace(said, state="received", seq=4, sent_ms=NOW + 5)


@pytest.mark.parametrize(
    "content",
    [
        {},
        PLAIN | {"text": ""},
        PLAIN | {"text": "x" * 8_001},
        PLAIN | {"text": ["x"]},
        PLAIN | {"text": "\ud800"},
        PLAIN | {"id": "../../etc"},
        PLAIN | {"at_ms": "soon"},
        PLAIN | {"at_ms": True},
        PLAIN | {"at_ms": -1},
        PLAIN | {"reply_to": "x"},
        PLAIN | {"topic": "x" * 41},
        PLAIN | {"mentions": "x"},
        PLAIN | {"mentions": ["x"]},
        PLAIN | {"mentions": ["c3" * 16] * 51},
    ],
)
def test_malformed_message_is_rejected(content: dict[str, object]) -> None:
    with pytest.raises(MessageRejected):
        read_message(content, GROUP, ALICE, seq=1, at_ms=NOW)


def test_message_cannot_come_from_the_future() -> None:
    assert read_message(PLAIN | {"at_ms": NOW + 10**9}, GROUP, ALICE, seq=1, at_ms=NOW).at_ms == NOW


def test_document_reads_back() -> None:
    full = replace(
        HELLO,
        reply_to="b2" * 16,
        topic="Rota",
        mentions=("c3" * 16,),
        edited_ms=NOW,
        is_deleted=True,
        reactions=(Reaction(person="c3" * 16, emoji="🙏"),),
        attachments=(FILE,),
        poll=new_poll(("Yes", "No"), is_secret=False, closes_ms=0) | {"votes": {"c3" * 16: 1}},
    )
    assert Message.from_doc(full.to_doc()) == full


def test_document_of_the_first_version_is_read() -> None:
    first = {
        "_id": "e5" * 16,
        "_v": 1,
        "group": GROUP,
        "sender": ALICE.device,
        "name": "Alice Fern",
        "profession": "gp",
        "text": "Hello",
        "at_ms": NOW,
        "state": "waiting",
        "kind": "message",
        "seq": 0,
    }
    assert Message.from_doc(first) == replace(HELLO, person="")


def test_waiting_messages_come_last_and_each_once() -> None:
    first, second = replace(HELLO, id="01" * 16, seq=1, at_ms=9), replace(HELLO, id="02" * 16, seq=2, at_ms=1)
    waiting = replace(HELLO, id="03" * 16, at_ms=0)
    assert in_order([waiting, second, first, second]) == (first, second, waiting)


@pytest.mark.parametrize(
    ("text", "is_asked"),
    [
        ("Hazel, did you get it?", True),
        ("did HAZEL get it?", True),
        ("Hazel got it", False),
        ("Did the Dr get it?", False),
        ("Hazelnuts, anyone?", False),
        ("Did anyone get it?", False),
    ],
)
def test_a_question_that_names_somebody_is_theirs(text: str, is_asked: bool) -> None:
    asked = is_question_to(replace(HELLO, text=text), "c3" * 16, "Dr Hazel Ford", answers_me=False)
    assert asked is is_asked


def test_a_question_that_answers_somebody_or_mentions_them_is_theirs() -> None:
    asked = replace(HELLO, text="Really?")
    assert is_question_to(asked, "c3" * 16, "Hazel Ford", answers_me=True)
    assert is_question_to(replace(asked, mentions=("c3" * 16,)), "c3" * 16, "Hazel Ford", answers_me=False)
