"""Cryptography: primitives, HPKE, chunked files, key slots, recovery words, and the self-test at the start.

Owns every use of a cipher, hash or key derivation. Must not know whose keys these are, or what they protect.
"""
