"""A place whose past can be read by those who come later: one person's devices, a group, a community.

It owns keys, items, turns, and who belongs. It must not know the service, the store, or what a kind of item
means to a screen. Unlike MLS it hands its keys down: whoever has the newest one reads everything from the first item.
Source: docs/protocol.md section 8.
"""
