from dataclasses import replace

import pytest

from companion.errors import MessageRejected
from companion.people import Me, Member, create_me
from companion.sealing import open_envelope, seal

GROUP, OTHER_GROUP = "a1" * 16, "b2" * 16
CID, OTHER_CID = "c3" * 16, "d4" * 16
WORDS = {"kind": "message", "text": "I had an answer, which surprised me."}


@pytest.fixture
def alice() -> Me:
    return create_me("Alice Fern", "gp")


@pytest.fixture
def bob() -> Me:
    return create_me("  Bob   Reed ", "practice_manager")


def test_names_lose_their_spare_spaces(bob: Me) -> None:
    assert bob.member.name == "Bob Reed"


def test_documents_read_back(alice: Me) -> None:
    assert Me.from_doc(alice.to_doc()) == alice
    assert Member.from_doc(alice.member.to_doc()) == alice.member


@pytest.mark.parametrize("change", [{"name": ""}, {"name": "x" * 81}, {"profession": "king"}, {"sign_key": b"short"}])
def test_members_out_of_range_are_refused(alice: Me, change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"range|bytes"):
        replace(alice.member, **change)  # type: ignore[arg-type]  # wrong on purpose


def test_recipient_reads_what_sender_wrote(alice: Me, bob: Me) -> None:
    envelope = seal(alice, (bob.member,), dict(WORDS), group=GROUP, cid=CID)
    opened = open_envelope(bob, envelope, group=GROUP, cid=CID)
    assert opened is not None
    assert (opened.content, opened.sender) == (WORDS, alice.member.device)


def test_somebody_else_cannot_open_it(alice: Me, bob: Me) -> None:
    carol = create_me("Carol Moss", "other")
    envelope = seal(alice, (bob.member,), dict(WORDS), group=GROUP, cid=CID)
    assert open_envelope(carol, envelope, group=GROUP, cid=CID) is None
    assert open_envelope(alice, envelope, group=GROUP, cid=CID) is None


def test_words_are_not_in_the_envelope(alice: Me, bob: Me) -> None:
    envelope = seal(alice, (bob.member,), dict(WORDS), group=GROUP, cid=CID)
    assert b"surprised" not in envelope
    assert b"Alice" not in envelope


def test_replay_in_another_group_is_rejected(alice: Me, bob: Me) -> None:
    envelope = seal(alice, (bob.member,), dict(WORDS), group=GROUP, cid=CID)
    with pytest.raises(MessageRejected):
        open_envelope(bob, envelope, group=OTHER_GROUP, cid=CID)


def test_replay_at_another_place_is_rejected(alice: Me, bob: Me) -> None:
    envelope = seal(alice, (bob.member,), dict(WORDS), group=GROUP, cid=CID)
    with pytest.raises(MessageRejected):
        open_envelope(bob, envelope, group=GROUP, cid=OTHER_CID)


def test_every_flipped_byte_is_rejected_or_is_another_recipient(alice: Me, bob: Me) -> None:
    envelope = seal(alice, (bob.member,), dict(WORDS), group=GROUP, cid=CID)
    for place in range(len(envelope)):
        changed = bytearray(envelope)
        changed[place] ^= 1
        with pytest.raises(MessageRejected):
            open_envelope(bob, bytes(changed), group=GROUP, cid=CID)


def test_another_signer_cannot_take_over_the_wraps(alice: Me, bob: Me) -> None:
    """Mallory swaps in her own key and signature; the wraps were made for Alice's."""
    mallory = create_me("Mallory", "other")
    envelope = seal(alice, (bob.member,), dict(WORDS), group=GROUP, cid=CID)
    from companion.crypto.primitives import sign

    body = bytearray(envelope[6:-64])
    body[:32] = mallory.member.sign_key
    signature = sign(mallory.sign_private, b"companion envelope v1" + bytes.fromhex(GROUP) + bytes(body))
    with pytest.raises(MessageRejected):
        open_envelope(bob, envelope[:6] + bytes(body) + signature, group=GROUP, cid=CID)


def test_length_of_short_words_is_hidden(alice: Me, bob: Me) -> None:
    sizes = {len(seal(alice, (bob.member,), {"text": "x" * n}, group=GROUP, cid=CID)) for n in range(1, 40)}
    assert len(sizes) == 1
