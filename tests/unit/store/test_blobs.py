import os
from dataclasses import replace

import pytest

from companion.errors import StoreError, Tampered
from services.store.blobs import BlobRef, references

CHUNK = 16_384


@pytest.fixture
def blob_file(directory):
    return lambda ref: directory / "blobs" / ref.id


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 100_000])
def test_bytes_come_back(store, reopen, size):
    content = os.urandom(size)
    ref = store.blobs.put(content, b"picture")
    assert ref.size == size
    with reopen().blobs.reader(BlobRef.from_doc(ref.to_doc())) as blob:
        assert (blob.length, blob.complete) == (size, True)
        assert blob.read_at(0, size + 10) == content
        assert blob.read_at(size // 2, 100) == content[size // 2 :][:100]


def test_a_stream_is_taken_piece_by_piece(store, tmp_path):
    content = os.urandom(2_500_000)
    (tmp_path / "picture").write_bytes(content)
    with (tmp_path / "picture").open("rb") as file:
        ref = store.blobs.put(file)
    with store.blobs.reader(ref) as blob:
        assert blob.read_at(0, len(content)) == content


def test_a_reference_exists_before_the_first_byte(store, reopen):
    writer = store.blobs.writer(b"story")
    store.table("stories").insert({"sound": writer.ref.to_doc()})
    writer.write(b"x" * (2 * CHUNK + 5))
    writer.sync()
    store = reopen()  # the writer ends as in a crash
    ref = BlobRef.from_doc(store.table("stories").all()[0]["sound"])
    with store.blobs.reader(ref) as blob:
        assert (blob.length, blob.complete) == (2 * CHUNK, False)
        assert blob.read_at(0, 3 * CHUNK) == b"x" * 2 * CHUNK


def test_whole_chunks_are_readable_while_writing(store):
    writer = store.blobs.writer(b"story")
    writer.write(b"a" * CHUNK)
    writer.sync()
    with store.blobs.reader(writer.ref) as blob:
        assert blob.length == CHUNK
    ref = writer.close()
    assert writer.close() == ref
    assert writer.ref == ref
    with pytest.raises(StoreError):
        writer.write(b"more")


def test_the_file_has_no_plaintext_and_a_random_name(store, blob_file):
    first, second = store.blobs.put(b"canary" * 100), store.blobs.put(b"canary" * 100)
    assert first.id != second.id
    assert b"canary" not in blob_file(first).read_bytes()
    assert blob_file(first).stat().st_mode & 0o777 == 0o600


def test_another_context_does_not_open(store):
    ref = store.blobs.put(b"sound", b"story 1")
    with pytest.raises(Tampered):
        store.blobs.reader(BlobRef(id=ref.id, key=ref.key, context=b"story 2"))


@pytest.mark.parametrize("place", [0, 30, 60, 56 + CHUNK, -1])
def test_a_changed_byte_is_noticed(store, blob_file, place):
    ref = store.blobs.put(os.urandom(2 * CHUNK + 100))
    data = bytearray(blob_file(ref).read_bytes())
    data[place] ^= 1
    blob_file(ref).write_bytes(data)
    with pytest.raises(Tampered), store.blobs.reader(ref) as blob:
        blob.read_at(0, blob.length)


def test_the_last_byte_of_70000_flipped_gives_an_error_and_not_65536_bytes(store, blob_file):
    ref = store.blobs.put(bytes(70_000))
    data = bytearray(blob_file(ref).read_bytes())
    data[-1] ^= 1
    blob_file(ref).write_bytes(data)
    with pytest.raises(Tampered, match="has 65536 bytes instead of 70000"):
        store.blobs.reader(ref)


CUTS = [0, 55, 56, 60, 56 + CHUNK + 16, 56 + 2 * (CHUNK + 16), 56 + 2 * (CHUNK + 16) + 50]


@pytest.mark.parametrize("length", CUTS)
def test_a_complete_blob_that_was_cut_is_damage(store, blob_file, length):
    ref = store.blobs.put(os.urandom(2 * CHUNK + 100))
    blob_file(ref).write_bytes(blob_file(ref).read_bytes()[:length])
    with pytest.raises(Tampered):
        store.blobs.reader(ref)


@pytest.mark.parametrize("length", CUTS)
def test_an_open_blob_that_was_cut_gives_its_whole_chunks_and_less_is_damage_once_it_is_settled(
    store, blob_file, length
):
    content = os.urandom(2 * CHUNK + 100)
    writer = store.blobs.writer(b"story")
    opened = writer.ref
    writer.write(content)
    writer.close()
    blob_file(opened).write_bytes(blob_file(opened).read_bytes()[:length])
    settled = store.blobs.settle(opened)
    assert settled.size == max(0, length - 56) // (CHUNK + 16) * CHUNK
    with store.blobs.reader(settled) as blob:
        assert not blob.complete
        assert blob.read_at(0, len(content)) == content[: settled.size]
    assert store.blobs.settle(settled) == settled
    if settled.size:
        blob_file(opened).write_bytes(blob_file(opened).read_bytes()[: 55 + CHUNK + 16])
        with pytest.raises(Tampered):
            store.blobs.reader(settled)


def test_settling_a_complete_reference_changes_nothing_whatever_became_of_the_file(store):
    ref = store.blobs.put(b"sound")
    store.blobs.drop(ref)
    assert store.blobs.settle(ref) == ref


def test_a_shorter_blob_in_its_place_is_damage(store):
    """The same key and context with fewer chunks: only the reference's size gives it away."""
    ref = store.blobs.put(b"x" * 100)
    with pytest.raises(Tampered):
        store.blobs.reader(replace(ref, size=200))


def test_the_digest_is_checked_by_whoever_reads_to_the_end(store):
    ref = replace(store.blobs.put(bytes(3 * CHUNK)), sha256="00" * 32)
    with store.blobs.reader(ref) as blob:
        assert blob.read_at(0, CHUNK) == bytes(CHUNK)
        for offset in (0, 2 * CHUNK):
            with pytest.raises(Tampered):
                blob.read_at(offset, 3 * CHUNK)


def test_references_are_found_however_deep_a_document_holds_them(store):
    first, second = store.blobs.put(b"a"), store.blobs.put(b"b")
    document = {"a": [{"b": first.to_doc()}], "c": second.to_doc(), "d": {"id": "x"}, "e": [1, "id"]}
    assert list(references(document)) == [first, second]


@pytest.mark.parametrize(
    "make", [lambda path: os.mkfifo(path), lambda path: path.mkdir(), lambda path: path.symlink_to("/dev/zero")]
)
def test_what_is_no_plain_file_is_never_opened(store, blob_file, make):
    ref = store.blobs.put(b"sound")
    blob_file(ref).unlink()
    make(blob_file(ref))
    with pytest.raises(Tampered):
        store.blobs.reader(ref)


def test_a_folder_of_blobs_that_is_a_link_is_not_followed(store, directory, tmp_path):
    ref = store.blobs.put(b"sound")
    (directory / "blobs").rename(tmp_path / "elsewhere")
    (directory / "blobs").symlink_to(tmp_path / "elsewhere")
    for use in (lambda: store.blobs.reader(ref), lambda: store.blobs.put(b"more"), lambda: store.blobs.drop(ref)):
        with pytest.raises(Tampered):
            use()
    assert (tmp_path / "elsewhere" / ref.id).exists()


def test_dropped_and_missing_blobs(store, blob_file):
    ref = store.blobs.put(b"sound")
    store.blobs.drop(ref)
    store.blobs.drop(ref)
    assert not blob_file(ref).exists()
    with pytest.raises(Tampered):
        store.blobs.reader(ref)


def test_a_stream_that_fails_leaves_no_blob(store, directory):
    class Broken:
        def read(self, size):
            raise OSError(5, "broken")

    with pytest.raises(OSError, match="broken"):
        store.blobs.put(Broken())
    assert list((directory / "blobs").iterdir()) == []


def test_a_blob_that_cannot_be_begun_raises_our_error(store, directory):
    (directory / "blobs").rmdir()
    with pytest.raises(StoreError):
        store.blobs.writer(b"story")


@pytest.mark.parametrize(
    "doc",
    [
        {},
        {"id": "../../etc/passwd", "key": "", "context": "", "size": None, "sha256": None},
        {"id": "0" * 32, "key": "AAAA", "context": "", "size": None, "sha256": None},
        {"id": "0" * 32, "key": "?", "context": "", "size": None, "sha256": None},
    ],
)
def test_what_is_no_reference_is_refused(doc):
    with pytest.raises(ValueError, match="not a blob reference"):
        BlobRef.from_doc(doc)
