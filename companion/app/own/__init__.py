"""A person's own space: what their devices share with each other, and nobody else can read.

It owns which documents go there, their versions, and who of a person's devices has the keys. It must not know how logs
are read and written: that is `companion.app.spaces`.
"""
