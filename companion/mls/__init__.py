"""Group encryption after RFC 9420 (MLS), in pure Python on companion.crypto. Callers use `companion.mls.group`.

No IO, no module state; randomness and time are passed in; states are immutable. This implementation has not yet been
independently reviewed.
"""
