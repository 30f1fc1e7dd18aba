"""The sync service itself: it carries envelopes in order, holds inboxes and blobs, and wakes devices.

It owns ciphertext, sizes, sequence numbers and arrival times, and must not know what is inside or who anybody is. Each
part has the same files: `endpoints` (its calls), `store` (its interface and values), `sqlite` and `postgres` (its two
stores), `tables`. `database` opens all parts over one connection or pool; `app` puts their calls together.
"""
