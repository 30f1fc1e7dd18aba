"""What the rest of the app uses: every operation on a group, each a function from one state to the next.

Save the returned state before sending what was returned with it, and never go back to an older state. Whatever a peer
sent that does not hold raises `MessageRejected` and changes nothing; what the caller did wrong raises `CryptoError`.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

from companion.crypto import primitives
from companion.crypto.primitives import RandomSource
from companion.errors import CryptoError, MessageRejected
from companion.mls import codec, committing, joining, key_schedule, processing, rules, storage
from companion.mls.committing import PendingCommit, require_active
from companion.mls.framing import PublicMessage
from companion.mls.group_state import Environment, Group
from companion.mls.joining import Identity, OwnKeyPackage
from companion.mls.key_schedule import PreSharedKeyId
from companion.mls.messages import MessageHead, Welcome, decode_message, decode_once, encode_message, read_head
from companion.mls.nodes import EXTENSION_POLICY, Extension
from companion.mls.policy import Policy
from companion.mls.private_message import PrivateMessage, open_sender_data
from companion.mls.processing import ApplicationMessage, Event
from companion.mls.proposals import (
    Add,
    GroupContextExtensions,
    KeyPackage,
    PreSharedKey,
    Proposal,
    Remove,
)
from companion.mls.suites import HASH_BYTES, CipherSuite

DEFAULT_SUITE = CipherSuite.X25519_AES128GCM_SHA256_ED25519
APPLICATION_BYTES_MAX = 262_144


def new_identity(name: bytes, random: RandomSource = primitives.random_bytes) -> Identity:
    """Return a device's identity with a fresh Ed25519 key pair. `name`: at most a few hundred bytes."""
    private, public = primitives.signing_keypair(random)
    return Identity(name=name, signature_private=private, signature_public=public)


def make_key_package(
    identity: Identity,
    environment: Environment,
    *,
    suite: CipherSuite = DEFAULT_SUITE,
    is_last_resort: bool = False,
) -> tuple[OwnKeyPackage, bytes]:
    """Return a key package with its private keys, to be kept, and the message to publish (RFC 9420 section 10).

    Publish about twenty for one use each, and one as the last resort.
    """
    own = joining.new_key_package(identity, environment, suite, is_last_resort)
    return own, encode_message(own.package)


def parse_key_package(data: bytes, environment: Environment, suite: CipherSuite = DEFAULT_SUITE) -> KeyPackage:
    """Return somebody's published key package after checking it (RFC 9420 section 10.1), to see whose it is.

    `commit` and `propose_add` take the published message itself and check it again.
    Raises: MessageRejected if it is malformed, forged, expired, or its owner cannot join groups of this suite.
    """
    try:
        package = _read_key_package(data)
        rules.verify_key_package(package, suite, environment)
    except CryptoError as error:
        raise MessageRejected(str(error)) from None
    return package


def _read_key_package(data: bytes) -> KeyPackage:
    package = decode_message(data)
    if not isinstance(package, KeyPackage):
        raise CryptoError("not a key package")
    return package


def create_group(
    identity: Identity,
    group_id: bytes,
    environment: Environment,
    *,
    suite: CipherSuite = DEFAULT_SUITE,
    administrators: Sequence[bytes] = (),
    members_may_add: bool = False,
    extensions: Sequence[Extension] = (),
) -> Group:
    """Return a group of one (RFC 9420 section 11). `group_id`: 16 to 32 random bytes.

    `administrators`: the people (policy.person_of) who may change the membership, ourselves among them. Without any,
    the group has no policy and everybody may. `members_may_add`: everybody may add, but not remove.
    """
    policy = None
    if administrators:
        policy = Policy(
            revision=1, minimum_suite=suite, administrators=tuple(administrators), members_may_add=members_may_add
        )
    return joining.new_group(identity, group_id, environment, suite, policy, tuple(extensions))


def join(
    welcome: bytes,
    packages: Sequence[OwnKeyPackage],
    environment: Environment,
    *,
    known_groups: Collection[bytes] = (),
    tree: bytes | None = None,
) -> tuple[Group, OwnKeyPackage]:
    """Join the group of a Welcome (RFC 9420 section 12.4.3.1).

    Returns the state and the key package that was used; delete that one unless it is the last resort.
    `known_groups`: ids of the groups we are in; `tree`: the ratchet tree, if it is not in the Welcome.
    Raises: MessageRejected if the Welcome is for none of our packages, or anything in it does not hold.
    """
    try:
        payload = decode_message(welcome)
        if not isinstance(payload, Welcome):
            raise CryptoError("not a Welcome")
        return joining.join_group(payload, packages, environment, known_groups, tree)
    except CryptoError as error:
        raise MessageRejected(str(error)) from None


def propose_add(group: Group, package: bytes, environment: Environment) -> tuple[Group, bytes]:
    """Propose to add the owner of a published key package (RFC 9420 section 12.1.1).

    Returns the state and the message to send.
    """
    return committing.propose(group, Add(_read_key_package(package)), environment)


def propose_remove(group: Group, leaf_index: int, environment: Environment) -> tuple[Group, bytes]:
    """Propose to remove a member; everybody may propose their own leaving (RFC 9420 section 12.1.3)."""
    return committing.propose(group, Remove(leaf_index), environment)


def propose_update(group: Group, environment: Environment) -> tuple[Group, bytes]:
    """Propose a new key for our own leaf (RFC 9420 section 12.1.2)."""
    return committing.propose_update(group, environment)


def commit(
    group: Group,
    environment: Environment,
    *,
    add: Sequence[bytes] = (),
    remove: Sequence[int] = (),
    psk_ids: Sequence[bytes] = (),
    administrators: Sequence[bytes] | None = None,
    with_path: bool = True,
) -> tuple[Group, PendingCommit]:
    """Make a commit: these changes, and what others have proposed (RFC 9420 section 12.4.1).

    Without changes it renews our keys. Save both results, send `message`, and when the service has accepted it call
    `accept` and send `welcome`. If another commit was first, drop the pending one and process the winner.
    `add`: published key packages; `remove`: leaf indices; `psk_ids`: external keys in the environment;
    `administrators`: replaces the policy; `with_path=False`: do not renew our keys, where the RFC allows that.
    Raises: CryptoError if a change is invalid or the policy does not allow it to us.
    """
    proposals: list[Proposal] = [Remove(leaf_index) for leaf_index in remove]
    proposals += [Add(_read_key_package(package)) for package in add]
    for psk_id in psk_ids:
        proposals.append(PreSharedKey(PreSharedKeyId(psk_id=psk_id, psk_nonce=environment.random(HASH_BYTES))))
    if administrators is not None:
        proposals.append(_policy_proposal(group, administrators))
    return committing.make_commit(group, proposals, environment, with_path)


def _policy_proposal(group: Group, administrators: Sequence[bytes]) -> Proposal:
    old = group.policy
    policy = Policy(
        revision=old.revision + 1 if old else 1,
        minimum_suite=old.minimum_suite if old else group.suite,
        administrators=tuple(administrators),
        members_may_add=old is not None and old.members_may_add,
    ).signed(group.signature_private, group.group_id, group.member(group.own_leaf))
    kept = tuple(extension for extension in group.context.extensions if extension.kind != EXTENSION_POLICY)
    return GroupContextExtensions((*kept, policy.extension()))


def accept(group: Group, pending: PendingCommit, environment: Environment) -> Group:
    """Return the state after our pending commit, once the service has accepted it.

    `group`: the current state, with everything received since the commit was made.
    Raises: CryptoError if the group has moved on meanwhile.
    """
    state = pending.state
    if (state.group_id, state.epoch) != (group.group_id, group.epoch + 1):
        raise CryptoError("a pending commit does not follow this state")
    return state.following(group, environment.at_ms)


def process(group: Group, message: bytes, environment: Environment) -> tuple[Group, Event]:
    """Open a message of this group: application data, a proposal or a commit (RFC 9420 sections 6 and 12.4.2).

    Returns the new state and what happened. Commits must come in the order of their epochs; see `read_head`.
    Raises: MessageRejected if it is malformed, forged, replayed, for another group or epoch, or breaks a rule; Ours if
    it says that we sent it. The state given stays as it was.
    """
    try:
        payload = decode_once(message)
        if not isinstance(payload, PublicMessage | PrivateMessage):
            raise CryptoError("not a message within a group")
        return processing.open_message(group, payload, environment)
    except processing.ClaimsToBeOurs as error:
        raise Ours(str(error)) from None
    except CryptoError as error:
        raise MessageRejected(str(error)) from None


class Ours(MessageRejected):
    """A message names our own leaf as its sender. `open_own` says whether that is so."""


def open_own(group: Group, message: bytes) -> tuple[Group, bytes]:
    """Open a message of our own that this state knows nothing of: a later state sealed it, so this one was put back.

    Returns the state without the key that was used, and the application data, empty for a proposal or commit. Nothing
    may be sealed with that state: keys that never reached the service may have been used as well.
    Raises: MessageRejected if this state has used the key itself, or we did not sign it.
    """
    try:
        payload = decode_message(message)
        if not isinstance(payload, PublicMessage | PrivateMessage):
            raise CryptoError("not a message within a group")
        return processing.open_own(group, payload)
    except CryptoError as error:
        raise MessageRejected(str(error)) from None


def is_of_this_epoch(group: Group, message: bytes) -> bool:
    """Tell whether a private message was sealed with the keys of our epoch, even if it opens no more.

    One that names our epoch and was not comes from a stranger, or from a group that has parted from ours.
    """
    try:
        payload = decode_message(message)
        if not isinstance(payload, PrivateMessage):
            return False
        open_sender_data(payload, group.suite, group.secrets.sender_data_secret)
    except CryptoError:
        return False
    return True


def protect(
    group: Group, plaintext: bytes, environment: Environment, authenticated_data: bytes = b""
) -> tuple[Group, bytes]:
    """Seal application data to the group (RFC 9420 section 6.3); returns the state and the message to send.

    `plaintext`: at most 256 KiB, padded; `authenticated_data`: signed, but visible to the service.
    Raises: CryptoError if it is too long, or proposals wait to be committed first (section 12.4).
    """
    require_active(group)
    if len(plaintext) > APPLICATION_BYTES_MAX:
        raise CryptoError(f"application data of {len(plaintext)} bytes is too long")
    if group.proposals:
        raise CryptoError("commit the waiting proposals before sending")
    message = committing.sign_framed(group, committing.framed(group, plaintext, authenticated_data))
    return committing.seal(group.without_expired(environment.at_ms), message, environment)


def unprotect(group: Group, message: bytes, environment: Environment) -> tuple[Group, ApplicationMessage]:
    """Open application data (RFC 9420 section 6.3): `process` for callers that expect nothing else.

    Raises: MessageRejected as `process` does, and for any other kind of message.
    """
    state, event = process(group, message, environment)
    if not isinstance(event, ApplicationMessage):
        raise MessageRejected("not application data")
    return state, event


def export_secret(group: Group, label: bytes, context: bytes, length: int = 32) -> bytes:
    """Return a secret that all members of this epoch, and nobody else, can derive (RFC 9420 section 8.5).

    Raises: CryptoError if we are no longer in the group.
    """
    require_active(group)
    return key_schedule.export(group.secrets.exporter_secret, label, context, length)


def encode_state(group: Group) -> bytes:
    """Return the saved form of a state. It holds keys: write it sealed, in no backup."""
    return storage.encode_group(group)


def decode_state(data: bytes) -> Group:
    """Read a saved state.

    Raises: CryptoError if it is damaged or of an unknown version.
    """
    return codec.decode(data, storage.read_group)


def encode_pending(pending: PendingCommit) -> bytes:
    """Return the saved form of a pending commit."""
    return storage.encode_pending(pending)


def decode_pending(data: bytes) -> PendingCommit:
    """Read a saved pending commit.

    Raises: CryptoError if it is damaged.
    """
    return codec.decode(data, storage.read_pending)


def decode_key_package(data: bytes) -> OwnKeyPackage:
    """Read a key package kept with `OwnKeyPackage.encode`.

    Raises: CryptoError if it is damaged or a private key does not belong to it.
    """
    own = codec.decode(data, joining.read_own_key_package)
    joining.verify_own_keys(own)
    return own


def forget_past(group: Group) -> Group:
    """Return the state without the keys of past epochs, for instance when the app locks."""
    return replace(group, past_epochs=())


def head(message: bytes) -> MessageHead:
    """Return group, epoch and type of a message without opening it.

    Raises: MessageRejected if it is malformed or no message within a group.
    """
    try:
        return read_head(message)
    except CryptoError as error:
        raise MessageRejected(str(error)) from None
