import json

import pytest

from companion.errors import Tampered
from services.store.format import (
    Root,
    TableHead,
    decode_document,
    decode_root,
    encode_document,
    encode_root,
    pad_text,
    padded_length,
)


@pytest.mark.parametrize(
    ("length", "padded"),
    [
        (2, 64),
        (64, 64),
        (65, 128),
        (1000, 1024),
        (1024, 1024),
        (1025, 1088),
        (2048, 2048),
        (2049, 2176),
        (10**6, 1015808),
    ],
)
def test_lengths_are_padded_in_steps(length, padded):
    assert padded_length(length) == padded


def test_padding_costs_at_most_a_sixteenth():
    for length in [*range(1024, 5000), 10**5, 10**6, 10**7]:
        assert length <= padded_length(length) <= length + length // 16 + 1


def test_a_padded_row_text_is_plain_json():
    text = pad_text(encode_document({"text": "é"}))
    assert json.loads(text) == decode_document(text) == {"text": "é"}
    assert len(text) == 64
    assert "é".encode() in text


def test_a_root_comes_back():
    heads = {
        name: TableHead(id=number, name=name, schema=3, count=2**33, sum=2**128 - 1)
        for number, name in enumerate(["journal", "", "é" * 300, "\udcff"], 1)
    }
    root = Root(commit=2**40, next_table=5, heads=heads)
    assert decode_root(encode_root(root)) == root


@pytest.mark.parametrize("length", [0, 15, 16, 40])
def test_a_root_that_was_cut_is_refused(length):
    head = TableHead(id=1, name="journal", schema=0, count=0, sum=0)
    text = encode_root(Root(commit=1, next_table=2, heads={"journal": head}))
    with pytest.raises(Tampered):
        decode_root(text[:length])
