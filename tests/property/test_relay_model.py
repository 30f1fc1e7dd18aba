"""A model of the log, in a few lines of Python, against both real stores: whatever is done, they agree with it."""

import asyncio
import itertools

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from services.relay.database.sqlite import SqliteDatabase
from services.relay.hub import Hub
from services.relay.limits import Quotas
from services.relay.log.store import Draft, Known
from services.relay.refusal import Refusal

NOW_MS = 1_800_000_000_000
GROUPS = st.sampled_from([bytes([n]) * 16 for n in (0, 0, 1)])
CAPABILITIES = st.sampled_from([bytes([n]) * 32 for n in range(3)])
CIDS = st.sampled_from([bytes([n]) * 16 for n in range(12)])
BODIES = st.sampled_from([1, 2, 3_000]).map(bytes)
EPOCHS = st.none() | st.integers(0, 4)
WAYS = st.sampled_from(["present", "present", "former", "other"])
INVITES = st.sampled_from([bytes([n]) * 16 for n in range(2)])
DEVICES = st.sampled_from([bytes([n]) * 16 for n in range(2)])
SENDERS = [b"d" * 16, b"e" * 16, b"f" * 16]


class Log:
    """What one group should be."""

    def __init__(self, capability):
        self.capability = capability
        self.former = {}
        self.events = []
        self.said = []
        self.authors = []
        self.epoch = 0
        self.winners = {}

    def head(self, capability):
        """Return up to where this capability reads, or None if it opens nothing."""
        return len(self.events) if capability == self.capability else self.former.get(capability)

    def append(self, capability, cid, body, epoch, following=None, sender=None, is_gone=False):
        """Return (seq, is new) or the code of a refusal."""
        head = self.head(capability)
        if head is None:
            return "unknown"
        for seq, known in enumerate(self.events[:head], 1):
            if known[0] == cid:
                return (seq, False) if known[1] in (body, b"") else "other-bytes"  # emptied: nothing to compare
        if epoch is not None and epoch != self.epoch:
            winner = self.winners.get(epoch)
            return ("epoch", self.epoch, head, winner if winner is not None and winner <= head else None)
        if capability != self.capability:
            return "rotated"
        if is_gone:
            return "no-session"
        self.events.append((cid, body))
        self.said.append((cid, body))
        self.authors.append(sender)
        if epoch is not None:
            self.winners[epoch] = len(self.events)
            self.epoch += 1
        if following not in (None, self.capability):
            self.former[self.capability] = len(self.events)
            self.former.pop(following, None)
            self.capability = following
        return len(self.events), True

    def empty(self, sender):
        """The sender is deleted: the numbers stay."""
        for place, author in enumerate(self.authors):
            if author == sender:
                self.events[place] = (self.events[place][0], b"")


class Ear(Hub):
    """Remembers what was announced."""

    def __init__(self):
        super().__init__()
        self.heard = {}

    def publish(self, group, event):
        self.heard.setdefault(group, []).append(event)


class LogMachine(RuleBasedStateMachine):
    """`make_store` makes the store that is put to the test, the same one each time."""

    def __init__(self, make_store, has_one_writer):
        super().__init__()
        self.make_store = make_store
        self.has_one_writer = has_one_writer
        self.ear = Ear()
        self.runner = asyncio.Runner()
        self.logs = {}
        self.invites = {}
        self.gone = set()

    @initialize()
    def start(self):
        self.store = self.make_store()
        self.runner.run(self.store.open(self.ear))
        self.create_group(bytes(16), bytes(32))
        for sender in SENDERS:
            self.runner.run(
                self.store.devices.open_session(sender, sender * 2, sender * 2, NOW_MS + 1, NOW_MS, may_register=True)
            )

    def teardown(self):
        if hasattr(self, "store"):
            self.runner.run(self.store.close())
        self.runner.close()

    def outcome(self, work, shape):
        try:
            return shape(self.runner.run(work))
        except Refusal as refusal:
            return refused(refusal)

    @rule(group=GROUPS, capability=CAPABILITIES)
    def create_group(self, group, capability):
        got = self.outcome(self.store.log.create_group(group, capability, b"d" * 16, NOW_MS), bool)
        known = self.logs.get(group)
        if known is None:
            self.logs[group] = Log(capability)
        assert got == (True if known is None else False if known.capability == capability else "exists")

    @rule(
        group=GROUPS,
        way=WAYS,
        other=CAPABILITIES,
        cid=CIDS,
        body=BODIES,
        late=st.none() | st.sampled_from([0, 0, 1, 2]),
        following=st.none() | CAPABILITIES,
        sender=st.sampled_from(SENDERS),
    )
    def append(self, group, way, other, cid, body, late, following, sender):
        """With the present capability, a former one or any other; as no commit, one of this epoch or a late one."""
        self.send(group, way, other, cid, body, late, following, sender)

    @rule(group=GROUPS, cid=CIDS, body=BODIES, following=CAPABILITIES)
    def replace_the_capability(self, group, cid, body, following):
        self.send(group, "present", following, cid, body, 0, following, SENDERS[0])

    @rule(group=GROUPS, other=CAPABILITIES, cid=CIDS, body=BODIES, late=st.none() | st.sampled_from([0, 1]))
    def append_by_a_former_capability(self, group, other, cid, body, late):
        self.send(group, "former", other, cid, body, late, other, SENDERS[0])

    def send(self, group, way, other, cid, body, late, following, sender):
        log = self.logs.get(group)
        capability = self.capability(group, way, other)
        epoch = None if late is None else max(0, log.epoch - late) if log is not None else 0
        given = (capability, cid, body, epoch, following if epoch is not None else None, sender)
        got = self.outcome(self.store.log.append(draft(group, *given)), receipt)
        assert got == ("unknown" if log is None else log.append(*given, sender in self.gone))

    @rule(sender=st.sampled_from(SENDERS[1:]))
    def delete(self, sender):
        self.runner.run(self.store.devices.delete_account(sender, NOW_MS))
        self.gone.add(sender)
        for log in self.logs.values():
            log.empty(sender)

    @rule(group=GROUPS, items=st.lists(st.tuples(CIDS, BODIES, EPOCHS), min_size=2, max_size=8))
    def append_many_at_once(self, group, items):
        """With one writer they count in the order of the calls; otherwise the receipts tell the order."""
        capability = self.logs[group].capability if group in self.logs else bytes(32)

        async def all_at_once():
            work = (self.store.log.append(draft(group, capability, *item)) for item in items)
            return await asyncio.gather(*work, return_exceptions=True)

        results = self.runner.run(all_at_once())
        got = [refused(r) if isinstance(r, Refusal) else receipt(r) for r in results]
        if self.has_one_writer:
            assert got == [self.expected(group, capability, *item) for item in items]
            return
        pairs = [(r, item) for r, item in zip(got, items, strict=True) if r != "unknown"]
        for number, item in sorted((r[0], item) for r, item in pairs if r[1:] == (True,)):
            assert self.expected(group, capability, *item) == (number, True)
        for result, item in pairs:
            if result[1:] != (True,) and result[0] != "epoch":
                assert result == self.expected(group, capability, *item)

    def capability(self, group, way, other):
        log = self.logs.get(group)
        if log is None or way == "other" or (way == "former" and not log.former):
            return other
        return log.capability if way == "present" else next(iter(log.former))

    @rule(group=GROUPS, way=WAYS, other=CAPABILITIES, since=st.integers(0, 14), limit=st.integers(1, 5))
    def read(self, group, way, other, since, limit):
        capability = self.capability(group, way, other)
        page = self.runner.run(self.store.log.read(group, capability, since, limit))
        log = self.logs.get(group)
        head = (log.head(capability) or 0) if log is not None else 0
        events = log.events[:head] if log is not None else []
        expected = [(seq, *event) for seq, event in enumerate(events[since : since + limit], since + 1)]
        assert [(e.seq, e.cid, e.body) for e in page.events] == expected
        assert page.head == head
        assert page.is_former == (log is not None and capability in log.former)

    @rule(groups=st.lists(st.tuples(GROUPS, CAPABILITIES), max_size=4))
    def heads(self, groups):
        def head(group, capability):
            log = self.logs.get(group)
            return log.head(capability) if log is not None else None

        openings = self.runner.run(self.store.log.openings(groups))
        assert tuple(o and o.head for o in openings) == tuple(head(*g) for g in groups)

    @rule(
        group=GROUPS, way=WAYS, other=CAPABILITIES, since=st.integers(0, 14), cid=st.none() | CIDS, fits=st.booleans()
    )
    def go_on_from(self, group, way, other, since, cid, fits):
        """With an event in mind, the right one often: what stands there now, and whether one can go on from it."""
        capability, log = self.capability(group, way, other), self.logs.get(group)
        head = None if log is None else log.head(capability)
        stands = None if head is None or not 0 < since <= head else log.events[since - 1][0]
        cid = stands if fits and cid is not None else cid
        place = 0 if cid is None else since
        (opening,) = self.runner.run(self.store.log.openings([(group, capability)], [place]))
        if head is None:
            assert opening is None
            return
        assert opening.cid == (None if cid is None else stands)
        expected = "rotated" if since == head and capability in log.former else None
        expected = "other" if cid is not None and stands not in (None, cid) else expected
        expected = "ahead" if since > head else expected
        known = None if cid is None else Known(cid=cid, at_ms=NOW_MS)
        assert opening.refuses(since, known) == expected

    @rule(invite=INVITES, body=BODIES, life_ms=st.sampled_from([0, 1_000]))
    def put_invite(self, invite, body, life_ms):
        known = self.invites.get(invite)
        got = self.outcome(self.store.log.put_invite(invite, body, NOW_MS + life_ms, b"d" * 16, NOW_MS), bool)
        if known is None:
            self.invites[invite] = [body, life_ms, None]
        assert got == (True if known is None else False if known[0] == body else "exists")

    @rule(invite=INVITES, claimant=DEVICES)
    def claim_invite(self, invite, claimant):
        got = self.outcome(self.store.log.claim_invite(invite, claimant, NOW_MS), lambda found: found.body)
        known = self.invites.get(invite)
        if known is None:
            assert got == "unknown"
        elif known[2] not in (None, claimant):
            assert got == "used"
        elif known[1] == 0:
            assert got == "expired"
        else:
            known[2] = claimant
            assert got == known[0]

    @rule()
    def restart(self):
        incarnation = self.store.incarnation
        self.runner.run(self.store.close())
        self.store = self.make_store()
        self.runner.run(self.store.open(self.ear))
        assert self.store.incarnation == incarnation

    @invariant()
    def listeners_heard_each_new_event_once_in_order(self):
        for group, log in self.logs.items():
            heard = [(e.seq, e.cid, e.body) for e in self.ear.heard.get(group, [])]
            assert (heard if self.has_one_writer else sorted(heard)) == [
                (seq, *event) for seq, event in enumerate(log.said, 1)
            ]

    def expected(self, group, capability, cid, body, epoch):
        log = self.logs.get(group)
        return "unknown" if log is None else log.append(capability, cid, body, epoch, sender=SENDERS[0])


def draft(group, capability, cid, body, epoch, following=None, sender=SENDERS[0]):
    return Draft(
        group=group,
        capability_hash=capability,
        device=sender,
        cid=cid,
        body=body,
        at_ms=NOW_MS,
        epoch=epoch,
        next_capability=following,
    )


def receipt(got):
    assert got.at_ms == NOW_MS
    return got.seq, got.is_new


def refused(refusal):
    if refusal.code != "epoch":
        return refusal.code
    winner = refusal.details["winner"]
    return "epoch", refusal.details["epoch"], refusal.details["head"], winner and winner["seq"]


def run(make_machine, examples):
    few = settings(max_examples=examples, stateful_step_count=30, deadline=None)
    run_state_machine_as_test(make_machine, settings=few)


QUOTAS = Quotas(events_per_minute=10**6)


def test_log_in_sqlite_is_the_model(tmp_path):
    numbers = itertools.count()

    def machine():
        path = tmp_path / f"{next(numbers)}.db"
        return LogMachine(lambda: SqliteDatabase(path, QUOTAS), has_one_writer=True)

    run(machine, 30)


def test_log_in_postgres_is_the_model(postgres):
    from services.relay.database.postgres import PostgresDatabase

    url = postgres.create_database("model")

    def machine():
        postgres.empty("model")
        return LogMachine(lambda: PostgresDatabase(url, QUOTAS), has_one_writer=False)

    run(machine, 15)
