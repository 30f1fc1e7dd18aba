"""Nonces prove themselves: asking leaves nothing behind, and none serves another device, another minute or twice."""

from hypothesis import given
from hypothesis import strategies as st

from services.relay.devices.challenges import CHALLENGE_MS, SPENT_MS, is_fresh, mint

KEY, DEVICE, NOW_MS = b"k" * 32, b"d" * 16, 1_800_000_000_000


def test_nonce_serves_its_device_for_a_minute():
    nonce = mint(KEY, DEVICE, NOW_MS)
    assert len(nonce) == 32
    assert is_fresh(KEY, DEVICE, nonce, NOW_MS)
    assert is_fresh(KEY, DEVICE, nonce, NOW_MS + CHALLENGE_MS - 1)
    assert not is_fresh(KEY, DEVICE, nonce, NOW_MS + CHALLENGE_MS)
    assert not is_fresh(KEY, b"e" * 16, nonce, NOW_MS)
    assert not is_fresh(b"l" * 32, DEVICE, nonce, NOW_MS)


def test_nodes_whose_clocks_differ_by_less_than_a_minute_take_each_others_nonces():
    nonce = mint(KEY, DEVICE, NOW_MS)
    assert is_fresh(KEY, DEVICE, nonce, NOW_MS - CHALLENGE_MS + 1)
    assert not is_fresh(KEY, DEVICE, nonce, NOW_MS - CHALLENGE_MS)


def test_used_nonce_is_remembered_beyond_its_life_at_every_such_node():
    earliest_use, last_life = -CHALLENGE_MS, 2 * CHALLENGE_MS  # in the time of a node that is a minute ahead
    assert earliest_use + SPENT_MS >= last_life


@given(at_bit=st.integers(0, 255))
def test_nonce_with_any_bit_changed_is_none(at_bit):
    nonce = bytearray(mint(KEY, DEVICE, NOW_MS))
    nonce[at_bit // 8] ^= 1 << at_bit % 8
    assert not is_fresh(KEY, DEVICE, bytes(nonce), NOW_MS)


@given(nonce=st.binary(min_size=32, max_size=32), at_ms=st.integers(0, 2**62))
def test_nonce_that_somebody_made_up_is_none(nonce, at_ms):
    assert not is_fresh(KEY, DEVICE, nonce, at_ms)
    assert not is_fresh(KEY, DEVICE, at_ms.to_bytes(8, "big")[2:] + nonce[6:], at_ms)


def test_no_two_nonces_are_alike():
    assert len({mint(KEY, DEVICE, NOW_MS) for _ in range(1_000)}) == 1_000
