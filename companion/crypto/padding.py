"""How long something is made before it is sealed, so that its length tells little."""

PADDED_BYTES_MIN = 256


def padded_length(length: int) -> int:
    """Return the length to pad to: at least 256 bytes, then Padmé, which adds at most 12 %.

    Source: Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs", section 4.
    """
    if length <= PADDED_BYTES_MIN:
        return PADDED_BYTES_MIN
    exponent = length.bit_length() - 1
    unit = 1 << (exponent - exponent.bit_length())
    return -(-length // unit) * unit
