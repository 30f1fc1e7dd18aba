"""What is on the screen, in Flet: a package for each place, and what the places share.

Owns everything that is seen, heard or pressed. Must not know services, disk or network: it shows the mirror and calls
intents.
"""
