"""Who may change a group's membership: an extension of the group context, signed and enforced by every receiver.

The extension has a private-use type (nodes.EXTENSION_POLICY). It names the administrators as people, whatever device
they use: the first PERSON_BYTES of a credential identity are the person, the rest is the device. It is signed by one
of them together with the group's id, so that a joiner can tell an administrator's group from one that an ordinary
member made up. The lowest cipher suite allowed can only rise.
"""

from dataclasses import dataclass, replace

from companion.errors import CryptoError
from companion.mls import codec, suites
from companion.mls.codec import Reader
from companion.mls.nodes import EXTENSION_POLICY, Extension, LeafNode, find_extension
from companion.mls.proposals import (
    Add,
    ExternalInit,
    PreSharedKey,
    Proposal,
    Remove,
    Update,
)

POLICY_VERSION_MIN = 1  # administrators change the membership
POLICY_VERSION = 2  # 2026-11: every member may add, the rest is the administrators'
ADMINISTRATORS_MAX = 64
PERSON_BYTES = 32

_LABEL = b"CompanionMembershipPolicy"


def person_of(identity: bytes) -> bytes:
    """Return the person in a credential identity."""
    return identity[:PERSON_BYTES]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Administrators may add, remove and change extensions; everybody may update, and propose to leave.

    Everybody may also add and remove devices of their own, and let a member's device that lost its place come back:
    remove it and add it again under the same credential and key, in one commit. With `members_may_add` everybody may
    add. `revision` starts at 1 and rises by one with every change.
    """

    revision: int
    minimum_suite: int
    administrators: tuple[bytes, ...]
    members_may_add: bool = False
    signer: bytes = b""
    signature_key: bytes = b""
    signature: bytes = b""

    def _fields(self) -> bytes:
        return (
            codec.uint8(POLICY_VERSION if self.members_may_add else POLICY_VERSION_MIN)
            + codec.uint32(self.revision)
            + codec.uint16(self.minimum_suite)
            + codec.vector(codec.opaque(identity) for identity in self.administrators)
            + codec.opaque(self.signer)
            + codec.opaque(self.signature_key)
        )

    def extension(self) -> Extension:
        """Return the group-context extension."""
        return Extension(EXTENSION_POLICY, self._fields() + codec.opaque(self.signature))

    def signed(self, private: bytes, group_id: bytes, signer: LeafNode) -> "Policy":
        """Return this policy, signed by an administrator for one group."""
        named = replace(self, signer=signer.credential.identity, signature_key=signer.signature_key)
        content = codec.opaque(group_id) + named._fields()
        return replace(named, signature=suites.sign_with_label(private, _LABEL, content))

    def verify(self, group_id: bytes, suite_id: int) -> None:
        """Check that an administrator signed this policy for this group, and that the suite is allowed.

        Raises: CryptoError if not.
        """
        if person_of(self.signer) not in self.administrators:
            raise CryptoError("a policy is signed by somebody who is no administrator")
        if suite_id < self.minimum_suite:
            raise CryptoError(f"cipher suite {suite_id} is below the group's minimum of {self.minimum_suite}")
        content = codec.opaque(group_id) + self._fields()
        suites.verify_with_label(self.signature_key, _LABEL, content, self.signature)

    def allows(
        self,
        author: LeafNode | None,
        author_index: int | None,
        proposal: Proposal,
        *,
        target: LeafNode | None = None,
        is_return: bool = False,
    ) -> bool:
        """Tell whether a member may propose this; `author` is None for anybody outside the group.

        `target` is the leaf that an Add or a Remove is about, `is_return` whether the same commit removes it and adds
        it again.
        """
        if author is None or isinstance(proposal, ExternalInit):
            return False  # members come by invitation, so nobody joins from outside
        person = person_of(author.credential.identity)
        match proposal:
            case Update() | PreSharedKey():
                return True
            case Remove(removed) if author_index == removed:
                return True
            case Add() | Remove() if target is not None:
                if is_return or person_of(target.credential.identity) == person:
                    return True
                return person in self.administrators or (isinstance(proposal, Add) and self.members_may_add)
            case _:
                return person in self.administrators


def read_policy(reader: Reader) -> Policy:
    """Read the content of the extension."""
    version = reader.uint8()
    if not POLICY_VERSION_MIN <= version <= POLICY_VERSION:
        raise CryptoError(f"policy version {version} is not supported")
    return Policy(
        members_may_add=version == POLICY_VERSION,
        revision=reader.uint32(),
        minimum_suite=reader.uint16(),
        administrators=reader.vector(codec.read_opaque, ADMINISTRATORS_MAX),
        signer=reader.opaque(),
        signature_key=reader.opaque(),
        signature=reader.opaque(),
    )


def policy_of(extensions: tuple[Extension, ...]) -> Policy | None:
    """Return the policy among a group's extensions; without one the RFC's own rules hold, and all may change all.

    Raises: CryptoError if it is malformed.
    """
    data = find_extension(extensions, EXTENSION_POLICY)
    return None if data is None else codec.decode(data, read_policy)


def verify_change(
    old: Policy | None, new: Policy | None, author: LeafNode | None, group_id: bytes, suite_id: int
) -> None:
    """Check a proposal to replace the policy; that its author is an administrator was checked before.

    Raises: CryptoError if the policy is dropped, goes back, or is not signed by the author.
    """
    if new == old:
        return
    if new is None:
        raise CryptoError("a policy cannot be dropped")
    new.verify(group_id, suite_id)
    if author is None or (new.signer, new.signature_key) != (author.credential.identity, author.signature_key):
        raise CryptoError("a policy must be signed by the member who proposes it")
    if new.revision != (old.revision if old else 0) + 1:
        raise CryptoError(f"a policy cannot go to revision {new.revision}")
    if old is not None and new.minimum_suite < old.minimum_suite:
        raise CryptoError("the lowest cipher suite can only rise")
