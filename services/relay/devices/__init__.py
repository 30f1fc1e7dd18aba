"""Owns devices: their keys and sessions, inboxes, key packages, accounts, and their deletion.

It must not know groups, blobs or pushes: what else is forgotten with a device is handed to it.
"""
