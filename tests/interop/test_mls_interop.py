"""Random groups of our members, rine-mls members and ts-mls members: everybody agrees on everything, in every role.

`MLS_SCRIPTS` sets the number of scripts (200 unless set), `MLS_SEED` the first seed; longer runs are listed in
docs/mls-mutation.md. What a foreign library cannot do is written at its class in mls_peers.py.
"""

import os
import random
import shutil
import subprocess

import pytest

from companion.mls.messages import encode_message
from companion.mls.processing import EpochChanged, RemovedFromGroup
from tests.interop.mls_peers import FOLDER, Ours, Rine, Ts, TsCannotJoin, TsProcess, trips_ts_mls

SCRIPTS = int(os.environ.get("MLS_SCRIPTS", "200"))
SEED = int(os.environ.get("MLS_SEED", "1"))
BATCH = 10
MEMBERS_MAX = 9


@pytest.fixture(scope="session")
def node():
    """Start the ts-mls peer; its packages come from `npm install` in this folder."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("ts-mls needs node and npm, which are not on this machine")
    if not (FOLDER / "node_modules" / "ts-mls").is_dir():
        install = ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund"]
        done = subprocess.run(install, cwd=FOLDER, check=False, capture_output=True, timeout=240)
        if done.returncode != 0:
            reason = "ts-mls could not be installed with npm"
            pytest.fail(reason) if "CI" in os.environ else pytest.skip(reason)
    process = TsProcess()
    yield process
    process.close()


class Script:
    """One random story of a group. `places` maps a leaf index to the member who sits there."""

    def __init__(self, seed, node, folder):
        self.dice = random.Random(seed)
        self.node, self.folder, self.seed, self.count = node, folder, seed, 0
        self.suite = self.dice.choice((1, 1, 1, 3))
        self.has_rine = self.suite == 1 and self.dice.random() < 0.8
        self.places = {}
        self.counts = dict.fromkeys(("commit", "message", "proposal", "agreement", "ts-mls refusal"), 0)

    def new_member(self, kind=None):
        kinds = ["ours", "ts", "rine"] if self.has_rine else ["ours", "ts"]
        kind = kind or self.dice.choice(kinds)
        self.count += 1
        name = f"{self.seed}-{self.count}"
        if kind == "ours":
            return Ours(name, self.suite)
        return Ts(name, self.suite, self.node) if kind == "ts" else Rine(name, self.suite, self.folder)

    def run(self, steps):
        founder = self.new_member()
        founder.create(os.urandom(16))
        self.places[0] = founder
        # At least one of ours is in every group, and the second member is of any kind.
        self.add(founder, [self.new_member("ours"), self.new_member()])
        for _ in range(steps):
            self.step()
            self.agree()
            self.talk()

    def step(self):
        actor = self.dice.choice(list(self.places.values()))
        choices = ["update", "add", "add"] if len(self.places) < MEMBERS_MAX else ["update"]
        if self.removable(actor):
            choices += ["remove", "remove"]
        if len(self.places) > 1 and not any(isinstance(member, Rine) for member in self.places.values()):
            choices += ["propose", "propose"]
        match self.dice.choice(choices):
            case "update" if not isinstance(actor, Rine):
                self.commit(actor, [], [])
            case "add":
                self.add(actor, [self.new_member() for _ in range(self.dice.randint(1, 3))])
            case "remove":
                self.commit(actor, [], [self.dice.choice(self.removable(actor))])
            case "propose":
                self.propose_and_commit(actor)

    def removable(self, actor):
        """Anybody but the one who acts and one of ours, who stays to watch."""
        watcher = next(leaf for leaf, member in self.places.items() if isinstance(member, Ours))
        return [leaf for leaf, member in self.places.items() if member is not actor and leaf != watcher]

    def add(self, actor, newcomers):
        self.commit(actor, newcomers, [])

    def commit(self, actor, newcomers, removed, proposed=(), proposed_removed=()):
        """One member commits, everybody else processes, newcomers join; what was proposed before comes along."""
        is_public = self.dice.random() < 0.3
        message, welcomes = actor.commit([new.package for new in newcomers], removed, is_public)
        welcomes = [actor.welcome] * len(proposed) if proposed else welcomes
        self.counts["commit"] += 1
        gone = {*removed, *proposed_removed}
        for leaf, member in self.places.items():
            # rine-mls reports its own removal as an error, and so does ts-mls if somebody else takes its leaf in the
            # same commit. That both cannot read on has a test of its own below.
            if member is actor or (leaf in gone and not isinstance(member, Ours)):
                continue
            event = member.process(message)
            if isinstance(member, Ours):
                assert isinstance(event, RemovedFromGroup if leaf in gone else EpochChanged)
        actor.accept()
        for leaf in gone:
            self.places.pop(leaf, None)
        absent = {}
        for new, welcome in zip((*proposed, *newcomers), welcomes, strict=True):
            place = next(leaf for leaf in range(MEMBERS_MAX + 9) if leaf not in {**self.places, **absent})
            try:
                new.join(welcome)
            except TsCannotJoin:
                assert trips_ts_mls(self.some_tree())
                self.counts["ts-mls refusal"] += 1
                absent[place] = new
            else:
                self.places[place] = new
        for place in absent:
            remover = self.dice.choice(list(self.places.values()))
            self.commit(remover, [], [place])

    def some_tree(self):
        return next(member.state.tree for member in self.places.values() if isinstance(member, Ours))

    def propose_and_commit(self, actor):
        """Some members propose, another commits by reference."""
        others = [leaf for leaf, member in self.places.items() if member is not actor]
        removable = self.removable(actor)
        proposed, gone, taken = [], [], set()
        for _ in range(self.dice.randint(1, 3)):
            author = self.dice.choice(others)
            member = self.places[author]
            add = remove = None
            if self.dice.random() < 0.4 and len(self.places) + len(proposed) < MEMBERS_MAX:
                newcomer = self.new_member("ours") if self.dice.random() < 0.5 else self.new_member("ts")
                proposed.append(newcomer)
                add = newcomer.package
            elif member.can_update_by_proposal and self.dice.random() < 0.6:
                if author in taken:
                    continue
                taken.add(author)
            else:
                targets = [leaf for leaf in removable if leaf not in taken]
                if not targets or len(self.places) - len(gone) < 3:
                    continue
                remove = self.dice.choice(targets)
                taken.add(remove)
                gone.append(remove)
            message = member.propose(add, remove, self.dice.random() < 0.3)
            self.counts["proposal"] += 1
            for other in self.places.values():
                if other is not member:
                    other.process(message)
        self.commit(actor, [], [], proposed, gone)

    def agree(self):
        """Everybody has the same epoch, tree and secrets; rine-mls shows them by its confirmation tag."""
        shown = [member.facts() for member in self.places.values()]
        for name in {name for facts in shown for name in facts}:
            values = {facts[name] for facts in shown if name in facts}
            assert len(values) == 1, f"disagreement on {name} with {[m.kind for m in self.places.values()]}"
        for leaf, member in self.places.items():
            if isinstance(member, Ours):
                assert member.state.own_leaf == leaf
                assert {index for index, _ in member.state.members()} == set(self.places)
        self.counts["agreement"] += 1

    def talk(self):
        """One or two members speak, everybody else reads the same words."""
        for speaker in self.dice.sample(list(self.places.values()), min(2, len(self.places))):
            words = self.dice.randbytes(self.dice.choice((1, 40, 700)))
            message = speaker.protect(words)
            for member in self.places.values():
                if member is not speaker:
                    assert member.receive(message) == words
                    self.counts["message"] += 1


@pytest.mark.parametrize("first", range(SEED, SEED + SCRIPTS, BATCH))
def test_mls_random_scripts_agree(first, node, tmp_path, capsys):
    totals = {}
    last = min(first + BATCH, SEED + SCRIPTS)
    for seed in range(first, last):
        script = Script(seed, node, tmp_path)
        try:
            script.run(steps=script.dice.randint(3, 6))
        except Exception as error:
            error.add_note(f"script with seed {seed}")
            raise
        for name, count in script.counts.items():
            totals[name] = totals.get(name, 0) + count
    with capsys.disabled():
        counts = ", ".join(f"{count} {name}s" for name, count in totals.items())
        print(f"\nmls interop: scripts {first} to {last - 1}: {counts}, 0 disagreements", end="")
    assert totals["agreement"] > 0


def test_mls_rine_joins_from_outside_and_returns(tmp_path):
    """External commits: we read a join and a resynchronisation that rine-mls makes from our group info."""
    ours = Ours("ours", 1)
    ours.create(os.urandom(16))
    rine = Rine("rine", 1, tmp_path)
    rine.group = rine.client.join_by_external_commit(encode_message(ours.group_info_for_joining()))
    event = ours.process(rine.group.last_commit().commit)
    assert event.added == (1,)
    assert rine.receive(ours.protect(b"welcome")) == b"welcome"
    stale = rine.group.current_member_index()
    info = encode_message(ours.group_info_for_joining())
    rine.group = rine.client.resync_by_external_commit(info, stale)
    event = ours.process(rine.group.last_commit().commit)
    assert event.removed == (stale,)
    assert ours.receive(rine.protect(b"back")) == b"back"
    assert rine.facts()["confirmation"] == ours.facts()["confirmation"]


def test_mls_removed_foreign_members_cannot_read_on(node, tmp_path):
    ours, ts, rine = Ours("a", 1), Ts("b", 1, node), Rine("c", 1, tmp_path)
    ours.create(os.urandom(16))
    _, welcomes = ours.commit([ts.package, rine.package], [], False)
    ours.accept()
    ts.join(welcomes[0])
    rine.join(welcomes[1])
    message, _ = ours.commit([], [1, 2], False)
    ours.accept()
    ts.process(message)
    after = ours.protect(b"between ourselves")
    for outsider in (ts, rine):
        with pytest.raises(Exception, match=r".+"):
            outsider.receive(after)
