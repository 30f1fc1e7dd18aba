"""The adapters: one for each port of the core, and the sync service.

Owns everything that touches disk, network, clock, microphone or system. Must not know screens, or decide what the core
decides.
"""
