"""Owns the operator's side: the regular sweep, figures for monitoring, and the commands beside serving.

The commands have a file for each database, and no tables of their own. It must not know single groups or devices.
"""
