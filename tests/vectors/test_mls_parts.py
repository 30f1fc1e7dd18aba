"""The official MLS vectors of the building blocks, every file, suites 1 and 3."""

from companion.crypto import hpke, primitives
from companion.errors import CryptoError
from companion.mls import (
    codec,
    framing,
    key_schedule,
    messages,
    nodes,
    private_message,
    proposals,
    ratchet_tree,
    suites,
    tree_math,
)
from companion.mls.codec import Reader
from companion.mls.framing import FramedContent, Sender, SenderType, WireFormat
from companion.mls.key_schedule import GroupContext, PreSharedKeyId
from companion.mls.proposals import Add, Commit, Remove, Update
from companion.mls.ratchet_tree import read_ratchet_tree
from companion.mls.secret_tree import RatchetKind, new_secret_tree
from companion.mls.suites import CipherSuite
from tests.vectors.mls_cases import FOLDER, load, raw, report

FILES = {
    "crypto-basics",
    "deserialization",
    "key-schedule",
    "message-protection",
    "messages",
    "passive-client-handling-commit",
    "passive-client-random",
    "passive-client-welcome",
    "psk_secret",
    "secret-tree",
    "transcript-hashes",
    "tree-math",
    "tree-operations",
    "tree-validation",
    "treekem",
    "welcome",
}


def test_every_official_file_is_here_and_known():
    assert {path.stem for path in FOLDER.glob("*.json")} == FILES


def test_mls_deserialization(capsys):
    cases, total = load("deserialization")
    for case in cases:
        reader = Reader(raw(case["vlbytes_header"]))
        assert reader.length() == case["length"]
        reader.finish()
        assert codec.length(case["length"]) == raw(case["vlbytes_header"])
    report(capsys, "deserialization", len(cases), total)


def test_mls_tree_math(capsys):
    cases, total = load("tree-math")
    for case in cases:
        leaves = case["n_leaves"]
        assert tree_math.node_count(leaves) == case["n_nodes"]
        assert tree_math.root(leaves) == case["root"]
        for node in range(case["n_nodes"]):
            if not tree_math.is_leaf(node):
                assert tree_math.left(node) == case["left"][node]
                assert tree_math.right(node) == case["right"][node]
            else:
                assert case["left"][node] is None
            if node != case["root"]:
                assert tree_math.parent(node) == case["parent"][node]
                assert tree_math.sibling(node) == case["sibling"][node]
            else:
                assert case["parent"][node] is None
    report(capsys, "tree-math", len(cases), total)


def test_mls_crypto_basics(capsys):
    cases, total = load("crypto-basics")
    for case in cases:
        suite = CipherSuite(case["cipher_suite"])
        part = case["ref_hash"]
        assert suites.ref_hash(part["label"].encode(), raw(part["value"])) == raw(part["out"])
        part = case["expand_with_label"]
        label, context = part["label"].encode(), raw(part["context"])
        assert suites.expand_with_label(raw(part["secret"]), label, context, part["length"]) == raw(part["out"])
        part = case["derive_secret"]
        assert suites.derive_secret(raw(part["secret"]), part["label"].encode()) == raw(part["out"])
        part = case["derive_tree_secret"]
        generation = codec.uint32(part["generation"])
        out = suites.expand_with_label(raw(part["secret"]), part["label"].encode(), generation, part["length"])
        assert out == raw(part["out"])
        part = case["sign_with_label"]
        label, content = part["label"].encode(), raw(part["content"])
        suites.verify_with_label(raw(part["pub"]), label, content, raw(part["signature"]))
        ours = suites.sign_with_label(raw(part["priv"]), label, content)
        suites.verify_with_label(raw(part["pub"]), label, content, ours)
        part = case["encrypt_with_label"]
        label, context, private = part["label"].encode(), raw(part["context"]), raw(part["priv"])
        sealed = codec.opaque(raw(part["kem_output"])) + codec.opaque(raw(part["ciphertext"]))
        assert suites.decrypt_with_label(suite, private, label, context, sealed) == raw(part["plaintext"])
        sealed = suites.encrypt_with_label(
            suite, raw(part["pub"]), label, context, raw(part["plaintext"]), primitives.random_bytes
        )
        assert suites.decrypt_with_label(suite, private, label, context, sealed) == raw(part["plaintext"])
    report(capsys, "crypto-basics", len(cases), total)


def test_mls_secret_tree(capsys):
    cases, total = load("secret-tree")
    for case in cases:
        suite = CipherSuite(case["cipher_suite"])
        part = case["sender_data"]
        key = private_message.sender_data_key(suite, raw(part["sender_data_secret"]), raw(part["ciphertext"]))
        assert (key.key, key.nonce) == (raw(part["key"]), raw(part["nonce"]))
        tree = new_secret_tree(suite, len(case["leaves"]), raw(case["encryption_secret"]))
        for leaf, generations in enumerate(case["leaves"]):
            for expected in generations:
                for kind, name in ((RatchetKind.HANDSHAKE, "handshake"), (RatchetKind.APPLICATION, "application")):
                    key, tree = tree.key_at(leaf, kind, expected["generation"])
                    assert (key.key, key.nonce) == (raw(expected[f"{name}_key"]), raw(expected[f"{name}_nonce"]))
    report(capsys, "secret-tree", len(cases), total)


def protected_bodies(case):
    yield "proposal", codec.decode(raw(case["proposal"]), proposals.read_proposal)
    yield "commit", codec.decode(raw(case["commit"]), proposals.read_commit)
    yield "application", raw(case["application"])


def protect_and_open_again(case, context, body):
    """Whatever we protect must open with the same secrets."""
    wire_format = WireFormat.PRIVATE_MESSAGE
    suite = CipherSuite(context.suite_id)
    tree = new_secret_tree(suite, 2, raw(case["encryption_secret"]))
    sender_data_secret, signer = raw(case["sender_data_secret"]), raw(case["signature_priv"])
    content = FramedContent(
        group_id=context.group_id,
        epoch=context.epoch,
        sender=Sender(SenderType.MEMBER, 1),
        authenticated_data=b"seen by all",
        body=body,
    )
    signed = framing.sign(signer, wire_format, content, context)
    if isinstance(body, Commit):
        signed = framing.with_confirmation_tag(signed, bytes(32))
    sealed, _ = private_message.protect_private(signed, tree, sender_data_secret, primitives.random_bytes)
    sender = private_message.open_sender_data(sealed, suite, sender_data_secret)
    opened, _ = private_message.unprotect_private(sealed, sender, tree)
    opened.verify(raw(case["signature_pub"]), context)
    assert opened == signed
    public = framing.sign(signer, WireFormat.PUBLIC_MESSAGE, content, context)
    if isinstance(body, Commit):
        public = framing.with_confirmation_tag(public, bytes(32))
    key = raw(case["membership_key"])
    if isinstance(body, bytes):
        try:
            framing.protect_public(public, key, context)
        except ValueError:
            return
        raise AssertionError("application data was left unencrypted")
    opened = framing.unprotect_public(framing.protect_public(public, key, context), key, context)
    opened.verify(raw(case["signature_pub"]), context)
    assert opened == public


def test_mls_message_protection(capsys):
    cases, total = load("message-protection")
    for case in cases:
        suite = CipherSuite(case["cipher_suite"])
        context = GroupContext(
            suite_id=suite,
            group_id=raw(case["group_id"]),
            epoch=case["epoch"],
            tree_hash=raw(case["tree_hash"]),
            confirmed_transcript_hash=raw(case["confirmed_transcript_hash"]),
        )
        for name, body in protected_bodies(case):
            if name != "application":
                public = messages.decode_message(raw(case[f"{name}_pub"]))
                opened = framing.unprotect_public(public, raw(case["membership_key"]), context)
                opened.verify(raw(case["signature_pub"]), context)
                assert opened.content.body == body
            private = messages.decode_message(raw(case[f"{name}_priv"]))
            sender = private_message.open_sender_data(private, suite, raw(case["sender_data_secret"]))
            assert sender.leaf_index == 1
            tree = new_secret_tree(suite, 2, raw(case["encryption_secret"]))
            opened, _ = private_message.unprotect_private(private, sender, tree)
            opened.verify(raw(case["signature_pub"]), context)
            assert opened.content.body == body
            protect_and_open_again(case, context, body)
    report(capsys, "message-protection", len(cases), total)


SECRET_NAMES = {
    "init_secret": "init_secret",
    "sender_data_secret": "sender_data_secret",
    "exporter_secret": "exporter_secret",
    "epoch_authenticator": "epoch_authenticator",
    "external_secret": "external_secret",
    "membership_key": "membership_key",
    "resumption_psk": "resumption_psk",
}


def test_mls_key_schedule(capsys):
    cases, total = load("key-schedule")
    for case in cases:
        init_secret = raw(case["initial_init_secret"])
        for number, epoch in enumerate(case["epochs"]):
            context = GroupContext(
                suite_id=case["cipher_suite"],
                group_id=raw(case["group_id"]),
                epoch=number,
                tree_hash=raw(epoch["tree_hash"]),
                confirmed_transcript_hash=raw(epoch["confirmed_transcript_hash"]),
            )
            assert context.encode() == raw(epoch["group_context"])
            joiner = key_schedule.joiner_secret(init_secret, raw(epoch["commit_secret"]), context)
            assert joiner == raw(epoch["joiner_secret"])
            new = key_schedule.new_epoch(joiner, raw(epoch["psk_secret"]), context)
            assert new.welcome_secret == raw(epoch["welcome_secret"])
            assert key_schedule.welcome_secret(joiner, raw(epoch["psk_secret"])) == new.welcome_secret
            assert new.encryption_secret == raw(epoch["encryption_secret"])
            assert new.confirmation_key == raw(epoch["confirmation_key"])
            for name, field in SECRET_NAMES.items():
                assert getattr(new.secrets, field) == raw(epoch[name]), name
            assert key_schedule.external_keypair(new.secrets.external_secret)[1] == raw(epoch["external_pub"])
            part = epoch["exporter"]
            exported = key_schedule.export(
                new.secrets.exporter_secret, part["label"].encode(), raw(part["context"]), part["length"]
            )
            assert exported == raw(part["secret"])
            init_secret = new.secrets.init_secret
    report(capsys, "key-schedule", len(cases), total)


def test_mls_psk_secret(capsys):
    cases, total = load("psk_secret")
    for case in cases:
        psks = [
            (PreSharedKeyId(psk_id=raw(psk["psk_id"]), psk_nonce=raw(psk["psk_nonce"])), raw(psk["psk"]))
            for psk in case["psks"]
        ]
        assert key_schedule.psk_secret(psks) == raw(case["psk_secret"])
    report(capsys, "psk_secret", len(cases), total)


def test_mls_transcript_hashes(capsys):
    cases, total = load("transcript-hashes")
    for case in cases:
        message = codec.decode(raw(case["authenticated_content"]), framing.read_authenticated_content)
        assert isinstance(message.content.body, Commit)
        confirmed = key_schedule.confirmed_transcript_hash(
            raw(case["interim_transcript_hash_before"]), message.confirmed_transcript_input()
        )
        assert confirmed == raw(case["confirmed_transcript_hash_after"])
        tag = key_schedule.confirmation_tag(raw(case["confirmation_key"]), confirmed)
        assert tag == message.auth.confirmation_tag
        assert key_schedule.interim_transcript_hash(confirmed, tag) == raw(case["interim_transcript_hash_after"])
    report(capsys, "transcript-hashes", len(cases), total)


def test_mls_tree_operations(capsys):
    cases, total = load("tree-operations")
    for case in cases:
        tree = codec.decode(raw(case["tree_before"]), read_ratchet_tree)
        assert tree.tree_hash() == raw(case["tree_hash_before"])
        proposal = codec.decode(raw(case["proposal"]), proposals.read_proposal)
        match proposal:
            case Add(package):
                tree, _ = tree.with_added(package.leaf_node)
            case Remove(removed):
                tree = tree.with_removed(removed)
            case Update(leaf):
                tree = tree.with_leaf(case["proposal_sender"], leaf)
        assert tree.encode() == raw(case["tree_after"])
        assert tree.tree_hash() == raw(case["tree_hash_after"])
    report(capsys, "tree-operations", len(cases), total)


def test_mls_tree_validation(capsys):
    cases, total = load("tree-validation")
    for case in cases:
        tree = codec.decode(raw(case["tree"]), read_ratchet_tree)
        assert tree.encode() == raw(case["tree"])
        assert [tree.resolution(node) for node in range(len(tree.nodes))] == case["resolutions"]
        assert [value.hex() for value in tree.hashes()] == case["tree_hashes"]
        ratchet_tree.verify_parent_hashes(tree)
        ratchet_tree.verify_unmerged_leaves(tree)
        ratchet_tree.verify_unique_keys(tree)
        for index, leaf in tree.members():
            leaf.verify(raw(case["group_id"]), index)
    report(capsys, "tree-validation", len(cases), total)


def typed(number, field):
    """Return a bare proposal with its type in front."""
    return codec.uint16(number) + raw(field)


def test_mls_messages(capsys):
    cases, total = load("messages")
    for case in cases:
        for name in (
            "mls_welcome",
            "mls_group_info",
            "mls_key_package",
            "public_message_application",
            "public_message_proposal",
            "public_message_commit",
            "private_message",
        ):
            assert messages.encode_message(messages.decode_message(raw(case[name]))) == raw(case[name])
        assert codec.decode(raw(case["ratchet_tree"]), read_ratchet_tree).encode() == raw(case["ratchet_tree"])
        secrets = codec.decode(raw(case["group_secrets"]), messages.read_group_secrets)
        assert secrets.encode() == raw(case["group_secrets"])
        assert codec.decode(raw(case["commit"]), proposals.read_commit).encode() == raw(case["commit"])
        for number, name in enumerate(
            (
                "add_proposal",
                "update_proposal",
                "remove_proposal",
                "pre_shared_key_proposal",
                "re_init_proposal",
                "external_init_proposal",
                "group_context_extensions_proposal",
            ),
            1,
        ):
            encoded = typed(number, case[name])
            assert proposals.encode_proposal(codec.decode(encoded, proposals.read_proposal)) == encoded
    report(capsys, "messages", len(cases), total)


def test_mls_welcome(capsys):
    cases, total = load("welcome")
    for case in cases:
        package = messages.decode_message(raw(case["key_package"]))
        welcome = messages.decode_message(raw(case["welcome"]))
        (sealed,) = [entry for entry in welcome.secrets if entry.new_member == package.ref]
        opened = suites.decrypt_with_label(
            CipherSuite(welcome.suite_id),
            raw(case["init_priv"]),
            b"Welcome",
            welcome.encrypted_group_info,
            sealed.ciphertext,
        )
        secrets = codec.decode(opened, messages.read_group_secrets)
        info = messages.open_group_info(welcome, secrets.joiner_secret, suites.ZERO_SECRET)
        info.verify(raw(case["signer_pub"]))
        epoch = key_schedule.new_epoch(secrets.joiner_secret, suites.ZERO_SECRET, info.context)
        tag = key_schedule.confirmation_tag(epoch.confirmation_key, info.context.confirmed_transcript_hash)
        assert tag == info.confirmation_tag
    report(capsys, "welcome", len(cases), total)


def test_forged_vector_is_noticed():
    """The checks above can fail: a flipped bit in a tree is refused."""
    case = load("tree-validation")[0][1]
    tree = codec.decode(raw(case["tree"]), read_ratchet_tree)
    root = tree.parent_node(tree.root)
    forged = tree.with_nodes({tree.root: nodes.ParentNode(encryption_key=hpke.derive_keypair(b"x")[1])})
    assert root is not None
    try:
        ratchet_tree.verify_parent_hashes(forged)
    except CryptoError:
        return
    raise AssertionError("a forged root was accepted")
