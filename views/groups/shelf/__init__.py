"""The shelf of a group on the screen: the way to it, its notes, writing one, pinning a message.

Owns what stands under "/groups/<id>/shelf". Must not know how notes are sealed, sent or put in order.
"""
