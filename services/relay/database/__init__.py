"""Owns the database as a whole: it opens all parts over one connection or pool, and says what is new to other nodes.

The only package that knows all parts; none of them may import it. It must not know their calls.
"""
