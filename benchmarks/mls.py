"""How fast group encryption is, beside rine-mls, whose core is Rust.

`python -m benchmarks.mls [--quick]` prints a table and ends with one JSON line. Times are medians in ms on this
machine; the ratios compare with rine-mls doing the same with the same key packages in the same run. The commit
measured is the most expensive one: in a group just made, where every other member is sealed to one by one.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import rine_mls

from companion.mls import group
from companion.mls.group_state import Environment, Group
from companion.mls.joining import Identity, OwnKeyPackage

BUDGET = {
    "create_12_ms": 25.0,
    "create_50_ms": 100.0,
    "commit_50_ms": 40.0,
    "process_50_ms": 15.0,
    "protect_ms": 0.3,
    "unprotect_ms": 0.6,
    "state_50_bytes": 32_000.0,
}
Person = tuple[OwnKeyPackage, bytes]


def environment() -> Environment:
    """Everybody is who they say."""
    return Environment(at_ms=int(time.time() * 1000), authenticate=lambda identity, key: True)


def make_people(count: int) -> list[Person]:
    """Make key packages beforehand, as they are in life. rine-mls wants identities to be signature keys."""
    people = []
    for _ in range(count):
        made = group.new_identity(b"")
        identity = Identity(
            name=made.signature_public,
            signature_private=made.signature_private,
            signature_public=made.signature_public,
        )
        people.append(group.make_key_package(identity, environment()))
    return people


def create(people: list[Person]) -> tuple[Group, bytes]:
    """Create a group with these people in it: check their packages, commit, make the Welcome."""
    env = environment()
    state = group.create_group(group.new_identity(os.urandom(16)), os.urandom(16), env)
    state, pending = group.commit(state, env, add=[published for _, published in people])
    if pending.welcome is None:
        raise AssertionError("a commit that adds people makes a Welcome")
    return group.accept(state, pending, env), pending.welcome


def median_ms(work: Callable[[], object], rounds: int) -> float:
    """Return the median time of `work` in ms, after one warm-up."""
    work()
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


def measure_ours(dozen: list[Person], fifty: list[Person], rounds: int) -> dict[str, float]:
    """Return our figures."""
    env = environment()
    state, welcome = create(fifty)
    other, _ = group.join(welcome, [fifty[20][0]], env)
    _, pending = group.commit(state, env)
    _, message = group.protect(state, bytes(200), env)
    return {
        "create_12_ms": median_ms(lambda: create(dozen), rounds),
        "create_50_ms": median_ms(lambda: create(fifty), rounds),
        "join_50_ms": median_ms(lambda: group.join(welcome, [fifty[20][0]], env), rounds),
        "commit_50_ms": median_ms(lambda: group.commit(state, env), rounds),
        "remove_50_ms": median_ms(lambda: group.commit(state, env, remove=[7]), rounds),
        "process_50_ms": median_ms(lambda: group.process(other, pending.message, env), rounds),
        "protect_ms": median_ms(lambda: group.protect(state, bytes(200), env), 20 * rounds),
        "unprotect_ms": median_ms(lambda: group.unprotect(other, message, env), 20 * rounds),
        "encode_state_50_ms": median_ms(lambda: group.encode_state(other), 5 * rounds),
        "decode_state_50_ms": median_ms(lambda: group.decode_state(group.encode_state(other)), 5 * rounds),
        "state_50_bytes": len(group.encode_state(other)),
    }


def measure_rine(fifty: list[Person], rounds: int) -> dict[str, float]:
    """Return the figures of rine-mls; its commits take effect at once, so each removes another member."""
    packages = [published for _, published in fifty]
    with tempfile.TemporaryDirectory() as folder:
        client = rine_mls.MlsClient(str(Path(folder) / "rine"), os.urandom(32), rine_mls.CIPHER_SUITE_CLASSICAL)
        made = median_ms(lambda: client.create_group_with_members(os.urandom(16), packages), rounds)
        in_use = client.create_group_with_members(os.urandom(16), packages)
        leaves = iter(range(7, 7 + rounds + 1))
        removed = median_ms(lambda: in_use.remove_member(next(leaves)), rounds)
    return {"create_50_ms": made, "remove_50_ms": removed}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    rounds = 7 if parser.parse_args().quick else 25
    dozen, fifty = make_people(11), make_people(49)
    ours, rine = measure_ours(dozen, fifty, rounds), measure_rine(fifty, rounds)
    for name, value in ours.items():
        budget = f"  budget {BUDGET[name]:g}" if name in BUDGET else ""
        print(f"{name:22} {value:10.3f}{budget}")
    for name, value in rine.items():
        print(f"rine-mls {name:13} {value:10.3f}")
    figures = {name: round(ours[name], 3) for name in BUDGET}
    figures["create_50_vs_rine"] = round(ours["create_50_ms"] / rine["create_50_ms"], 2)
    figures["commit_50_vs_rine"] = round(ours["remove_50_ms"] / rine["remove_50_ms"], 2)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
