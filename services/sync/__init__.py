"""The way to the sync services: a client of one, the loop that sends and reads, one embedded in a desktop.

Owns calls, sessions, and when something is tried again. Must not know what an envelope holds: bytes come from the
outbox and go to the core's `SyncSide`.
"""
