"""The sealed store: TinyDB's API over SQLite rows that only the owner's keys can open, and sealed blobs beside them.

Owns the files of a profile's data, what is sealed in them, and their repair. Must not know what a document means.
SQLite, the file names and the sizes say nothing about the content: every document is one sealed row, and one sealed
root counts and sums the rows of every table, so that a missing, old, moved or foreign row is noticed.
"""
