"""Keys and nonces of messages: the secret tree and its ratchets (RFC 9420 section 9).

Immutable: taking a key returns the tree without it, and only a caller that could use the key keeps that tree. What
was used, and everything it followed from, is gone from the new tree (section 9.2).
"""

from dataclasses import dataclass, field, replace
from enum import IntEnum

from companion.errors import CryptoError
from companion.mls import codec, tree_math
from companion.mls.codec import Reader
from companion.mls.suites import HASH_BYTES, CipherSuite, derive_secret, expand_with_label, suite_from_id

SKIPPED_MAX = 1_000
GENERATION_MAX = 2**32 - 1


class RatchetKind(IntEnum):
    """Every sender has two ratchets."""

    HANDSHAKE = 0
    APPLICATION = 1


@dataclass(frozen=True, slots=True)
class MessageKey:
    """Key and nonce of one generation."""

    key: bytes
    nonce: bytes


def _derive_tree_secret(secret: bytes, label: bytes, generation: int, length: int) -> bytes:
    """DeriveTreeSecret (section 9.1)."""
    return expand_with_label(secret, label, codec.uint32(generation), length)


@dataclass(frozen=True, slots=True)
class Ratchet:
    """One sender's chain: the secret of the next generation, and keys of generations that were skipped."""

    secret: bytes
    generation: int = 0
    skipped: dict[int, MessageKey] = field(default_factory=dict)

    def _step(self, suite: CipherSuite) -> "tuple[MessageKey, Ratchet]":
        """Return the next key and the ratchet after it."""
        if self.generation >= GENERATION_MAX:
            raise CryptoError("a ratchet has no generation left")
        key = MessageKey(
            _derive_tree_secret(self.secret, b"key", self.generation, suite.aead.key_bytes),
            _derive_tree_secret(self.secret, b"nonce", self.generation, 12),
        )
        after = _derive_tree_secret(self.secret, b"secret", self.generation, HASH_BYTES)
        return key, Ratchet(after, self.generation + 1, self.skipped)

    def next(self, suite: CipherSuite) -> "tuple[MessageKey, Ratchet]":
        """Return the key to send with, and the ratchet that has moved on."""
        return self._step(suite)

    def at(self, suite: CipherSuite, generation: int) -> "tuple[MessageKey, Ratchet]":
        """Return the key to receive with; keys passed over are kept, at most SKIPPED_MAX, the oldest go first.

        Raises: CryptoError if the generation was used, dropped, or lies more than SKIPPED_MAX ahead.
        """
        if generation < self.generation:
            if generation not in self.skipped:
                raise CryptoError(f"generation {generation} was used already or is too old")
            rest = {number: key for number, key in self.skipped.items() if number != generation}
            return self.skipped[generation], replace(self, skipped=rest)
        if generation - self.generation > SKIPPED_MAX:
            raise CryptoError(f"generation {generation} lies too far ahead")
        ratchet, passed = self, dict(self.skipped)
        while ratchet.generation < generation:
            number = ratchet.generation
            passed[number], ratchet = ratchet._step(suite)
        key, ratchet = ratchet._step(suite)
        for number in sorted(passed)[: max(0, len(passed) - SKIPPED_MAX)]:
            del passed[number]
        return key, Ratchet(ratchet.secret, ratchet.generation, passed)

    def encode(self) -> bytes:
        """Return the form kept in a saved state."""
        keys = (
            codec.uint32(number) + codec.opaque(key.key) + codec.opaque(key.nonce)
            for number, key in sorted(self.skipped.items())
        )
        return codec.opaque(self.secret) + codec.uint32(self.generation) + codec.vector(keys)


def read_ratchet(reader: Reader) -> Ratchet:
    """Read a ratchet from a saved state."""
    secret, generation = reader.opaque(), reader.uint32()
    skipped = reader.vector(lambda inner: (inner.uint32(), MessageKey(inner.opaque(), inner.opaque())), SKIPPED_MAX)
    return Ratchet(secret, generation, dict(skipped))


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretTree:
    """The secrets of one epoch that nobody has used yet.

    `secrets`: by node index, those of subtrees that no message has come from; `ratchets`: by leaf index, of senders
    that have been heard, the handshake ratchet first.
    """

    suite: CipherSuite
    leaf_count: int
    secrets: dict[int, bytes]
    ratchets: dict[int, tuple[Ratchet, Ratchet]]

    def _opened(self, leaf_index: int) -> "SecretTree":
        """Return the tree with a leaf's ratchets made, and the secrets they followed from gone (section 9)."""
        if leaf_index in self.ratchets:
            return self
        if not 0 <= leaf_index < self.leaf_count:
            raise CryptoError(f"there is no leaf {leaf_index}")
        secrets = dict(self.secrets)
        leaf = 2 * leaf_index
        node = next(node for node in (leaf, *tree_math.direct_path(leaf, self.leaf_count)) if node in secrets)
        secret = secrets.pop(node)
        while node != leaf:
            branches = {
                tree_math.left(node): expand_with_label(secret, b"tree", b"left", HASH_BYTES),
                tree_math.right(node): expand_with_label(secret, b"tree", b"right", HASH_BYTES),
            }
            node = tree_math.child_towards(node, leaf)
            secret = branches.pop(node)
            secrets.update(branches)
        pair = (Ratchet(derive_secret(secret, b"handshake")), Ratchet(derive_secret(secret, b"application")))
        return replace(self, secrets=secrets, ratchets={**self.ratchets, leaf_index: pair})

    def _with_ratchet(self, leaf_index: int, kind: RatchetKind, ratchet: Ratchet) -> "SecretTree":
        handshake, application = self.ratchets[leaf_index]
        pair = (ratchet, application) if kind == RatchetKind.HANDSHAKE else (handshake, ratchet)
        ratchets = {**self.ratchets, leaf_index: pair}
        return SecretTree(suite=self.suite, leaf_count=self.leaf_count, secrets=self.secrets, ratchets=ratchets)

    def next_key(self, leaf_index: int, kind: RatchetKind) -> "tuple[int, MessageKey, SecretTree]":
        """Return generation and key to send with, and the tree without them.

        The tree must be saved before anything sealed with the key leaves the device.
        """
        tree = self._opened(leaf_index)
        ratchet = tree.ratchets[leaf_index][kind]
        key, moved = ratchet.next(self.suite)
        return ratchet.generation, key, tree._with_ratchet(leaf_index, kind, moved)

    def key_at(self, leaf_index: int, kind: RatchetKind, generation: int) -> "tuple[MessageKey, SecretTree]":
        """Return the key to receive with, and the tree without it.

        Raises: CryptoError if the generation was used, dropped, or lies too far ahead.
        """
        tree = self._opened(leaf_index)
        key, moved = tree.ratchets[leaf_index][kind].at(self.suite, generation)
        return key, tree._with_ratchet(leaf_index, kind, moved)

    def encode(self) -> bytes:
        """Return the form kept in a saved state."""
        secrets = (codec.uint32(node) + codec.opaque(secret) for node, secret in sorted(self.secrets.items()))
        ratchets = (
            codec.uint32(leaf) + pair[0].encode() + pair[1].encode() for leaf, pair in sorted(self.ratchets.items())
        )
        return codec.uint16(self.suite) + codec.uint32(self.leaf_count) + codec.vector(secrets) + codec.vector(ratchets)


def new_secret_tree(suite: CipherSuite, leaf_count: int, encryption_secret: bytes) -> SecretTree:
    """Return the tree of a new epoch."""
    root = tree_math.root(leaf_count)
    return SecretTree(suite=suite, leaf_count=leaf_count, secrets={root: encryption_secret}, ratchets={})


def read_secret_tree(reader: Reader) -> SecretTree:
    """Read a secret tree from a saved state."""
    suite, leaf_count = suite_from_id(reader.uint16()), reader.uint32()
    secrets = reader.vector(lambda inner: (inner.uint32(), inner.opaque()), 2 * codec.LEAVES_MAX)
    ratchets = reader.vector(
        lambda inner: (inner.uint32(), (read_ratchet(inner), read_ratchet(inner))), codec.LEAVES_MAX
    )
    return SecretTree(suite=suite, leaf_count=leaf_count, secrets=dict(secrets), ratchets=dict(ratchets))
