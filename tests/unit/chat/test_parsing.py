"""Every field of a peer's content has a type and a bound, and what is missing is refused or empty."""

import pytest

from companion.chat.parsing import as_id, read_flag, read_id, read_ids, read_line, read_list, read_number, read_object
from companion.errors import MessageRejected

ID = "0123456789abcdef" * 2


def is_refused(read, *values, **more):
    with pytest.raises(MessageRejected):
        read(*values, **more)
    return True


def test_an_id_is_32_small_hex_characters():
    assert as_id(ID, "id") == ID
    for value in ("", ID[1:], ID + "0", ID.upper(), "g" * 32, None, 3, ["a"] * 32, [ID]):
        assert is_refused(as_id, value, "id")


def test_an_id_may_be_empty_or_missing_only_where_that_is_said():
    assert read_id({}, "id", may_be_empty=True) == read_id({"id": ""}, "id", may_be_empty=True) == ""
    assert read_id({"id": ID}, "id", may_be_empty=True) == ID
    assert is_refused(read_id, {}, "id")
    assert is_refused(read_id, {"id": "x"}, "id", may_be_empty=True)


def test_ids_come_each_once_and_no_more_than_so_many():
    other = ID[::-1]
    assert read_ids({"ids": [ID, other, ID]}, "ids", 3) == (ID, other)
    assert is_refused(read_ids, {"ids": [ID] * 4}, "ids", 3)
    assert is_refused(read_ids, {"ids": [ID, ""]}, "ids", 3)


def test_a_list_is_a_list_and_may_be_missing():
    assert (read_list({}, "l", 2), read_list({"l": [1, 2]}, "l", 2)) == ([], [1, 2])
    for value in ([1, 2, 3], "ab", {"a": 1}, None):
        assert is_refused(read_list, {"l": value}, "l", 2)


def test_a_number_lies_between_its_bounds():
    assert [read_number({"n": n}, "n", least=2, most=4) for n in (2, 4)] == [2, 4]
    for value in (1, 5, True, 3.0, "3", None):
        assert is_refused(read_number, {"n": value}, "n", least=1 if value is True else 2, most=4)
    assert [read_number({"n": n}, "n") for n in (0, (1 << 53) - 1)] == [0, (1 << 53) - 1]
    assert is_refused(read_number, {"n": 1 << 53}, "n")
    assert is_refused(read_number, {"n": -1}, "n")


def test_a_flag_is_true_or_false_and_false_if_it_is_missing():
    assert (read_flag({}, "f"), read_flag({"f": True}, "f")) == (False, True)
    for value in (1, "true", None, []):
        assert is_refused(read_flag, {"f": value}, "f")


def test_an_object_is_one_and_is_not_missing():
    assert read_object({"o": {"a": 1}}, "o") == {"a": 1}
    for value in ([], "x", None):
        assert is_refused(read_object, {"o": value}, "o")


def test_a_line_that_is_missing_is_empty_where_that_is_said():
    assert read_line({}, "t", 3, may_be_empty=True) == ""
    assert is_refused(read_line, {}, "t", 3)
