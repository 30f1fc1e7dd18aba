"""The private journal: writing on a page, and the order of all pages.

Owns entries and what hangs on them. Must not know groups, services or anybody else.
"""
