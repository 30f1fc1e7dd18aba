"""Owns blobs: their bytes in a folder or an object store (`objects`), and the ledger of which of them count (`store`).

An entry is made before the first byte and dropped after the last, so a crash leaves at most bytes that the next sweep
finds. It must not know what an event is beyond its numbers.
"""
