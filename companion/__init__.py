"""The core of Companion: what is decided, and in which format. No IO, no Flet.

Owns every rule and every format. Must not know the disk, the network, the screen or the time: it asks through
`companion.ports`.
"""

__version__ = "0.1.0"
