"""Owns what is done to a log but for writing and reading it: how long it keeps things, emptying, erasing, dropping.

It must not know what is in an envelope, nor who put it there.
"""
