"""What is said in a group: saying it, taking it in, attention, polls, what is agreed.

Owns messages and all that is derived from them. Must not know keys or letters: `companion.app.groups` has them.
"""
