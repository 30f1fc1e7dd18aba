"""Single fields of what somebody else wrote: taken within their bounds, refused one step beyond."""

import struct

import pytest

from companion.errors import CryptoError, MessageRejected, Tampered, UsageError
from companion.fields import NUMBER_LIMIT, as_id, as_list, as_object, each_read, read_or, refused, whole

ID = "0123456789abcdef" * 2
MALFORMED = (
    ValueError("x"),
    UnicodeDecodeError("utf-8", b"", 0, 0, "x"),
    TypeError("x"),
    KeyError("x"),
    IndexError("x"),
    AttributeError("x"),
    OverflowError("x"),
    RecursionError("x"),
    struct.error("x"),
)


@pytest.mark.parametrize("value", [0, 1, NUMBER_LIMIT - 1])
def test_whole_numbers_within_what_every_client_holds_are_taken(value: int) -> None:
    assert whole(value) == value


@pytest.mark.parametrize("value", [-1, 1 << 53, True, False, 1.0, "1", None])
def test_other_numbers_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="not a number"):
        whole(value)


@pytest.mark.parametrize("value", [[], "{}", None])
def test_only_an_object_is_an_object(value: object) -> None:
    assert as_object({"a": 1}) == {"a": 1}
    with pytest.raises(ValueError, match="not an object"):
        as_object(value)


@pytest.mark.parametrize("value", [{}, "[]", (1,), None])
def test_only_a_list_is_a_list(value: object) -> None:
    assert as_list([1]) == [1]
    with pytest.raises(ValueError, match="not a list"):
        as_list(value)


@pytest.mark.parametrize("value", [ID[:-1], ID + "0", ID[:-1] + "A", ID[:-1] + "g", list(ID), bytes(32), None])
def test_only_thirty_two_small_hex_digits_are_an_id(value: object) -> None:
    assert as_id(ID) == ID
    with pytest.raises(ValueError, match="not an id"):
        as_id(value)


@pytest.mark.parametrize("error", MALFORMED, ids=lambda error: type(error).__name__)
def test_what_bad_data_make_python_raise_becomes_the_error_that_was_named(error: Exception) -> None:
    with pytest.raises(Tampered, match="a line is malformed"), refused("a line", Tampered):
        raise error


@pytest.mark.parametrize("error", [UsageError("x"), OSError("x"), KeyboardInterrupt()], ids=repr)
def test_other_errors_pass_as_they_are(error: BaseException) -> None:
    with pytest.raises(type(error)), refused("a line"):
        raise error


@pytest.mark.parametrize("error", [*MALFORMED, UsageError("x"), Tampered("x"), MessageRejected("x"), CryptoError("x")])
def test_one_that_cannot_be_read_is_left_out(error: Exception) -> None:
    def read(number: int) -> int:
        if number == 2:
            raise error
        return number

    assert each_read((1, 2, 3), read) == (1, 3)
    assert (read_or(1, read, 0), read_or(2, read, 0)) == (1, 0)


def test_without_a_document_there_is_the_default() -> None:
    assert read_or(None, lambda doc: 1, 0) == 0
