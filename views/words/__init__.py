"""Words as data: sentences, prompts, templates, help lines, names; read from `assets` and put into local form.

Owns their reading. Must not know state, page or controls.
"""
