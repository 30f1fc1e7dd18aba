// A process full of ts-mls members, driven over standard input: one JSON request per line, one JSON answer per line.
// Bytes travel as hexadecimal text. Test code only.
import { createInterface } from "node:readline"
import {
  acceptAll,
  createApplicationMessage,
  createCommit,
  createGroup,
  createProposal,
  decodeMlsMessage,
  defaultAuthenticationService,
  defaultKeyPackageEqualityConfig,
  defaultKeyRetentionConfig,
  defaultPaddingConfig,
  emptyPskIndex,
  encodeMlsMessage,
  generateKeyPackage,
  getCiphersuiteFromName,
  getCiphersuiteImpl,
  joinGroup,
  makePskIndex,
  mlsExporter,
  processMessage,
} from "ts-mls"

const SUITES = {
  1: "MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519",
  3: "MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519",
}
const YEAR_S = 366n * 86_400n

const config = {
  keyRetentionConfig: defaultKeyRetentionConfig,
  keyPackageEqualityConfig: defaultKeyPackageEqualityConfig,
  paddingConfig: defaultPaddingConfig,
  authService: defaultAuthenticationService,
  lifetimeConfig: { maximumTotalLifetime: YEAR_S, validateLifetimeOnReceive: true },
}
const members = new Map()

const fromHex = (text) => new Uint8Array(Buffer.from(text, "hex"))
const toHex = (bytes) => Buffer.from(bytes).toString("hex")

function decode(text) {
  const bytes = fromHex(text)
  const [message, length] = decodeMlsMessage(bytes, 0) ?? []
  if (message === undefined || length !== bytes.length) throw new Error("malformed message")
  return message
}

const encode = (wireformat, name, value) => toHex(encodeMlsMessage({ version: "mls10", wireformat, [name]: value }))

const pskIndex = (member) => (member.psks ? makePskIndex(member.state, member.psks) : emptyPskIndex)

const actions = {
  // Make a member that is in no group yet.
  async member({ name, suite, identity }) {
    const impl = await getCiphersuiteImpl(getCiphersuiteFromName(SUITES[suite]))
    const now = BigInt(Math.floor(Date.now() / 1000))
    const capabilities = {
      versions: ["mls10"],
      ciphersuites: [SUITES[suite]],
      extensions: [],
      proposals: [],
      credentials: ["basic"],
    }
    const lifetime = { notBefore: now - 3600n, notAfter: now + 30n * 86_400n }
    const credential = { credentialType: "basic", identity: fromHex(identity) }
    const keys = await generateKeyPackage(credential, capabilities, lifetime, [], impl)
    members.set(name, { impl, keys, state: undefined, pending: undefined })
    return { package: encode("mls_key_package", "keyPackage", keys.publicPackage) }
  },
  async create({ name, group }) {
    const member = members.get(name)
    const { publicPackage, privatePackage } = member.keys
    member.state = await createGroup(fromHex(group), publicPackage, privatePackage, [], member.impl, config)
    return {}
  },
  async join({ name, welcome }) {
    const member = members.get(name)
    const { publicPackage, privatePackage } = member.keys
    const message = decode(welcome).welcome
    member.state = await joinGroup(
      message,
      publicPackage,
      privatePackage,
      emptyPskIndex,
      member.impl,
      undefined,
      undefined,
      config,
    )
    return {}
  },
  async commit({ name, add, remove, isPublic }) {
    const member = members.get(name)
    const extraProposals = [
      ...remove.map((removed) => ({ proposalType: "remove", remove: { removed } })),
      ...add.map((text) => ({ proposalType: "add", add: { keyPackage: decode(text).keyPackage } })),
    ]
    const made = await createCommit(
      { state: member.state, cipherSuite: member.impl, pskIndex: pskIndex(member) },
      { wireAsPublicMessage: isPublic, extraProposals, ratchetTreeExtension: true },
    )
    member.pending = made.newState
    const welcome = made.welcome === undefined ? null : encode("mls_welcome", "welcome", made.welcome)
    return { commit: toHex(encodeMlsMessage(made.commit)), welcome }
  },
  async accept({ name }) {
    const member = members.get(name)
    member.state = member.pending
    return {}
  },
  async propose({ name, add, remove, isPublic }) {
    const member = members.get(name)
    const proposal =
      add === null
        ? { proposalType: "remove", remove: { removed: remove } }
        : { proposalType: "add", add: { keyPackage: decode(add).keyPackage } }
    const made = await createProposal(member.state, isPublic, proposal, member.impl)
    member.state = made.newState
    return { message: toHex(encodeMlsMessage(made.message)) }
  },
  async process({ name, message }) {
    const member = members.get(name)
    const result = await processMessage(decode(message), member.state, pskIndex(member), acceptAll, member.impl)
    member.state = result.newState
    return { plaintext: result.kind === "applicationMessage" ? toHex(result.message) : null }
  },
  async protect({ name, plaintext }) {
    const member = members.get(name)
    const made = await createApplicationMessage(member.state, fromHex(plaintext), member.impl)
    member.state = made.newState
    return { message: encode("mls_private_message", "privateMessage", made.privateMessage) }
  },
  async facts({ name, label, context, length }) {
    const { state, impl } = members.get(name)
    const secret = await mlsExporter(state.keySchedule.exporterSecret, label, fromHex(context), length, impl)
    return {
      exported: toHex(secret),
      authenticator: toHex(state.keySchedule.epochAuthenticator),
      epoch: Number(state.groupContext.epoch),
      treeHash: toHex(state.groupContext.treeHash),
      isActive: state.groupActiveState.kind === "active",
    }
  },
  async forget({ name }) {
    members.delete(name)
    return {}
  },
}

for await (const line of createInterface({ input: process.stdin })) {
  const { op, ...request } = JSON.parse(line)
  let answer
  try {
    answer = await actions[op](request)
  } catch (error) {
    answer = { error: `${error.name}: ${error.message}` }
  }
  process.stdout.write(JSON.stringify(answer) + "\n")
}
