"""Owns groups: their envelopes in order, who may read them, invites, and the stream that brings what is new.

The part above devices and blobs: a stream carries a device's inbox too, and an event may refer to blobs. It must not
know how devices are woken, or which database it lies in.
"""
