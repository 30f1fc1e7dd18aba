"""What is said in a group: the kinds of content, how each is read with bounds, and what it makes of a conversation.

Owns messages, polls, agreements, reports, what is new and what may be heard; pure. Must not know how content is sealed
or who is in the group: the sender is handed in.
"""
