"""A model of the log, in a few lines of Python, against both real stores: whatever is done, they agree with it."""

import asyncio
import hashlib
import itertools

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from services.relay.database.sqlite import SqliteDatabase
from services.relay.hub import Hub
from services.relay.keep.store import Erasure, Shown
from services.relay.limits import DAY_MS, Quotas
from services.relay.log.store import Draft, Known, Limits
from services.relay.refusal import Refusal
from tests.property.log_model import NO_LIMIT, Log

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
KEEPERS = st.sampled_from([bytes([n]) * 32 for n in (7, 8)])
SECRETS = [bytes([n]) * 32 for n in range(3)]
SEQS = st.lists(st.integers(1, 14), min_size=1, max_size=4)
FREE = Limits(events=0, bytes=0, first=0)


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
        self.used = dict.fromkeys(SENDERS, 0)

    @initialize()
    def start(self):
        self.store = self.make_store()
        self.runner.run(self.store.open(self.ear))
        self.create_group(bytes(16), bytes(32), None)
        self.create_group(bytes([1]) * 16, bytes(32), bytes([7]) * 32)
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

    @rule(group=GROUPS, capability=CAPABILITIES, keeper=st.none() | KEEPERS)
    def create_group(self, group, capability, keeper):
        work = self.store.log.create_group(group, capability, b"d" * 16, NOW_MS, keeper=keeper, limits=FREE)
        got = self.outcome(work, bool)
        known = self.logs.get(group)
        if known is None:
            self.logs[group] = Log(capability, keeper)
        is_same = known is not None and (known.capability, known.keeper) == (capability, keeper)
        assert got == (True if known is None else False if is_same else "exists")

    @rule(
        group=GROUPS,
        way=WAYS,
        other=CAPABILITIES,
        cid=CIDS,
        body=BODIES,
        late=st.none() | st.sampled_from([0, 0, 1, 2]),
        following=st.none() | CAPABILITIES,
        sender=st.sampled_from(SENDERS),
        erase=st.none() | st.sampled_from(SECRETS),
    )
    def append(self, group, way, other, cid, body, late, following, sender, erase):
        """With the present capability, a former one or any other; as no commit, one of this epoch or a late one."""
        erase = hashlib.sha256(erase).digest() if erase is not None and late is None else None
        self.send(group, way, other, cid, body, late, following, sender, erase=erase)

    @rule(
        group=GROUPS,
        way=WAYS,
        cid=CIDS,
        following=st.none() | CAPABILITIES,
        keeper=st.none() | KEEPERS,
        is_right=st.booleans(),
        next_keeper=st.none() | KEEPERS,
        late=st.sampled_from([None, 0, 0, 0, 1]),
    )
    def turn(self, group, way, cid, following, keeper, is_right, next_keeper, late):
        """With the keeper in force, any other or none, and what is to follow it."""
        log = self.logs.get(group)
        keeper = log.keeper if log is not None and is_right else keeper
        next_keeper = None if late is None else next_keeper
        self.send(group, way, bytes(32), cid, b"t", late, following, SENDERS[0], keeper=keeper, next_keeper=next_keeper)

    @rule(cid=CIDS, following=CAPABILITIES, next_keeper=KEEPERS)
    def turn_by_the_keeper(self, cid, following, next_keeper):
        group = bytes([1]) * 16
        keeper = self.logs[group].keeper if group in self.logs else None
        given = (group, "present", bytes(32), cid, b"t", 0, following, SENDERS[0])
        self.send(*given, keeper=keeper, next_keeper=next_keeper)

    @rule(group=GROUPS, way=WAYS, keeper=st.none() | KEEPERS, is_right=st.booleans(), seqs=SEQS)
    def empty_by_the_keeper(self, group, way, keeper, is_right, seqs):
        shown, refused, log = self.shown(group, way, keeper, is_right)
        if refused is None and max(seqs) > len(log.events):
            refused = "ahead"
        assert self.outcome(self.store.keep.empty(shown, seqs), lambda _: None) == refused
        if refused is None:
            log.empty(lambda place: place + 1 in seqs and not log.is_notice(place))

    @rule(
        group=GROUPS,
        way=WAYS,
        keeper=st.none() | KEEPERS,
        is_right=st.booleans(),
        most=st.integers(0, 6),
        first=st.integers(0, 6),
    )
    def set_limits(self, group, way, keeper, is_right, most, first):
        shown, refused, log = self.shown(group, way, keeper, is_right)
        limits = Limits(events=most, bytes=0, first=first)
        assert self.outcome(self.store.keep.set_limits(shown, limits), lambda _: None) == refused
        if refused is None:
            log.most = min([number for number in (most, first) if number], default=NO_LIMIT)

    @rule(group=GROUPS, way=WAYS, keeper=st.none() | KEEPERS, is_right=st.booleans(), is_meant=st.integers(0, 3))
    def drop(self, group, way, keeper, is_right, is_meant):
        shown, refused, _ = self.shown(group, way, keeper, is_right)
        if is_meant:
            return  # not often: a log has to grow
        assert self.outcome(self.store.keep.drop(shown), lambda _: None) == refused
        if refused is None:
            del self.logs[group]
            self.ear.heard.pop(group, None)

    @rule(
        group=GROUPS,
        secret=st.sampled_from(SECRETS),
        way=st.sampled_from(["none", "none", "present", "other"]),
        other=CAPABILITIES,
    )
    def erase(self, group, secret, way, other):
        log = self.logs.get(group)
        capability = None if way == "none" else self.capability(group, way, other)
        erasure = Erasure(group=group, secret=secret, capability_hash=capability, device=SENDERS[0], at_ms=NOW_MS)
        got = self.outcome(self.store.keep.erase(erasure), lambda _: None)
        assert got == ("unknown" if log is None else log.erase(secret, capability))

    def shown(self, group, way, keeper, is_right):
        """Return what is shown, why it is refused, and the log."""
        log = self.logs.get(group)
        capability = self.capability(group, way, bytes([9]) * 32)
        keeper = log.keeper if log is not None and is_right else keeper
        shown = Shown(group=group, capability_hash=capability, keeper=keeper)
        return shown, "unknown" if log is None else log.shows(capability, keeper), log

    @rule(group=GROUPS, cid=CIDS, body=BODIES, following=CAPABILITIES)
    def replace_the_capability(self, group, cid, body, following):
        self.send(group, "present", following, cid, body, 0, following, SENDERS[0])

    @rule(group=GROUPS, other=CAPABILITIES, cid=CIDS, body=BODIES, late=st.none() | st.sampled_from([0, 1]))
    def append_by_a_former_capability(self, group, other, cid, body, late):
        self.send(group, "former", other, cid, body, late, other, SENDERS[0])

    def send(self, group, way, other, cid, body, late, following, sender, **kept):
        log = self.logs.get(group)
        capability = self.capability(group, way, other)
        epoch = None if late is None else max(0, log.epoch - late) if log is not None else 0
        given = (capability, cid, body, epoch, following if epoch is not None else None, sender)
        got = self.outcome(self.store.log.append(draft(group, *given, **kept)), receipt)
        is_gone = sender in self.gone
        assert got == ("unknown" if log is None else log.append(*given, self.used, is_gone, **kept))

    @rule(sender=st.sampled_from(SENDERS[1:]))
    def delete(self, sender):
        self.runner.run(self.store.devices.delete_account(sender, NOW_MS))
        self.gone.add(sender)
        for log in self.logs.values():
            log.empty(lambda place, log=log: log.authors[place] == sender)

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
            hangs_on_order = result in ("keeper", "slow-down") or result[0] == "epoch"  # the cid may have come later
            if result[1:] != (True,) and not hangs_on_order:
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
        return "unknown" if log is None else log.append(capability, cid, body, epoch, sender=SENDERS[0], used=self.used)


def draft(group, capability, cid, body, epoch, following=None, sender=SENDERS[0], **kept):
    return Draft(
        group=group,
        capability_hash=capability,
        device=sender,
        cid=cid,
        body=body,
        at_ms=NOW_MS,
        epoch=epoch,
        next_capability=following,
        **kept,
    )


def receipt(got):
    assert got.at_ms in (NOW_MS, NOW_MS - NOW_MS % DAY_MS)  # what was emptied keeps the day
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
