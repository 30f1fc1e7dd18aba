"""The story I record: agreeing, recording, listening.

Owns stories and their sound. Must not know the journal or what is said in groups.
"""
