"""Group encryption for any input and any order of events."""

import random
import time
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from companion.crypto import primitives
from companion.errors import CryptoError, MessageRejected
from companion.mls import codec, framing, group, key_schedule, messages, nodes, policy, proposals, ratchet_tree, suites
from companion.mls.codec import MESSAGE_BYTES_MAX, Reader
from companion.mls.processing import EpochChanged, RemovedFromGroup
from tests.unit.mls.circle import Circle, Person, env, framed, public, sealed

PARSERS = (
    framing.read_auth_data,
    framing.read_authenticated_content,
    framing.read_framed_content,
    framing.read_public_message,
    framing.read_sender,
    key_schedule.read_group_context,
    key_schedule.read_psk_id,
    messages.read_group_info,
    messages.read_group_secrets,
    messages.read_welcome,
    nodes.read_capabilities,
    nodes.read_credential,
    nodes.read_extensions,
    nodes.read_leaf_node,
    nodes.read_parent_node,
    nodes.read_required_capabilities,
    policy.read_policy,
    proposals.read_commit,
    proposals.read_key_package,
    proposals.read_proposal,
    proposals.read_update_path,
    ratchet_tree.read_ratchet_tree,
    suites.read_hpke_ciphertext,
)


@pytest.fixture(scope="module")
def circle():
    made = Circle("alice", "bob", "carol")
    for name in ("alice", "bob", "carol"):
        made.commit(name)
    return made


@pytest.fixture(scope="module")
def real_messages(circle):
    """Everything that one member can say to another, and what is said to a new one."""
    pending = circle.pending("alice", add=["dave"], remove=["carol"])
    alice, update = group.propose_update(circle["alice"], env())
    assert alice.proposals
    return [
        pending.message,
        update,
        group.protect(circle["alice"], b"some words", env())[1],
        public(circle["alice"], framed(circle["alice"], proposals.Remove(2))),
        pending.welcome,
        circle.people["dave"].published,
    ]


def only_typed(state, packages, data):
    """Feed bytes to everything that takes bytes from others."""
    before = group.encode_state(state)
    for attempt in (
        lambda: group.process(state, data, env()),
        lambda: group.join(data, packages, env()),
        lambda: group.parse_key_package(data, env()),
        lambda: group.head(data),
    ):
        try:
            attempt()
        except MessageRejected:
            continue
    assert group.encode_state(state) == before


@settings(max_examples=150)
@given(data=st.binary(max_size=400))
def test_hostile_bytes_raise_only_typed_errors_in_every_parser(data):
    for read in PARSERS:
        arguments = (framing.ContentType.COMMIT,) if read is framing.read_auth_data else ()
        try:
            read(Reader(data), *arguments)
        except CryptoError:
            continue
    for read in (group.decode_state, group.decode_pending, group.decode_key_package):
        with pytest.raises(CryptoError):
            read(data)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_altered_messages_raise_only_typed_errors_and_change_nothing(circle, real_messages, data):
    message = bytearray(data.draw(st.sampled_from(real_messages)))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, max(0, len(message) - 1)))
        match data.draw(st.sampled_from(["flip", "cut", "insert", "double"])):
            case "flip" if message:
                message[place] ^= data.draw(st.integers(1, 255))
            case "cut":
                del message[place : place + data.draw(st.integers(1, 40))]
            case "insert":
                message[place:place] = data.draw(st.binary(min_size=1, max_size=8))
            case "double":
                message[place:place] = message[place : place + 30]
    only_typed(circle["bob"], [circle.people["dave"].own], bytes(message))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_dishonest_member_can_only_cause_typed_errors(circle, data):
    """Well-formed garbage inside correct encryption and a correct signature."""
    bob = circle["bob"]
    kinds = st.sampled_from(
        [
            proposals.Remove(data.draw(st.integers(0, 2**32 - 1))),
            proposals.ExternalInit(data.draw(st.binary(max_size=40))),
            proposals.GroupContextExtensions(
                tuple(
                    nodes.Extension(kind, data.draw(st.binary(max_size=30)))
                    for kind in data.draw(st.sets(st.integers(0, 65_535), max_size=3))
                )
            ),
            proposals.Add(Person("eve").own.package),
        ]
    )
    chosen = data.draw(st.lists(kinds, max_size=3))
    refs = [proposals.ProposalRef(data.draw(st.binary(max_size=32)))] * data.draw(st.integers(0, 1))
    body = data.draw(st.sampled_from([proposals.Commit((*chosen, *refs), None), *chosen, b"text"]))
    tag = bytes(32) if isinstance(body, proposals.Commit) else None
    only_typed(circle["alice"], [], sealed(bob, framed(bob, body), tag=tag))


@given(number=st.integers(0, 2**30 - 1))
def test_vector_length_has_one_form_only(number):
    encoded = codec.length(number)
    reader = Reader(encoded)
    assert reader.length() == number
    reader.finish()
    for width, prefix in ((2, 0x4000), (4, 0x8000_0000)):
        if width > len(encoded) and number < prefix:
            with pytest.raises(CryptoError):
                Reader((number | prefix).to_bytes(width, "big")).length()


@given(data=st.binary(max_size=70_000))
def test_opaque_vectors_round_trip(data):
    assert codec.decode(codec.opaque(data), codec.read_opaque) == data


def big_messages():
    """One megabyte in the shapes that cost most to read."""
    size = 1_000_000
    yield bytes(size)
    yield b"\x00\x01\x00\x02" + codec.opaque(bytes(size))
    yield b"\x00\x01\x00\x03\x00\x01" + codec.opaque(bytes(size))
    yield b"\x00\x01\x00\x05" + b"\x00\x01" * (size // 2)


def test_one_megabyte_is_refused_in_under_50_ms(circle):
    for data in big_messages():
        started = time.process_time()
        with pytest.raises(MessageRejected, match="too long"):
            group.process(circle["bob"], data, env())
        assert time.process_time() - started < 0.05


def test_longest_message_that_is_read_costs_little(circle):
    """Just under the limit: vectors of the smallest items, which make the most objects."""
    room = MESSAGE_BYTES_MAX - 100
    blanks = codec.opaque(bytes(room))
    for data in (
        b"\x00\x01\x00\x03\x00\x01" + blanks + codec.opaque(b""),
        b"\x00\x01\x00\x01" + codec.opaque(b"g") + bytes(8) + b"\x01" + bytes(4) + b"\x00\x03" + blanks,
        b"\x00\x01\x00\x05\x00\x01\x00\x01" + codec.opaque(b"") * 2 + b"\x00\x01" + codec.opaque(b"") + blanks,
    ):
        started = time.process_time()
        with pytest.raises(MessageRejected):
            group.process(circle["bob"], data, env())
        assert time.process_time() - started < 0.5
    with pytest.raises(CryptoError, match="more than"):
        codec.decode(codec.opaque(bytes(5_000)), ratchet_tree.read_ratchet_tree)


NAMES = [f"person {number}" for number in range(7)]


class Story:
    """A group driven by hypothesis: races, restarts, lost commits, and people who are put out."""

    def __init__(self, data):
        self.data = data
        self.circle = Circle(*NAMES[:2])
        self.outside = {}
        self.used = set()

    def draw(self, choices):
        return self.data.draw(st.sampled_from(sorted(choices)))

    def restart(self, name):
        self.circle.states[name] = group.decode_state(group.encode_state(self.circle[name]))

    def race(self):
        """Two members commit at once; the service takes one of them."""
        states = self.circle.states
        winner, loser = self.draw(states), self.draw(states)
        made = self.circle.pending(winner)
        if loser != winner:
            self.circle.pending(loser)
            self.restart(loser)
        self.circle.deliver(winner, made.message)
        states[winner] = group.accept(states[winner], made, env())

    def add(self):
        free = [name for name in NAMES if name not in self.circle.states]
        if free:
            name = self.draw(free)
            self.circle.people.pop(name, None)
            self.circle.commit(self.draw(self.circle.states), add=[name])

    def remove(self):
        if len(self.circle.states) > 2:
            actor = self.draw(self.circle.states)
            name = self.draw(set(self.circle.states) - {actor})
            state = self.circle[name]
            made = self.circle.pending(actor, remove=[name])
            removed, event = group.process(state, made.message, env())
            assert isinstance(event, RemovedFromGroup)
            self.outside[name] = (state, removed)
            del self.circle.states[name]
            self.circle.deliver(actor, made.message)
            self.circle.states[actor] = group.accept(self.circle[actor], made, env())

    def update(self):
        name = self.draw(self.circle.states)
        self.circle.states[name], message = group.propose_update(self.circle[name], env())
        self.circle.deliver(name, message)
        committer = self.draw(self.circle.states)
        made = self.circle.pending(committer)
        event = self.circle.deliver(committer, made.message)
        assert isinstance(event, EpochChanged)
        self.circle.states[committer] = group.accept(self.circle[committer], made, env())

    def talk(self):
        """Several messages, delivered in any order, some twice, some never."""
        speaker = self.draw(self.circle.states)
        said = [self.circle.say(speaker, str(number).encode()) for number in range(self.data.draw(st.integers(1, 4)))]
        order = self.data.draw(st.permutations(range(len(said))))
        for name in list(self.circle.states):
            if name == speaker:
                continue
            for number in order[: self.data.draw(st.integers(0, len(order)))]:
                self.circle.states[name], event = group.process(self.circle[name], said[number], env())
                assert event.plaintext == str(number).encode()
                with pytest.raises(MessageRejected):
                    group.process(self.circle[name], said[number], env())
        for before, after in self.outside.values():
            for state in (before, after):
                with pytest.raises(MessageRejected):
                    group.process(state, said[0], env())
        self.restart(speaker)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.data_too_large, HealthCheck.too_slow])
@given(data=st.data())
def test_any_order_of_events_leaves_everybody_agreed(data):
    used, encrypt = [], primitives.aead_encrypt

    def watched(aead, key, nonce, *rest):
        used.append((key, nonce))
        return encrypt(aead, key, nonce, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(primitives, "aead_encrypt", watched)
        story = Story(data)
        for _ in range(data.draw(st.integers(1, 6))):
            getattr(story, data.draw(st.sampled_from(["race", "add", "remove", "update"])))()
            story.circle.agree()
            story.talk()
            story.restart(story.draw(story.circle.states))
    assert len(set(used)) == len(used)


def test_long_run_with_restarts_repeats_no_key_and_nonce(monkeypatch):
    """300 random steps with a random source that repeats its guard: uniqueness rests on the ratchets alone."""
    dice, used, encrypt = random.Random(4), [], primitives.aead_encrypt

    def watched(aead, key, nonce, *rest):
        used.append((key, nonce))
        return encrypt(aead, key, nonce, *rest)

    monkeypatch.setattr(primitives, "aead_encrypt", watched)
    circle = Circle("alice", "bob", "carol")
    guard = env(random=bytes)
    for _ in range(300):
        name = dice.choice(sorted(circle.states))
        if dice.random() < 0.1:
            circle.commit(name)
        else:
            circle.deliver(name, circle.say(name, b"same words", guard))
        name = dice.choice(sorted(circle.states))
        circle.states[name] = group.decode_state(group.encode_state(circle[name]))
    assert len(set(used)) == len(used) > 500


def test_state_is_replaced_not_changed(circle):
    state = circle["bob"]
    saved = group.encode_state(state)
    group.protect(state, b"text", env())
    group.commit(state, env())
    group.propose_update(state, env())
    assert group.encode_state(state) == saved
    assert replace(state) == state
