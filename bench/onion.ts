import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { x25519 as nobleX } from '@noble/curves/ed25519.js'
import { secp256k1 as noble } from '@noble/curves/secp256k1.js'
import { toHex } from '../sdk/core/bytes.ts'
import { type Invoice, memoHashOf, NOTHING_WANTED } from '../sdk/core/invoice.ts'
import { decodeInvoice, encodeInvoice } from '../sdk/core/invoice-text.ts'
import { opens, pointOf, shiftPoint } from '../sdk/core/points.ts'
import { COIN, type Domain } from '../sdk/core/types.ts'
import { createFailure, readFailure, relayFailure } from '../sdk/routing/failure.ts'
import { encodeHopPayload } from '../sdk/routing/hop-payload.ts'
import { createOnion, MAX_HOPS, type Onion, peelOnion } from '../sdk/routing/onion.ts'
import { signInvoice, verifyInvoice } from '../sdk/signing/invoice.ts'
import { onionKey } from '../sdk/signing/onion-key.ts'
import { curve } from '../sdk/signing/secp256k1.ts'
import { sessionSigner } from '../sdk/signing/session.ts'
import { x25519 } from '../sdk/signing/x25519.ts'

// What the cryptography of a payment over several hops costs, a second and one core. Beside each figure stands what its curve operations
// alone would reach at the same moment, here and with noble: machines differ tenfold with load, these shares hardly.

const { values } = parseArgs({ options: { json: { type: 'string' }, ms: { type: 'string', default: '150' } } })

const bytes = (fill: number, size = 32) => new Uint8Array(size).fill(fill)
const [digest, scalar] = [bytes(9), bytes(5)]
const point = pointOf(bytes(3))
const opening = pointOf(scalar)
const compact = noble.sign(digest, scalar, { prehash: false, format: 'recovered' })

/** Curve operations alone: as the SDK has them, and with noble. */
const primitives = {
  agree: [() => x25519.agree(scalar, bytes(9)), () => nobleX.getSharedSecret(scalar, bytes(9))],
  recover: [() => curve.recover(compact, digest), () => noble.recoverPublicKey(compact, digest, { prehash: false })],
  base: [() => curve.publicKey(scalar), () => noble.getPublicKey(scalar)],
  shift: [
    () => curve.recover(compact, digest),
    () =>
      noble.Point.fromBytes(point)
        .add(noble.Point.BASE.multiply(5n ** 100n))
        .toBytes(),
  ],
  sign: [() => curve.sign(digest, scalar), () => noble.sign(digest, scalar, { prehash: false })],
} as const satisfies Record<string, readonly [() => unknown, () => unknown]>

interface Row {
  readonly name: string
  readonly run: () => unknown
  /** The curve operation it is made of and how often; undefined: none. */
  readonly needs?: readonly [keyof typeof primitives, number]
}

const nodes = Array.from({ length: MAX_HOPS }, (_, hop) => onionKey(bytes(hop + 1)))
const context = { key: toHex(bytes(1)), asset: COIN, deadline: 1_900_000_000n }
const locked = { asset: COIN, amount: 10n ** 18n, deadline: context.deadline, mode: 'sprites', share: scalar } as const
const forward = encodeHopPayload({ kind: 'forward', channelId: context.key, ...locked })
const final = encodeHopPayload({
  kind: 'final',
  ...locked,
  invoice: context.key,
  total: locked.amount,
  paymentId: toHex(bytes(2, 16)),
})
const create = (hops: number): Onion =>
  createOnion(
    bytes(7),
    nodes
      .slice(0, hops)
      .map(({ publicKey }, hop) => ({ publicKey, payload: hop === hops - 1 ? final : forward, context })),
  )
/** Hop i agrees once for each blinding before it, and blinds once. */
const agreements = (hops: number) => (hops * (hops + 1)) / 2 + hops + 1
const onion = create(4)
const failure = relayFailure(bytes(1), relayFailure(bytes(2), createFailure(bytes(3), 'FEE_TOO_LOW')))

const domain: Domain = { chainId: 1n, adjudicator: toHex(bytes(0xad, 20)) }
const bob = sessionSigner(scalar)
const invoice: Invoice = {
  uri: 'pay://hub.example/bob',
  payee: bob.address,
  payer: COIN,
  asset: COIN,
  amount: 10n ** 18n,
  partial: false,
  key: context.key,
  point: toHex(point),
  deadline: context.deadline,
  memoHash: toHex(memoHashOf('tea')),
  splits: [],
  want: NOTHING_WANTED,
  onionKey: toHex(nodes[0]!.publicKey),
  hints: [],
  nonce: 1n,
}
const signed = signInvoice(bob, domain, invoice, 'tea')
const text = encodeInvoice(domain, signed)

const rows: readonly Row[] = [
  { name: 'hop: peel a layer', run: () => peelOnion(nodes[0]!, onion.packet, context), needs: ['agree', 2] },
  { name: 'hop: shift a lock point', run: () => shiftPoint(point, scalar), needs: ['shift', 1] },
  { name: 'hop: check what a release opens', run: () => opens(opening, scalar), needs: ['base', 1] },
  { name: 'hop: create or relay a failure', run: () => relayFailure(scalar, failure) },
  { name: 'payer: create an onion, 1 hop', run: () => create(1), needs: ['agree', agreements(1)] },
  { name: 'payer: create an onion, 4 hops', run: () => create(4), needs: ['agree', agreements(4)] },
  { name: 'payer: create an onion, 20 hops', run: () => create(MAX_HOPS), needs: ['agree', agreements(MAX_HOPS)] },
  { name: 'payer: read a failure of hop 3', run: () => readFailure([bytes(1), bytes(2), bytes(3)], failure) },
  { name: 'payer: read an invoice from its text', run: () => decodeInvoice(domain, text) },
  { name: 'payer: verify an invoice', run: () => verifyInvoice(domain, signed), needs: ['recover', 1] },
  { name: 'payee: sign an invoice', run: () => signInvoice(bob, domain, invoice, 'tea'), needs: ['sign', 1] },
  { name: 'payee: write an invoice as text', run: () => encodeInvoice(domain, signed) },
]

function rate(task: () => unknown): number {
  const start = performance.now()
  let count = 0
  for (; performance.now() < start + Number(values.ms); count++) task()
  return (1_000 * count) / (performance.now() - start)
}

const median = (samples: readonly number[]): number => [...samples].sort((a, b) => a - b)[samples.length >> 1]!

/** Five rounds, in each of which a row and its primitives are measured next to each other. */
function measure({ name, run, needs }: Row) {
  rate(run)
  const rounds = Array.from({ length: 5 }, () => {
    const own = rate(run)
    if (!needs) return { own, share: Number.NaN, times: Number.NaN }
    const [here, there] = primitives[needs[0]]
    return { own, share: (own * needs[1]) / rate(here), times: (own * needs[1]) / rate(there) }
  })
  const of = (field: 'own' | 'share' | 'times') => median(rounds.map((round) => round[field]))
  return { name, rate: of('own'), share: of('share'), times: of('times') }
}

const results = rows.map(measure)
console.log('| | a second | of its curve operations alone | times noble’s |\n|---|--:|--:|--:|')
for (const { name, rate, share, times } of results) {
  const ratios = Number.isNaN(share) ? ' | ' : `${Math.round(100 * share)} % | ${times.toFixed(1)}`
  console.log(`| ${name} | ${Math.round(rate).toLocaleString('en')} | ${ratios} |`)
}
console.log(`\nonion ${onion.packet.length} bytes, failure ${failure.length} bytes, invoice ${text.length} characters`)
if (values.json)
  writeFileSync(
    values.json,
    `${JSON.stringify(Object.fromEntries(results.map(({ name, rate }) => [name, Math.round(rate)])), null, 2)}\n`,
  )
