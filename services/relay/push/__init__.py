"""Owns waking devices that have no stream open: registrations, and the loop that pings (`pusher`).

`gateway` says what a ping is, `guard` knocks at an address that a stranger named. It must not know what came, or from
whom; an append only leaves the group's id in memory.
"""
