"""Who is in a group, and its keys: making, joining and leaving one, the way out and the way in of what is sealed.

Owns key states, outbox, inbox, commits, events, and what a service's sync loop may do. Must not know what is said in a
group: contents go in and come out as documents, and `companion.app.chat` makes something of them.
"""
