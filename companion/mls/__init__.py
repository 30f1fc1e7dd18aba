"""Group encryption after RFC 9420 (MLS), in pure Python on companion.crypto. Callers use `companion.mls.group`.

Owns the keys of a group and who holds them. Must not know people, devices or what is said: an identity is bytes that
the caller judges. No IO, no module state; randomness and time are passed in; states are immutable. This implementation
has not yet been independently reviewed.
"""
