"""Turns: who gets the next key, and that the newest key opens the whole past."""

import pytest

from companion.crypto.primitives import dh_keypair, random_bytes, sha256, signing_keypair
from companion.errors import MessageRejected
from companion.space import turns
from companion.space.items import key_number, open_item, seal_item, seal_signed, signed
from companion.space.keys import BOOK, log_id, seal_past
from companion.space.turns import is_next, key_before, open_box, open_turn, seal_turn
from companion.wire import SUITE_ITEM, SUITE_TURN

SPACE = b"s" * 16
LOG = log_id(SPACE, BOOK)
NOW, NEXT = b"n" * 32, b"x" * 32
PRIVATE, PUBLIC = signing_keypair()
ANN, BEN = b"a" * 16, b"b" * 16
ANN_KEYS, BEN_KEYS = dh_keypair(), dh_keypair()


def turned(boxes=None, following=NEXT, n=3, **more):
    boxes = {ANN: ANN_KEYS[1], BEN: BEN_KEYS[1]} if boxes is None else boxes
    return seal_turn(NOW, n, following, space=SPACE, log=LOG, sign_private=PRIVATE, at=12, boxes=boxes, **more)


def test_a_turn_says_who_made_it_by_which_place_and_for_whom():
    envelope = turned(more={"without": ["cc"]})
    turn = open_turn(NOW, LOG, envelope)
    assert (turn.n, turn.signer, turn.at, turn.digest) == (3, PUBLIC, 12, sha256(NEXT))
    assert set(turn.boxes) == {ANN, BEN}
    assert turn.content["without"] == ["cc"]
    assert key_number(envelope) == (3, True)


def test_each_box_holds_the_next_key_for_its_owner_alone():
    turn = open_turn(NOW, LOG, turned())
    assert open_box(turn, SPACE, ANN, ANN_KEYS[0]) == open_box(turn, SPACE, BEN, BEN_KEYS[0]) == NEXT
    for id, private in ((ANN, BEN_KEYS[0]), (BEN, ANN_KEYS[0]), (b"c" * 16, ANN_KEYS[0])):
        with pytest.raises(MessageRejected):
            open_box(turn, SPACE, id, private)


def test_a_box_is_of_one_space_and_one_turn():
    turn = open_turn(NOW, LOG, turned())
    with pytest.raises(MessageRejected):
        open_box(turn, b"t" * 16, ANN, ANN_KEYS[0])
    later = open_turn(NOW, LOG, turned(n=4))
    with pytest.raises(MessageRejected):
        open_box(turns.Turn(**{**_fields(later), "boxes": turn.boxes}), SPACE, ANN, ANN_KEYS[0])


def test_a_box_with_another_key_than_the_turn_names_is_refused():
    other = open_turn(NOW, LOG, turned(following=b"y" * 32))
    turn = open_turn(NOW, LOG, turned())
    with pytest.raises(MessageRejected, match="another key"):
        open_box(turns.Turn(**{**_fields(turn), "boxes": other.boxes}), SPACE, ANN, ANN_KEYS[0])
    assert is_next(turn, NEXT)
    assert not is_next(turn, b"y" * 32)


def _fields(turn):
    return {name: getattr(turn, name) for name in ("n", "signer", "at", "digest", "boxes", "content")}


def test_the_next_key_opens_the_one_before_and_no_other_does():
    envelope = turned()
    assert key_before(NEXT, SPACE, envelope) == NOW
    for key, space in ((b"y" * 32, SPACE), (NEXT, b"t" * 16)):
        with pytest.raises(MessageRejected):
            key_before(key, space, envelope)
    with pytest.raises(MessageRejected):
        key_before(NEXT, SPACE, envelope[:40])


def test_the_former_key_is_bound_to_the_turn():
    envelope = bytearray(turned())
    envelope[6 + 4 + 32 + 5] ^= 1  # within the sealed former key
    with pytest.raises(MessageRejected):
        open_turn(NOW, LOG, bytes(envelope))


@pytest.mark.parametrize("place", range(0, len(turned()), 11))
def test_no_byte_of_a_turn_may_change(place):
    changed = bytearray(turned())
    changed[place] ^= 1
    with pytest.raises(MessageRejected):
        open_turn(NOW, LOG, bytes(changed))


def test_a_turn_is_no_item_and_an_item_no_turn():
    with pytest.raises(MessageRejected):
        open_item(NOW, LOG, turned())
    with pytest.raises(MessageRejected):
        open_turn(NOW, LOG, seal_item(NOW, 3, LOG, PRIVATE, {"kind": "turn", "at": 1, "digest": "aa" * 32}))


def test_five_hundred_boxes_fit_and_one_more_does_not():
    boxes = {number.to_bytes(16, "big"): ANN_KEYS[1] for number in range(500)}
    envelope = turned(boxes=boxes)
    assert len(envelope) <= 60_000
    assert len(open_turn(NOW, LOG, envelope).boxes) == 500
    with pytest.raises(ValueError, match="501 boxes"):
        turned(boxes={**boxes, b"z" * 16: ANN_KEYS[1]})


def test_two_boxes_for_one_and_half_a_box_are_refused():
    one = open_turn(NOW, LOG, turned(boxes={ANN: ANN_KEYS[1]})).boxes
    box = ANN + one[ANN]
    for data in (box + box, box[:-1], box + b"x"):
        with pytest.raises(MessageRejected):
            turns._read_boxes(data)
    assert turns._read_boxes(box) == one


def test_a_turn_that_names_no_whole_digest_is_refused():
    past = seal_past(NOW, NEXT, SPACE)
    whole = b'"digest": "' + b"aa" * 32 + b'"}'
    for said in (b'{"at": 1, "digest": "aa"}', b'{"at": 1}', b'{"at": -1, ' + whole, b'{"at": 1, "at": 1, ' + whole):
        body = len(said).to_bytes(4, "big") + said
        inner = signed(PRIVATE, turns._label(LOG, 3, past), body)
        with pytest.raises(MessageRejected):
            open_turn(NOW, LOG, seal_signed(SUITE_TURN, NOW, 3, LOG, inner, past, random_bytes))


def test_a_turn_that_says_less_than_its_length_is_refused():
    past, said = seal_past(NOW, NEXT, SPACE), b'{"at": 1, "digest": "' + b"aa" * 32 + b'"}'
    for length, is_good in ((len(said), True), (len(said) + 1, False), (2**32 - 1, False)):
        inner = signed(PRIVATE, turns._label(LOG, 3, past), length.to_bytes(4, "big") + said)
        envelope = seal_signed(SUITE_TURN, NOW, 3, LOG, inner, past, random_bytes)
        if is_good:
            assert open_turn(NOW, LOG, envelope).boxes == {}
        else:
            with pytest.raises(MessageRejected):
                open_turn(NOW, LOG, envelope)


def test_the_last_number_a_key_can_have_ends_in_a_refusal():
    with pytest.raises(MessageRejected):
        open_box(turns.Turn(**{**_fields(open_turn(NOW, LOG, turned())), "n": 2**32 - 1}), SPACE, ANN, ANN_KEYS[0])


def test_an_item_is_no_past_even_for_who_has_its_key():
    past = seal_past(NOW, NEXT, SPACE)
    with pytest.raises(MessageRejected):
        key_before(NEXT, SPACE, seal_signed(SUITE_ITEM, NOW, 3, LOG, signed(PRIVATE, b"", b"{}"), past, random_bytes))


def test_what_is_said_beside_a_turn_is_no_other_turn():
    turn = open_turn(NOW, LOG, turned(more={"at": 1, "digest": "aa", "kind": "note"}))
    assert (turn.at, turn.digest, turn.content["kind"]) == (12, sha256(NEXT), "turn")


def test_a_turn_that_fits_no_envelope_is_not_sealed():
    with pytest.raises(ValueError, match="an envelope of"):
        turned(more={"without": "x" * 64_000})


def test_more_boxes_than_there_can_be_groups_are_refused():
    box = b"".join(number.to_bytes(16, "big") + bytes(80) for number in range(501))
    assert len(turns._read_boxes(box[: 500 * 96])) == 500
    with pytest.raises(MessageRejected):
        turns._read_boxes(box)


def test_what_nobody_would_read_is_not_sealed():
    with pytest.raises(ValueError, match="surrogates"):
        turned(more={"without": "\ud800"})
