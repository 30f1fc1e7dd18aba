"""The building blocks of every screen. Each says its name to screen readers; screens pass the words in.

Owns the look and the behaviour of controls. Must not know places, state, words or the core.
"""
