"""For any input: what is written reads back, and hostile bytes raise typed errors only."""

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from companion import groups
from companion.errors import InviteError, MessageRejected
from companion.people import create_me
from companion.sealing import Opened, open_envelope, seal
from companion.wire import create_invite_code, format_envelope, parse_invite

ALICE, BOB = create_me("Alice", "gp"), create_me("Bob", "other")
GROUP, CID = "a1" * 16, "c3" * 16
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)


@given(st.binary(min_size=10, max_size=10), st.sampled_from(["local", "https://a.example", "http://127.0.0.1:8000"]))
def test_every_invite_reads_back(secret: bytes, service: str) -> None:
    code = create_invite_code(secret, service)
    assert parse_invite(code.link) == code
    assert parse_invite(code.short).code == code.code


@given(st.text(max_size=200))
def test_any_text_is_an_invite_or_garbled(text: str) -> None:
    with contextlib.suppress(InviteError):
        parse_invite(text)


@given(st.text(max_size=40).map(lambda t: "companion://join?service=http://[" + t))
def test_a_broken_address_is_garbled(text: str) -> None:
    with contextlib.suppress(InviteError):
        parse_invite(text)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=500))
def test_any_words_arrive_as_written(text: str) -> None:
    envelope = seal(ALICE, (BOB.member,), {"text": text}, group=GROUP, cid=CID)
    opened = open_envelope(BOB, envelope, group=GROUP, cid=CID)
    assert opened is not None
    assert opened.content["text"] == text


@given(st.binary(max_size=600))
def test_hostile_bytes_are_rejected(body: bytes) -> None:
    for envelope in (body, format_envelope(1, body)):
        with contextlib.suppress(MessageRejected):
            assert open_envelope(BOB, envelope, group=GROUP, cid=CID) is None


FIELDS = st.sampled_from(["id", "text", "at_ms", "member", "proof", "seats", "epoch", "invited_by"])


@given(st.dictionaries(FIELDS, json_values))
def test_hostile_contents_are_rejected(content: dict[str, object]) -> None:
    group = groups.Group(
        id=GROUP,
        name="n",
        look="pine",
        service="local",
        capability="ab" * 32,
        seats=(groups.Seat(member=ALICE.member, joined_ms=0, invited_by=""),),
        state="member",
        created_ms=0,
    )
    opened = Opened(sender=ALICE.member.device, sign_key=ALICE.member.sign_key, content=content)
    with contextlib.suppress(MessageRejected):
        groups.receive_message(group, opened, seq=1, at_ms=1)
    with contextlib.suppress(MessageRejected):
        groups.apply_admit(group, opened, ALICE, 1)
    with contextlib.suppress(MessageRejected):
        groups.accept_join(group, None, opened, 1)


@given(st.binary(max_size=300))
def test_hostile_invitations_are_garbled(body: bytes) -> None:
    code = create_invite_code(bytes(10), "local")
    with contextlib.suppress(InviteError):
        groups.open_invitation(code, body, 0)
