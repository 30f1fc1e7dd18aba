"""Coverage-guided fuzzing of companion/mls: every parser, and `process` and `join` with live states.

Needs the package `atheris` (3.0.0 was used), which is in no dependency group, because it has wheels for few systems:

    uv run --with atheris==3.0.0 python -m tests.fuzz.fuzz_mls -max_total_time=60

Only typed errors may come out, the state may not change, and no input of up to 64 KiB may take a second. Parsers,
saved states and messages are tried as they are; bodies of commits, proposals and Welcomes also inside correct
encryption and a correct signature, where a dishonest member could put them.
"""

import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["companion"]):
    from companion.errors import CryptoError, MessageRejected
    from companion.mls import (
        codec,
        committing,
        framing,
        group,
        messages,
        private_message,
        proposals,
        ratchet_tree,
        storage,
    )
    from tests.unit.mls.circle import Circle, env, framed, public, sealed

INPUT_BYTES_MAX = 65_536
SLOW_S = 1.0


class Target:
    """A live group, and what to do with the fuzzer's bytes; the first byte chooses."""

    def __init__(self):
        self.circle = Circle("alice", "bob", "carol")
        for name in ("alice", "bob", "carol"):
            self.circle.commit(name)
        self.circle.person("dave")
        self.bob = self.circle["bob"]
        self.alice = self.circle["alice"]
        self.saved = group.encode_state(self.alice)
        self.doors = (
            self.process,
            self.join,
            self.state,
            self.pending,
            self.tree,
            self.inner_commit,
            self.inner_proposal,
            self.group_info,
        )

    def process(self, data):
        group.process(self.alice, data, env())

    def join(self, data):
        group.join(data, [self.circle.people["dave"].own], env())

    def state(self, data):
        group.decode_state(data)

    def pending(self, data):
        codec.decode(data, storage.read_pending)

    def tree(self, data):
        tree = codec.decode(data, ratchet_tree.read_ratchet_tree)
        ratchet_tree.verify_unmerged_leaves(tree)
        ratchet_tree.verify_unique_keys(tree)
        ratchet_tree.verify_parent_hashes(tree)

    def inner_commit(self, data):
        commit = codec.decode(data, proposals.read_commit)
        group.process(self.alice, sealed(self.bob, framed(self.bob, commit), tag=bytes(32)), env())

    def inner_proposal(self, data):
        proposal = codec.decode(data, proposals.read_proposal)
        group.process(self.alice, public(self.bob, framed(self.bob, proposal)), env())

    def group_info(self, data):
        codec.decode(data, messages.read_group_info)

    def __call__(self, data):
        if not data:
            return
        started = time.perf_counter()
        with suppress(CryptoError, MessageRejected):
            self.doors[data[0] % len(self.doors)](data[1:])
        if time.perf_counter() - started > SLOW_S:
            raise AssertionError(f"{len(data)} bytes took more than {SLOW_S} s")
        if group.encode_state(self.alice) != self.saved:
            raise AssertionError("a state was changed")

    def seeds(self):
        """Real inputs for every door, so that the fuzzer need not find the formats."""
        made = self.circle.pending("bob", add=["dave"], remove=["carol"])
        opened = private_message_body(self.alice, made.message)
        state, update = group.propose_update(self.bob, env())
        yield from ((0, made.message), (0, update), (0, group.protect(self.bob, b"words", env())[1]))
        yield from ((1, made.welcome), (2, self.saved), (3, group.encode_pending(made)))
        yield from ((4, codec.opaque(b"")), (4, self.alice.tree.encode()), (5, opened.encode()))
        yield (6, proposals.encode_proposal(state.proposals[0].proposal))
        yield (7, messages.encode_message(committing.group_info(self.alice))[4:])


def private_message_body(state, data):
    """Return the commit inside a private message."""
    payload = messages.decode_message(data)
    sender = private_message.open_sender_data(payload, state.suite, state.secrets.sender_data_secret)
    opened, _ = private_message.unprotect_private(payload, sender, state.secret_tree)
    if not isinstance(opened.content.body, proposals.Commit):
        raise TypeError(framing.ContentType.COMMIT)
    return opened.content.body


def main():
    """Write the seeds and start."""
    target = Target()
    with tempfile.TemporaryDirectory() as folder:
        for number, (door, data) in enumerate(target.seeds()):
            (Path(folder) / f"seed-{number}").write_bytes(bytes([door]) + data)
        atheris.Setup([*sys.argv, f"-max_len={INPUT_BYTES_MAX}", folder], target)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
