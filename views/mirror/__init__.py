"""What the screen knows: the state each window shows, kept equal to the core, and the hooks that read it.

Owns `ViewState`, `Window` and `Mirror`. Must not know what anything looks like.
"""
