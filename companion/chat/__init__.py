"""What is said in a group: the kinds of content, how each is read with bounds, and what it makes of a conversation.

Pure. It knows neither how content is sealed nor who is in the group: the sender is handed in.
"""
