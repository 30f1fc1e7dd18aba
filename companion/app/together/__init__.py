"""What the members of a group keep together in a space of the group: how it is begun, told, turned, and its shelf.

It owns what is said of spaces inside MLS, who is on the roll, and the notes. It must not know how a log is sent and
read (`companion.app.spaces`), nor what a screen shows.
"""
