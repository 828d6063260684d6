/**
 * Writes the test vectors, `test/vectors/*.json`: what every implementation of docs/protocol.md must reproduce.
 * Integers are decimal strings, bytes are hex. Run it after a deliberate change of a format, and read the difference.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { batchDigest, batchTree, rootOf } from '../sdk/core/batch.ts'
import { fromUint, toHex } from '../sdk/core/bytes.ts'
import { channelIdOf, encodeChannel, ledgerIdOf, sortMembers } from '../sdk/core/channel.ts'
import { claimDigest, revokeDigest } from '../sdk/core/claim.ts'
import {
  clockData,
  conditionKey,
  decideLogic,
  type Logic,
  logicData,
  pointData,
  secretData,
  vouchDigest,
  vouchedData,
  vouchedWitness,
} from '../sdk/core/conditions.ts'
import { domainSeparator } from '../sdk/core/eip712.ts'
import { encodeEnvelope } from '../sdk/core/envelope.ts'
import {
  hashInvoice,
  type Invoice,
  invoiceDigest,
  memoHashOf,
  NOTHING_WANTED,
  payerDigest,
} from '../sdk/core/invoice.ts'
import { encodeInvoice, packInvoice } from '../sdk/core/invoice-text.ts'
import { keccak256 } from '../sdk/core/keccak.ts'
import { type Outcome, outcomeKey, secretKey, WHOLE } from '../sdk/core/outcome.ts'
import { addScalars, lockPoints, pointOf, subtractScalar } from '../sdk/core/points.ts'
import { settle } from '../sdk/core/settlement.ts'
import { hashState, laneWordOf, stateDigest, ZERO_HASH } from '../sdk/core/state.ts'
import { transferLeaf, transfersRoot } from '../sdk/core/transfer.ts'
import type { Address, Channel, Domain, Hex, LedgerWord, State, Transfer, Withdrawal } from '../sdk/core/types.ts'
import { COIN } from '../sdk/core/types.ts'
import { hashWithdrawal, withdrawalDigest } from '../sdk/core/withdrawal.ts'
import { commitmentOf, encodeWord } from '../sdk/core/word.ts'
import { createFailure, type FailureCode, relayFailure } from '../sdk/routing/failure.ts'
import { encodeHopPayload } from '../sdk/routing/hop-payload.ts'
import { createOnion, peelOnion } from '../sdk/routing/onion.ts'
import { signInvoice, signPayer } from '../sdk/signing/invoice.ts'
import { keyring } from '../sdk/signing/keyring.ts'
import { onionKey } from '../sdk/signing/onion-key.ts'
import { sessionSigner, signBatch, signDirect, toLongSignature } from '../sdk/signing/session.ts'
import { houses } from './vectors/house.ts'

export const directory = fileURLToPath(new URL('../test/vectors', import.meta.url))

const hash = (text: string): Uint8Array => keccak256(utf8ToBytes(text))
const address = (text: string): Address => toHex(hash(text).subarray(12))
const domain: Domain = { chainId: 31_337n, adjudicator: address('adjudicator') }
const elsewhere: Domain = { chainId: (1n << 256n) - 1n, adjudicator: address('another adjudicator') }
const token = address('token')

const key = (name: string): Uint8Array => hash(`key of ${name}`)
const signerOf = (name: string) => sessionSigner(key(name))

function channelOf(names: readonly string[], period: number, nonce: bigint): Channel {
  const members = names.map((name) => ({ signer: signerOf(name).address, owner: address(`owner of ${name}`) }))
  return { period, nonce, members: sortMembers(members) }
}

const pair = channelOf(['alice', 'bob'], 86_400, 1n)
const trio = channelOf(['alice', 'bob', 'hana'], 60, (1n << 128n) - 1n)
const crowd = channelOf(
  Array.from({ length: 32 }, (_, i) => `member ${i}`),
  2_592_000,
  0n,
)
const pairId = channelIdOf(domain, pair)
const trioId = channelIdOf(domain, trio)

const channels = [domain, elsewhere].flatMap((where) =>
  [pair, trio, crowd].map((channel) => {
    const channelId = channelIdOf(where, channel)
    const ledgers = [COIN, token].map((asset) => ({ asset, ledgerId: ledgerIdOf({ channelId, asset }) }))
    return { domain: where, channel, packed: toHex(encodeChannel(channel)), channelId, ledgers }
  }),
)

const HIGHEST = (1n << 111n) - 1n
const LOWEST = -(1n << 111n)
const openWords: LedgerWord[] = [
  { phase: 'open', recorded: false, generation: 0, seq: 0, balances: [0n, 0n] },
  { phase: 'open', recorded: true, generation: 1, seq: 2, balances: [3n, 4n] },
  { phase: 'open', recorded: false, generation: 7, seq: 9, balances: [-5n, 10n ** 18n] },
  { phase: 'open', recorded: true, generation: 300, seq: 0, balances: [10n ** 30n, -(10n ** 30n)] },
  { phase: 'open', recorded: true, generation: 32_767, seq: 32_767, balances: [-1n, -1n] },
  { phase: 'open', recorded: false, generation: 16_384, seq: 16_384, balances: [HIGHEST, LOWEST] },
]
const bases = [
  [encodeWord(openWords[1]!), 0n, 0n],
  [encodeWord(openWords[2]!), 1n << 192n, 0n],
  [encodeWord(openWords[4]!), (1n << 256n) - 1n],
]
const disputedWords: LedgerWord[] = bases.map((base, index) => ({
  phase: 'disputed',
  recorded: index === 1,
  generation: [0, 7, 32_767][index]!,
  expiry: [0n, 1_900_000_000n, (1n << 40n) - 1n][index]!,
  commitment: commitmentOf(base),
}))
const words = {
  words: [...openWords, ...disputedWords].map((ledger) => ({ ledger, word: toHex(fromUint(encodeWord(ledger), 32)) })),
  commitments: bases.map((base) => ({ base, commitment: commitmentOf(base) })),
}

const transferLists: Transfer[][] = [
  [],
  [{ amount: 1n, deadline: 0n, refundTo: 0, legs: [{ to: 1, key: toHex(hash('one')) }] }],
  [
    { amount: 10n ** 18n, deadline: 1_900_000_000n, refundTo: 0, legs: [{ to: 1, key: toHex(hash('one')) }] },
    { amount: 10n ** 18n, deadline: 1_900_000_000n, refundTo: 0, legs: [{ to: 1, key: toHex(hash('one')) }] },
    {
      amount: (1n << 106n) - 1n,
      deadline: (1n << 64n) - 1n,
      refundTo: 31,
      legs: [
        { to: 2, key: toHex(hash('two')) },
        { to: 30, key: `0x${'ff'.repeat(32)}` },
        { to: 0, key: ZERO_HASH },
      ],
    },
  ],
]
const transfers = transferLists.map((list) => ({
  transfers: list,
  leaves: list.map((transfer) => toHex(transferLeaf(transfer))),
  root: transfersRoot(list),
}))

const EDGE = (1n << 106n) - 1n
const signedStates: { where: Domain; by: string; state: State }[] = [
  {
    where: domain,
    by: 'alice',
    state: {
      channelId: pairId,
      asset: COIN,
      generation: 0,
      lane: 0,
      version: 1n,
      credits: [0n, 0n],
      locked: 0n,
      transfersRoot: ZERO_HASH,
    },
  },
  {
    where: domain,
    by: 'bob',
    state: {
      channelId: pairId,
      asset: token,
      generation: 1,
      lane: 1,
      version: 2n,
      credits: [10n ** 18n, -(10n ** 18n)],
      locked: 0n,
      transfersRoot: ZERO_HASH,
    },
  },
  {
    where: elsewhere,
    by: 'alice',
    state: {
      channelId: pairId,
      asset: token,
      generation: 32_767,
      lane: 0,
      version: (1n << 64n) - 1n,
      credits: [-EDGE, EDGE],
      locked: 0n,
      transfersRoot: ZERO_HASH,
    },
  },
  {
    where: domain,
    by: 'bob',
    state: {
      channelId: pairId,
      asset: COIN,
      generation: 2,
      lane: 0,
      version: 3n,
      credits: [-5n, 4n],
      locked: 1n,
      transfersRoot: transfersRoot(transferLists[1]!),
    },
  },
  {
    where: domain,
    by: 'hana',
    state: {
      channelId: trioId,
      asset: COIN,
      generation: 4,
      lane: 0,
      version: 1n << 40n,
      credits: [-EDGE, 1n << 64n, -(1n << 64n)],
      locked: EDGE,
      transfersRoot: toHex(hash('root')),
    },
  },
]
const states = signedStates.map(({ where, by, state }) => {
  const digest = stateDigest(where, state)
  const signature = signerOf(by).sign(digest)
  return {
    domain: where,
    domainSeparator: toHex(domainSeparator(where)),
    state,
    structHash: toHex(hashState(state)),
    laneWord: toHex(fromUint(laneWordOf(state), 32)),
    digest: toHex(digest),
    privateKey: toHex(key(by)),
    signer: signerOf(by).address,
    signature: toHex(signature),
    longSignature: toHex(toLongSignature(signature)),
    envelope: toHex(signDirect(signerOf(by), digest)),
    longEnvelope: toHex(encodeEnvelope({ kind: 'direct', signature: toLongSignature(signature) })),
  }
})

const part = { member: 0, amount: 1n, to: COIN, toChannel: ZERO_HASH, toMember: 0 }
const withdrawalList: Withdrawal[] = [
  { channelId: pairId, asset: COIN, generation: 0, seq: 0, parts: [part], closing: false, validUntil: 0n, dispute: 0n },
  {
    channelId: pairId,
    asset: token,
    generation: 3,
    seq: 5,
    parts: [part, { ...part, member: 1, amount: HIGHEST, to: address('a shop') }],
    closing: true,
    validUntil: 1_900_000_000n,
    dispute: 0n,
  },
  {
    channelId: trioId,
    asset: token,
    generation: 32_767,
    seq: 32_767,
    parts: [{ member: 2, amount: 10n ** 18n, to: COIN, toChannel: pairId, toMember: 1 }],
    closing: false,
    validUntil: (1n << 64n) - 1n,
    dispute: (1n << 40n) - 1n,
  },
  {
    channelId: pairId,
    asset: COIN,
    generation: 1,
    seq: 1,
    parts: [],
    closing: true,
    validUntil: 1n,
    dispute: 1_900_000_000n,
  },
]
const withdrawals = withdrawalList.map((withdrawal) => {
  const digest = withdrawalDigest(domain, withdrawal)
  const signature = toLongSignature(signerOf('alice').sign(digest))
  return {
    domain,
    withdrawal,
    structHash: toHex(hashWithdrawal(withdrawal)),
    digest: toHex(digest),
    signer: signerOf('alice').address,
    ownerEnvelope: toHex(encodeEnvelope({ kind: 'owner', signature })),
  }
})

const batches = [1, 2, 3, 5, 8, 13].map((size) => {
  const digests = Array.from({ length: size }, (_, index) => hash(`digest ${index}`))
  const root = rootOf(batchTree(digests))
  return {
    domain,
    digests: digests.map(toHex),
    root: toHex(root),
    digest: toHex(batchDigest(domain, root)),
    signer: signerOf('alice').address,
    envelopes: signBatch(signerOf('alice'), domain, digests).map(toHex),
  }
})

const registry = { chainId: domain.chainId, condition: address('registry') }
const condition = { chainId: domain.chainId, condition: address('a condition') }
const outcomes = {
  secrets: ['one', 'two'].map((name) => ({
    ...registry,
    secret: toHex(hash(name)),
    key: secretKey(registry, hash(name)),
  })),
  conditions: ['', 'will it rain?'].map((question) => {
    const data = utf8ToBytes(question)
    return { ...condition, data: toHex(data), key: outcomeKey(condition, keccak256(data)) }
  }),
}

/** A question to the condition called `name`, what proves its answer, and the answer. */
function question(name: string, data: Uint8Array, witness: Uint8Array, value: bigint | undefined) {
  const source = { chainId: domain.chainId, condition: address(name) }
  return {
    ...source,
    data: toHex(data),
    witness: toHex(witness),
    value: value ?? null,
    key: conditionKey(source, data),
  }
}

function vouchedVector(about: string, value: bigint) {
  const source = { chainId: domain.chainId, condition: address('VouchedCondition') }
  const vouched = { payer: signerOf('alice').address, payee: signerOf('bob').address, about: toHex(hash(about)) }
  const digest = vouchDigest(source, vouched, value)
  const witness = vouchedWitness(value, signerOf('alice').sign(digest), signerOf('bob').sign(digest))
  return { ...vouched, digest: toHex(digest), ...question('VouchedCondition', vouchedData(vouched), witness, value) }
}

const recorded: Record<Hex, Outcome> = {
  [toHex(hash('nothing'))]: { value: 0n, recordedAt: 900n },
  [toHex(hash('third'))]: { value: WHOLE / 3n, recordedAt: 1_000n },
  [toHex(hash('all'))]: { value: WHOLE, recordedAt: 1_001n },
}
const [nothing, third, all, open] = ['nothing', 'third', 'all', 'not recorded'].map((name) => toHex(hash(name)))
const logics: Logic[] = [
  { operation: 'and', parts: [third!] },
  { operation: 'and', parts: [third!, all!] },
  { operation: 'and', parts: [nothing!, open!] },
  { operation: 'and', parts: [all!, open!] },
  { operation: 'or', parts: [third!, nothing!] },
  { operation: 'or', parts: [open!, all!] },
  { operation: 'or', parts: [open!, third!] },
  { operation: 'sum', parts: [third!, third!, third!] },
  { operation: 'sum', parts: [third!, open!, all!] },
  { operation: 'sum', parts: new Array<Hex>(64).fill(third!) },
  {
    operation: 'weighted',
    parts: [
      { key: third!, weight: WHOLE / 2n },
      { key: open!, weight: 0n },
      { key: all!, weight: 7n },
    ],
  },
  {
    operation: 'weighted',
    parts: [
      { key: all!, weight: (1n << 64n) - 1n },
      { key: open!, weight: 1n },
    ],
  },
  {
    operation: 'weighted',
    parts: [
      { key: third!, weight: WHOLE },
      { key: open!, weight: 1n },
    ],
  },
]
const none = new Uint8Array()
const conditions = {
  secrets: (['sha256', 'keccak256'] as const).map((name) => {
    const image = name === 'sha256' ? sha256(hash('one')) : keccak256(hash('one'))
    return { hash: name, ...question('SecretCondition', secretData(name, image), hash('one'), WHOLE) }
  }),
  points: [1n, secp256k1.Point.Fn.ORDER - 1n, BigInt(toHex(hash('k'))) % secp256k1.Point.Fn.ORDER].map((scalar) => {
    const point = secp256k1.Point.BASE.multiply(scalar).toBytes()
    return { point: toHex(point), ...question('PointCondition', pointData(point), fromUint(scalar, 32), WHOLE) }
  }),
  clocks: [0n, 1_700_000_000n].map((time) => ({ time, ...question('ClockCondition', clockData(time), none, WHOLE) })),
  vouched: [vouchedVector('one', 0n), vouchedVector('two', WHOLE / 3n), vouchedVector('three', WHOLE)],
  outcomes: recorded,
  logic: logics.map((logic) => ({
    logic,
    ...question(
      'LogicCondition',
      logicData(logic),
      none,
      decideLogic(logic, (name) => recorded[name]),
    ),
  })),
}

const claim = {
  asset: token,
  owner: address('owner of alice'),
  to: address('a shop'),
  amount: 10n ** 18n,
  nonce: 3n,
  validUntil: 1_900_000_000n,
}
const biggest = (1n << 256n) - 1n
const claims = {
  claims: [claim, { ...claim, asset: COIN, amount: biggest, nonce: biggest, validUntil: (1n << 64n) - 1n }].map(
    (each) => ({
      domain,
      claim: each,
      digest: toHex(claimDigest(domain, each)),
    }),
  ),
  revocations: [pairId, trioId].map((channelId) => ({
    domain,
    channelId,
    digest: toHex(revokeDigest(domain, channelId)),
  })),
}

const known: Record<Hex, Outcome> = {
  [toHex(hash('paid'))]: { value: WHOLE, recordedAt: 900n },
  [toHex(hash('third'))]: { value: WHOLE / 3n, recordedAt: 1_000n },
  [toHex(hash('late'))]: { value: WHOLE, recordedAt: 1_001n },
}
const on = (name: string, amount: bigint, deadline: bigint): Transfer => ({
  amount,
  deadline,
  refundTo: 0,
  legs: [{ to: 1, key: toHex(hash(name)) }],
})
const pot: Transfer = {
  amount: 100n,
  deadline: 1_000n,
  refundTo: 0,
  legs: [
    { to: 0, key: toHex(hash('third')) },
    { to: 1, key: toHex(hash('third')) },
  ],
}

function stateOf(
  lane: number,
  credits: bigint[],
  list: readonly Transfer[],
  locked = list.reduce((sum, { amount }) => sum + amount, 0n),
): State {
  return {
    channelId: pairId,
    asset: COIN,
    generation: 0,
    lane,
    version: 1n,
    credits,
    locked,
    transfersRoot: transfersRoot(list),
  }
}
const locks = [on('paid', 50n, 1_000n), on('late', 30n, 1_000n), on('unknown', 20n, 5_000n), pot]
const settlementInputs: { balances: bigint[]; states: State[]; lists: Record<number, readonly Transfer[]> }[] = [
  { balances: [70n, 30n], states: [], lists: {} },
  { balances: [700n, 300n], states: [stateOf(0, [-250n, 250n], []), stateOf(1, [40n, -40n], [])], lists: {} },
  { balances: [700n, 300n], states: [stateOf(0, [-250n, 50n], locks)], lists: { 0: locks } },
  { balances: [700n, 300n], states: [stateOf(0, [-250n, 50n], locks)], lists: {} },
  {
    balances: [100n, 50n],
    states: [stateOf(0, [-250n, 50n], locks), stateOf(1, [7n, -107n], [pot])],
    lists: { 0: locks, 1: [pot] },
  },
  { balances: [-20n, 120n], states: [stateOf(1, [10n, -10n], [])], lists: {} },
]
const settlements = settlementInputs.map(({ balances, states: newest, lists }) => ({
  balances,
  states: newest,
  transfers: lists,
  outcomes: known,
  now: 2_000n,
  ...settle({
    balances,
    states: newest,
    transfers: new Map(Object.entries(lists).map(([lane, list]) => [Number(lane), list])),
    outcomes: (outcome) => known[outcome],
    now: 2_000n,
  }),
}))

const routes = [
  { target: hash('z'), shares: [hash('y 0')] },
  { target: hash('another z'), shares: ['y 0', 'y 1', 'y 2'].map(hash) },
  { target: fromUint(1n, 32), shares: Array.from({ length: 20 }, (_, hop) => hash(`share ${hop}`)) },
  { target: undefined, shares: ['y 0', 'y 1'].map(hash) },
]
const points = routes.map(({ target, shares }) => {
  // What each hop releases, from the payer's first channel to the payee's.
  const scalars = [addScalars(...(target ? [target] : []), ...shares)]
  for (const share of shares.slice(1).reverse()) scalars.unshift(subtractScalar(scalars[0]!, share))
  return {
    target: target ? toHex(target) : null,
    point: target ? toHex(pointOf(target)) : null,
    shares: shares.map(toHex),
    locks: lockPoints(target && pointOf(target), shares).map(toHex),
    scalars: scalars.map(toHex),
  }
})

const tea: Invoice = {
  uri: 'pay://hub.example/bob',
  payee: signerOf('bob').address,
  payer: COIN,
  asset: token,
  amount: 10n ** 18n,
  partial: false,
  key: secretKey(registry, hash('secret')),
  point: toHex(pointOf(hash('z'))),
  deadline: 1_900_000_000n,
  memoHash: toHex(memoHashOf('tea')),
  splits: [],
  want: NOTHING_WANTED,
  onionKey: toHex(onionKey(hash('onion key of bob')).publicKey),
  hints: [],
  nonce: 1n,
}
const invoiceList: { where: Domain; invoice: Invoice; memo: string | undefined }[] = [
  { where: domain, invoice: tea, memo: 'tea' },
  {
    where: domain,
    invoice: { ...tea, memoHash: ZERO_HASH, onionKey: ZERO_HASH, asset: COIN, amount: 0n },
    memo: undefined,
  },
  {
    where: elsewhere,
    invoice: {
      ...tea,
      uri: 'pay://localhost:8545/bob_the-2nd/x?mode=dvp&want=eth:1#k=abc',
      payer: signerOf('alice').address,
      amount: EDGE,
      partial: true,
      deadline: (1n << 64n) - 1n,
      memoHash: toHex(hash('a memo that is not shown')),
      splits: [
        { to: '0x0000000000000000000000000000000000000001', share: 1n },
        { to: address('a platform'), share: WHOLE / 3n },
      ],
      want: { asset: COIN, amount: EDGE },
      hints: [
        { onionKey: toHex(hash('a hub')), channelId: pairId },
        { onionKey: toHex(hash('another hub')), channelId: trioId },
      ],
      nonce: (1n << 128n) - 1n,
    },
    memo: undefined,
  },
]
const invoices = invoiceList.map(({ where, invoice, memo }) => {
  const signed = signInvoice(signerOf('bob'), where, invoice, memo)
  const id = toHex(invoiceDigest(where, invoice))
  const payment = toHex(hash('payment').subarray(0, 16))
  return {
    domain: where,
    invoice,
    memo: memo ?? null,
    structHash: toHex(hashInvoice(invoice)),
    digest: id,
    signature: toHex(signed.signature),
    packed: toHex(packInvoice(where, signed)),
    text: encodeInvoice(where, signed),
    payer: {
      payment,
      signer: signerOf('alice').address,
      digest: toHex(payerDigest(where, id, payment)),
      signature: toHex(signPayer(signerOf('alice'), where, id, payment)),
    },
  }
})

const context = { key: toHex(hash('key')), asset: token, deadline: 1_900_000_000n }
const locked = { asset: token, amount: 10n ** 18n, deadline: 1_900_000_000n } as const
const payloadOf = (hop: number, last: boolean): Uint8Array =>
  last
    ? encodeHopPayload({
        kind: 'final',
        ...locked,
        mode: 'sprites',
        share: hash('sum'),
        invoice: toHex(hash('invoice')),
        total: 3n * 10n ** 18n,
        paymentId: toHex(hash('payment').subarray(0, 16)),
        memo: 'two coffees',
        payerSignature: new Uint8Array(64).fill(1),
      })
    : encodeHopPayload({
        kind: 'forward',
        ...locked,
        channelId: pairId,
        ...(hop % 2 === 0 ? { mode: 'sprites', share: hash(`share ${hop}`) } : { mode: 'plain' }),
      })
const onionRoutes: { length: number; failing: number; code: FailureCode; data: Uint8Array }[] = [
  { length: 1, failing: 0, code: 'PAYMENT_REFUSED', data: new Uint8Array() },
  { length: 3, failing: 2, code: 'PAYMENT_INCOMPLETE', data: utf8ToBytes('two of three') },
  { length: 20, failing: 13, code: 'FEE_TOO_LOW', data: new Uint8Array(332).fill(7) },
]
const onions = onionRoutes.map(({ length, failing, code, data }) => {
  const session = hash(`session ${length}`)
  const keys = Array.from({ length }, (_, hop) => hash(`onion key ${hop}`))
  const hops = keys.map((each, hop) => ({
    publicKey: onionKey(each).publicKey,
    payload: payloadOf(hop, hop === length - 1),
    context: { ...context, deadline: context.deadline - BigInt(hop) },
  }))
  const { packet, replies } = createOnion(session, hops)
  let at: Uint8Array | undefined = packet
  let failure = createFailure(replies[failing]!, code, data)
  for (const reply of replies.slice(0, failing).reverse()) failure = relayFailure(reply, failure)
  return {
    session: toHex(session),
    packet: toHex(packet),
    hops: hops.map((hop, index) => {
      const peeled = peelOnion(onionKey(keys[index]!), at!, hop.context)
      at = peeled.next
      return {
        privateKey: toHex(keys[index]!),
        publicKey: toHex(hop.publicKey),
        payload: toHex(hop.payload),
        context: hop.context,
        tag: toHex(peeled.tag),
        reply: toHex(peeled.reply),
      }
    }),
    failure: { hop: failing, code, data: toHex(data), packet: toHex(failure) },
  }
})

// The words that wallets use in their own tests: public, worthless.
const mnemonic = 'test test test test test test test test test test test junk'
const keyrings = ['', 'a passphrase'].map((passphrase) => {
  const ring = keyring(mnemonic, passphrase)
  return {
    mnemonic,
    passphrase,
    signers: [0, 1, 7].map((index) => ({ index, signer: ring.signer(index).address })),
    onionKeys: [0, 1].map((index) => ({ index, publicKey: toHex(ring.onionKey(index).publicKey) })),
    nonces: [0, 1].map((index) => ({ domain, index, nonce: ring.channelNonce(domain, index) })),
    secret: { label: 'storage', value: toHex(ring.secret('storage')) },
  }
})

/** File name to content, as the code computes it now. */
export const vectors: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries({
    channels,
    words,
    states,
    withdrawals,
    batches,
    transfers,
    outcomes,
    conditions,
    claims,
    settlements,
    points,
    invoices,
    onions,
    keyrings,
    houses,
  }).map(([name, content]) => [`${name}.json`, `${JSON.stringify(content, decimal, 2)}\n`]),
)

function decimal(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value
}

if (import.meta.main) {
  mkdirSync(directory, { recursive: true })
  for (const [name, content] of Object.entries(vectors)) writeFileSync(join(directory, name), content)
  console.log(`${Object.keys(vectors).length} files in ${directory}`)
}
