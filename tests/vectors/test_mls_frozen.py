"""Our own frozen answers: the same random bytes must give the same messages and states as when this was written.

`tests/vectors/mls_frozen.json` is never regenerated. A change of format gets a new state version and a new file.
"""

import hashlib
import itertools
import json
from pathlib import Path

from companion.mls import group
from companion.mls.group_state import Environment
from companion.mls.suites import CipherSuite

FROZEN = Path(__file__).parent / "mls_frozen.json"
NOW_MS = 1_790_000_000_000


def counted_random(seed):
    """A random source that anybody can repeat: SHA-256 of a seed and a counter."""
    counter = itertools.count()

    def give(n):
        block = b"".join(
            hashlib.sha256(seed + bytes([next(counter) % 256, part])).digest() for part in range(n // 32 + 1)
        )
        return block[:n]

    return give


def story(suite):
    """Alice makes a group with a policy and adds Bob; both speak, Bob renews his keys."""
    random = counted_random(b"companion mls frozen")
    env = Environment(at_ms=NOW_MS, authenticate=lambda identity, key: True, random=random)
    alice, bob = (group.new_identity(name, random) for name in (b"alice", b"bob"))
    own, published = group.make_key_package(bob, env, suite=suite)
    one = group.create_group(alice, bytes(range(16)), env, suite=suite, administrators=[b"alice"])
    one, added = group.commit(one, env, add=[published])
    one = group.accept(one, added, env)
    two, _ = group.join(added.welcome, [own], env)
    one, said = group.protect(one, b"good morning", env)
    two, _ = group.process(two, said, env)
    two, renewed = group.commit(two, env)
    two = group.accept(two, renewed, env)
    one, _ = group.process(one, renewed.message, env)
    one, update = group.propose_update(one, env)
    two, _ = group.process(two, update, env)
    return {
        "own_key_package": own.encode().hex(),
        "key_package": published.hex(),
        "commit": added.message.hex(),
        "welcome": added.welcome.hex(),
        "application": said.hex(),
        "second_commit": renewed.message.hex(),
        "proposal": update.hex(),
        "state_of_alice": group.encode_state(one).hex(),
        "state_of_bob": group.encode_state(two).hex(),
        "exported": group.export_secret(one, b"label", b"context").hex(),
    }


def test_mls_same_bytes_as_when_frozen():
    frozen = json.loads(FROZEN.read_text(encoding="utf-8"))
    assert {int(number) for number in frozen} == set(CipherSuite)
    for number, expected in frozen.items():
        assert story(CipherSuite(int(number))) == expected


def test_mls_frozen_states_still_open_and_work():
    for expected in json.loads(FROZEN.read_text(encoding="utf-8")).values():
        env = Environment(at_ms=NOW_MS, authenticate=lambda identity, key: True)
        one, two = (group.decode_state(bytes.fromhex(expected[f"state_of_{name}"])) for name in ("alice", "bob"))
        assert group.export_secret(two, b"label", b"context").hex() == expected["exported"]
        two, pending = group.commit(two, env)
        one, _ = group.process(one, pending.message, env)
        two = group.accept(two, pending, env)
        _, message = group.protect(two, b"still here", env)
        assert group.unprotect(one, message, env)[1].plaintext == b"still here"
        assert group.decode_key_package(bytes.fromhex(expected["own_key_package"])).package.ref
