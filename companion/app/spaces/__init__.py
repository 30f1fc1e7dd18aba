"""Spaces in the opened app: their logs at the services, what is said in them, and what comes of it here.

It owns keys, cursors, sayings and turns. It must not know what a kind of item means: that is for who reads a kind of
space, such as a person's own (`companion.app.own`).
"""
