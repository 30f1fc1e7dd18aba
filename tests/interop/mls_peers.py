"""Members of three independent implementations behind one small interface, for the interoperation tests."""

import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from companion.mls import committing, group
from companion.mls.group_state import Environment
from companion.mls.joining import Identity
from companion.mls.messages import decode_message
from companion.mls.suites import CipherSuite

rine_mls = pytest.importorskip("rine_mls", reason="rine-mls has no build for this system")

FOLDER = Path(__file__).parent
LABEL, CONTEXT, LENGTH = "companion interop", b"one context", 48


def environment():
    """Everybody is who they say; rine-mls makes key packages for a year."""
    return Environment(
        at_ms=int(time.time() * 1000), authenticate=lambda identity, key: True, lifetime_max_s=366 * 86_400
    )


class Ours:
    """A member of companion.mls whose state is saved and restored after every step."""

    kind = "companion"
    can_propose = True
    can_update_by_proposal = True

    def __init__(self, name, suite):
        self.name = name
        made = group.new_identity(b"")
        # rine-mls wants identities to be signature keys.
        self.identity = Identity(
            name=made.signature_public,
            signature_private=made.signature_private,
            signature_public=made.signature_public,
        )
        self.own, self.package = group.make_key_package(self.identity, environment(), suite=CipherSuite(suite))
        self.suite = suite
        self.state = self.pending = None

    def _keep(self, state):
        self.state = group.decode_state(group.encode_state(state))

    def create(self, group_id):
        self._keep(group.create_group(self.identity, group_id, environment(), suite=CipherSuite(self.suite)))

    def join(self, welcome):
        self._keep(group.join(welcome, [self.own], environment())[0])

    def commit(self, add, remove, is_public):
        env = environment()
        state, pending = group.commit(self.state, env, add=add, remove=remove)
        self._keep(state)
        self.pending = group.decode_pending(group.encode_pending(pending))
        self.welcome = pending.welcome
        return pending.message, [pending.welcome] * len(add)

    def accept(self):
        self._keep(group.accept(self.state, self.pending, environment()))
        self.pending = None

    def propose(self, add, remove, is_public):
        env = environment()
        if add is not None:
            state, message = group.propose_add(self.state, add, env)
        elif remove is not None:
            state, message = group.propose_remove(self.state, remove, env)
        else:
            state, message = group.propose_update(self.state, env)
        self._keep(state)
        return message

    def process(self, message):
        state, event = group.process(self.state, message, environment())
        self._keep(state)
        return event

    def receive(self, message):
        return self.process(message).plaintext

    def protect(self, plaintext):
        state, message = group.protect(self.state, plaintext, environment())
        self._keep(state)
        return message

    def facts(self):
        return {
            "epoch": self.state.epoch,
            "treeHash": self.state.context.tree_hash.hex(),
            "authenticator": self.state.secrets.epoch_authenticator.hex(),
            "exported": group.export_secret(self.state, LABEL.encode(), CONTEXT, LENGTH).hex(),
            "confirmation": self.state.confirmation_tag.hex(),
        }

    def group_info_for_joining(self):
        return committing.group_info(self.state, for_joining_from_outside=True)


class Rine:
    """A member of rine-mls 0.1.1. It has suite 1 only, no proposals of its own or of others, and no exporter."""

    kind = "rine-mls"
    can_propose = False
    can_update_by_proposal = False

    def __init__(self, name, suite, folder):
        assert suite == 1
        self.name = name
        self.client = rine_mls.MlsClient(str(folder / name), os.urandom(32), rine_mls.CIPHER_SUITE_CLASSICAL)
        self.package = self.client.generate_key_package()
        self.group = None

    def create(self, group_id):
        self.group = self.client.create_group(group_id)

    def join(self, welcome):
        self.group = self.client.join_from_welcome(welcome)

    def commit(self, add, remove, is_public):
        """rine-mls applies its commit at once, so nobody may commit beside it."""
        if add:
            bundle = self.group.add_members(add)
        else:
            (leaf,) = remove
            bundle = self.group.remove_member(leaf)
        return bundle.commit, list(bundle.welcomes)

    def accept(self):
        self.group.save()

    def process(self, message):
        return self.group.apply_commit(message)

    def receive(self, message):
        return self.group.decrypt_application_message(bytes([rine_mls.APP_MESSAGE_TAG]) + message).envelope

    def protect(self, plaintext):
        return self.group.encrypt_application_message(plaintext)[1:]

    def facts(self):
        """The group info stands in for an exporter: its confirmation tag proves the same epoch secret."""
        info = decode_message(self.group.group_info())
        return {
            "epoch": self.group.epoch(),
            "treeHash": info.context.tree_hash.hex(),
            "confirmation": info.confirmation_tag.hex(),
        }


class TsCannotJoin(AssertionError):
    """ts-mls refused a Welcome by a check that goes beyond the RFC; see `trips_ts_mls`."""


def trips_ts_mls(tree):
    """Tell whether ts-mls 1.6.4 refuses this valid tree when it joins.

    RFC 9420 section 12.4.3.1 asks that every non-blank node between an unmerged leaf and the parent that lists it
    lists it too. ts-mls compares the whole lists, and of all nodes above the leaf, so it refuses trees in which a
    later commit has merged the leaf into some of them. Such a member is removed again by the script.
    """
    for parent in tree.nodes[1::2]:
        for leaf in parent.unmerged_leaves if parent is not None else ():
            above = [node for node in map(tree.parent_node, tree.direct_path(leaf)) if node is not None]
            if any(node.unmerged_leaves != parent.unmerged_leaves for node in above):
                return True
    return False


class TsProcess:
    """The Node process in which ts-mls members live."""

    def __init__(self):
        self.process = subprocess.Popen(
            ["node", "peer.mjs"],  # noqa: S607 - node is found on the path
            cwd=FOLDER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, op, **request):
        self.process.stdin.write(json.dumps({"op": op, **request}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise AssertionError(f"ts-mls refused {op}: {answer['error']}")
        return answer

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=10)
        self.process.stdout.close()


class Ts:
    """A member of ts-mls 1.6.4. It makes no Update proposals; it renews its keys with a commit instead."""

    kind = "ts-mls"
    can_propose = True
    can_update_by_proposal = False

    def __init__(self, name, suite, process):
        self.name, self.node = name, process
        self.package = bytes.fromhex(self._ask("member", suite=suite, identity=os.urandom(8).hex())["package"])

    def _ask(self, op, **request):
        return self.node.ask(op, name=self.name, **request)

    def create(self, group_id):
        self._ask("create", group=group_id.hex())

    def join(self, welcome):
        try:
            self._ask("join", welcome=welcome.hex())
        except AssertionError as error:
            if "must list leaf node in its unmerged_leaves" in str(error):
                raise TsCannotJoin from None
            raise

    def commit(self, add, remove, is_public):
        packages = [package.hex() for package in add]
        made = self._ask("commit", add=packages, remove=list(remove), isPublic=is_public)
        welcome = bytes.fromhex(made["welcome"]) if made["welcome"] else None
        self.welcome = welcome
        return bytes.fromhex(made["commit"]), [welcome] * len(add)

    def accept(self):
        self._ask("accept")

    def propose(self, add, remove, is_public):
        made = self._ask("propose", add=None if add is None else add.hex(), remove=remove, isPublic=is_public)
        return bytes.fromhex(made["message"])

    def process(self, message):
        return self._ask("process", message=message.hex())["plaintext"]

    def receive(self, message):
        return bytes.fromhex(self.process(message))

    def protect(self, plaintext):
        return bytes.fromhex(self._ask("protect", plaintext=plaintext.hex())["message"])

    def facts(self):
        facts = self._ask("facts", label=LABEL, context=CONTEXT.hex(), length=LENGTH)
        assert facts.pop("isActive")
        return facts
