"""People and the letters between their devices."""

from dataclasses import replace

import pytest

from companion.crypto.primitives import sign
from companion.errors import MessageRejected
from companion.letters import open_letter, seal_letter
from companion.people import Me, Member, create_me, sign_card
from companion.wire import SUITE_LETTER, format_envelope

CID, OTHER_CID = "c3" * 16, "d4" * 16
WORDS = {"kind": "join", "text": "I had an answer, which surprised me."}


@pytest.fixture
def alice() -> Me:
    return create_me("Alice Fern", "gp")


@pytest.fixture
def bob() -> Me:
    return create_me("  Bob   Reed ", "practice_manager")


def sealed(sender: Me, to: Me, cid: str = CID) -> bytes:
    return seal_letter(sender.sign_private, to.member.devices.active[0], dict(WORDS), cid=cid)


def opened(me: Me, envelope: bytes, cid: str = CID):  # type: ignore[no-untyped-def]  # a letter
    return open_letter(me.seal_private, me.device, envelope, cid=cid)


def test_names_lose_their_spare_spaces(bob: Me) -> None:
    assert bob.member.name == "Bob Reed"


def test_documents_read_back(alice: Me) -> None:
    assert Me.from_doc(alice.to_doc()) == alice
    assert Member.from_doc(alice.member.to_doc()) == alice.member


@pytest.mark.parametrize("change", [{"name": ""}, {"name": "x" * 81}, {"profession": "king"}, {"card": 1 << 32}])
def test_members_out_of_range_are_refused(alice: Me, change: dict[str, object]) -> None:
    assert replace(alice.member, name="x" * 80, card=(1 << 32) - 1).profession == "gp"
    with pytest.raises(ValueError, match="range"):
        replace(alice.member, **change)  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(MessageRejected):
        Member.from_doc(alice.member.to_doc() | change)


def test_name_is_signed_by_its_person(alice: Me, bob: Me) -> None:
    alice.member.check()
    for forged in (replace(alice.member, name="Alice F"), replace(alice.member, devices=bob.member.devices)):
        with pytest.raises(MessageRejected):
            forged.check()


def test_newer_card_of_the_same_person_is_taken(alice: Me) -> None:
    renamed = sign_card(alice.identity_private, "Alice Moss", "gp", alice.member.devices, 1)
    assert alice.member.newer(renamed).name == "Alice Moss"


def test_a_card_of_the_same_number_or_that_nobody_signed_is_not_taken(alice: Me) -> None:
    other = sign_card(alice.identity_private, "Alice Moss", "gp", alice.member.devices, alice.member.card)
    assert alice.member.newer(other).name == "Alice Fern"
    with pytest.raises(MessageRejected):
        alice.member.newer(replace(alice.member, name="Alice Moss", card=1))


def test_two_people_look_the_same_if_name_and_profession_do(alice: Me) -> None:
    like = create_me("ALICE  FERN", "gp").member
    assert alice.member.is_shown_like(like)
    assert not alice.member.is_shown_like(create_me("Alice Fern", "practice_nurse").member)
    assert not alice.member.is_shown_like(create_me("Alice Moss", "gp").member)


def test_letter_says_who_wrote_it(alice: Me, bob: Me) -> None:
    letter = opened(bob, sealed(alice, bob))
    assert (letter.content, letter.sender) == (WORDS, alice.device)


def test_nobody_else_can_open_it(alice: Me, bob: Me) -> None:
    for other in (alice, create_me("Carol Moss", "other")):
        with pytest.raises(MessageRejected):
            opened(other, sealed(alice, bob))


def test_words_and_sender_are_not_in_the_envelope(alice: Me, bob: Me) -> None:
    envelope = sealed(alice, bob)
    assert b"surprised" not in envelope
    assert alice.sign_key not in envelope


def test_replay_at_another_place_is_rejected(alice: Me, bob: Me) -> None:
    with pytest.raises(MessageRejected):
        opened(bob, sealed(alice, bob), OTHER_CID)


def test_every_flipped_byte_is_rejected(alice: Me, bob: Me) -> None:
    envelope = sealed(alice, bob)
    for place in range(len(envelope)):
        changed = bytearray(envelope)
        changed[place] ^= 1
        with pytest.raises(MessageRejected):
            opened(bob, bytes(changed))


def test_reader_cannot_pass_a_letter_on_in_the_writers_name(alice: Me, bob: Me) -> None:
    """Bob seals what Alice signed for him to Carol: the signature was made for his device and place."""
    from companion.crypto import hpke

    carol = create_me("Carol Moss", "other")
    info = b"companion letter v1" + bytes.fromhex(bob.device) + bytes.fromhex(CID)
    said = b'{"kind":"join"}'
    inner = alice.sign_key + sign(alice.sign_private, info + said) + said + b"\x80"
    to = carol.member.devices.active[0]
    info = b"companion letter v1" + bytes.fromhex(to.id) + bytes.fromhex(CID)
    with pytest.raises(MessageRejected):
        opened(carol, format_envelope(SUITE_LETTER, hpke.seal(to.seal_key, info, inner)))


def test_length_of_short_words_is_hidden(alice: Me, bob: Me) -> None:
    to = bob.member.devices.active[0]
    sizes = {len(seal_letter(alice.sign_private, to, {"text": "x" * n}, cid=CID)) for n in range(1, 100)}
    assert len(sizes) == 1
