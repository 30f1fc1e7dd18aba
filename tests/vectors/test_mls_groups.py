"""The official MLS vectors of whole groups and of TreeKEM, every file, suites 1 and 3."""

from companion.crypto import primitives
from companion.mls import codec, group, update_path
from companion.mls.group_state import Environment
from companion.mls.joining import OwnKeyPackage, verify_own_keys
from companion.mls.key_schedule import GroupContext
from companion.mls.messages import decode_message
from companion.mls.proposals import read_update_path
from companion.mls.ratchet_tree import read_ratchet_tree
from companion.mls.suites import CipherSuite
from tests.vectors.mls_cases import load, raw, report


def private_keys_of(tree, leaf):
    """Return a leaf's private keys, checked against the tree."""
    keys = {2 * leaf["index"]: raw(leaf["encryption_priv"])}
    for entry in leaf["path_secrets"]:
        derived = update_path.derive_path(raw(entry["path_secret"]), [entry["node"]])
        update_path.verify_derived_keys(tree, derived)
        keys |= derived.private_keys
    for node, private in keys.items():
        assert tree.nodes[node].encryption_key == primitives.dh_public(private)
    return keys


def open_for_everybody(tree, sender, path, leaves, context, check):
    """Merge a path and open it as every other member."""
    suite = CipherSuite(context.suite_id)
    merged = update_path.merge_path(tree, sender, path)
    context = GroupContext(
        suite_id=suite,
        group_id=context.group_id,
        epoch=context.epoch,
        tree_hash=merged.tree_hash(),
        confirmed_transcript_hash=context.confirmed_transcript_hash,
    )
    for index, keys in leaves.items():
        if index != sender:
            opened = update_path.open_path(suite, merged, sender, path, index, keys, context, frozenset())
            check(index, opened)
    return merged


def check_update_path(case, tree, leaves, context, part):
    path = codec.decode(raw(part["update_path"]), read_update_path)
    path.leaf_node.verify(context.group_id, part["sender"])

    def check(index, opened):
        lowest = min(opened.path_secrets, key=lambda node: (node + 1) & -(node + 1))
        assert opened.path_secrets[lowest] == raw(part["path_secrets"][index])
        assert opened.commit_secret == raw(part["commit_secret"])

    merged = open_for_everybody(tree, part["sender"], path, leaves, context, check)
    assert merged.tree_hash() == raw(part["tree_hash_after"])


def check_own_update_path(case, tree, leaves, context, sender):
    (signer,) = [raw(leaf["signature_priv"]) for leaf in case["leaves_private"] if leaf["index"] == sender]
    own = update_path.create_path(
        CipherSuite(context.suite_id), tree, sender, signer, context, frozenset(), primitives.random_bytes
    )
    own.path.leaf_node.verify(context.group_id, sender)

    def check(index, opened):
        assert opened.commit_secret == own.commit_secret

    assert open_for_everybody(tree, sender, own.path, leaves, context, check) == own.tree


def test_mls_treekem(capsys):
    cases, total = load("treekem")
    for case in cases:
        tree = codec.decode(raw(case["ratchet_tree"]), read_ratchet_tree)
        leaves = {leaf["index"]: private_keys_of(tree, leaf) for leaf in case["leaves_private"]}
        context = GroupContext(
            suite_id=case["cipher_suite"],
            group_id=raw(case["group_id"]),
            epoch=case["epoch"],
            tree_hash=tree.tree_hash(),
            confirmed_transcript_hash=raw(case["confirmed_transcript_hash"]),
        )
        for part in case["update_paths"]:
            check_update_path(case, tree, leaves, context, part)
            check_own_update_path(case, tree, leaves, context, part["sender"])
    report(capsys, "treekem", len(cases), total)


def follow(case):
    """Join as the passive client, process every epoch, and compare the epoch authenticators."""
    package = decode_message(raw(case["key_package"]))
    own = OwnKeyPackage(
        package=package,
        init_private=raw(case["init_priv"]),
        leaf_private=raw(case["encryption_priv"]),
        signature_private=raw(case["signature_priv"]),
    )
    verify_own_keys(own)
    # The vectors say nothing about time or about who is who, so neither can be refused here.
    environment = Environment(
        at_ms=package.leaf_node.lifetime.not_before_s * 1000,
        authenticate=lambda identity, key: True,
        psks={raw(psk["psk_id"]): raw(psk["psk"]) for psk in case["external_psks"]},
        lifetime_max_s=2**64,
    )
    tree = None if case["ratchet_tree"] is None else raw(case["ratchet_tree"])
    state, _ = group.join(raw(case["welcome"]), [own], environment, tree=tree)
    assert state.secrets.epoch_authenticator == raw(case["initial_epoch_authenticator"])
    for epoch in case["epochs"]:
        for message in (*epoch["proposals"], epoch["commit"]):
            state, _ = group.process(state, raw(message), environment)
            state = group.decode_state(group.encode_state(state))
        assert state.secrets.epoch_authenticator == raw(epoch["epoch_authenticator"])
    return len(case["epochs"])


def test_mls_passive_client_welcome(capsys):
    cases, total = load("passive-client-welcome")
    for case in cases:
        follow(case)
    report(capsys, "passive-client-welcome", len(cases), total)


def test_mls_passive_client_handling_commit(capsys):
    cases, total = load("passive-client-handling-commit")
    assert sum(follow(case) for case in cases) > 0
    report(capsys, "passive-client-handling-commit", len(cases), total)


def test_mls_passive_client_random(capsys):
    cases, total = load("passive-client-random")
    assert sum(follow(case) for case in cases) >= 200
    report(capsys, "passive-client-random", len(cases), total)
