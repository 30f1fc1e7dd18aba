"""For any input: what is written reads back, and hostile bytes raise typed errors only."""

import base64
import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from companion import groups, inviting
from companion.devices import DeviceList
from companion.errors import InviteError, MessageRejected
from companion.letters import open_letter, seal_letter
from companion.people import create_me
from companion.wire import SUITE_LETTER, create_invite_code, format_envelope, parse_invite

ALICE, BOB = create_me("Alice", "gp"), create_me("Bob", "other")
CID = "c3" * 16
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
    envelope = seal_letter(ALICE.sign_private, BOB.member.devices.active[0], {"text": text}, cid=CID)
    assert open_letter(BOB.seal_private, BOB.device, envelope, cid=CID).content["text"] == text


@given(st.binary(max_size=600))
def test_hostile_bytes_are_rejected(body: bytes) -> None:
    for envelope in (body, format_envelope(SUITE_LETTER, body)):
        with contextlib.suppress(MessageRejected):
            assert open_letter(BOB.seal_private, BOB.device, envelope, cid=CID) is None


NAMES = ("member", "packages", "proof", "invite", "group", "name", "look", "created_ms", "seats", "guests", "keeper")
FIELDS = st.sampled_from([*NAMES, "seq", "welcome", "inviter", "administrators"])


@given(st.dictionaries(FIELDS, json_values))
def test_hostile_contents_are_rejected(content: dict[str, object]) -> None:
    readers = (groups.read_joining, inviting.read_welcome, lambda said: inviting.read_expect(said, "local"))
    for read in readers:
        with contextlib.suppress(MessageRejected):
            read(content)


@given(st.binary(max_size=400))
def test_hostile_device_lists_are_malformed_or_rejected(data: bytes) -> None:
    with contextlib.suppress(ValueError, MessageRejected):
        DeviceList.decode(base64.b64encode(data).decode()).check()


@given(st.binary(max_size=300))
def test_hostile_invitations_are_garbled(body: bytes) -> None:
    code = create_invite_code(bytes(10), "local")
    with contextlib.suppress(InviteError):
        inviting.open_invitation(code, body, 0, 0)
