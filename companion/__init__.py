"""The core of Companion: what is decided, and in which format. No IO, no Flet."""

__version__ = "0.1.0"
