import { expect } from 'chai'
import fc from 'fast-check'
import { ZERO_HASH } from '../../sdk/core/state.ts'
import { type Address, COIN, type Hex, type State } from '../../sdk/core/types.ts'
import { encodeWord } from '../../sdk/core/word.ts'
import { enforceable } from '../../sdk/protocols/disputing.ts'
import { blankLane, type Ledger } from '../../sdk/protocols/ledger.ts'
import type { LedgerMessage } from '../../sdk/protocols/messages.ts'
import { decodeLedger, encodeLedger } from '../../sdk/protocols/record.ts'
import { BlockedError, entitlement } from '../../sdk/protocols/solvency.ts'
import { decodeMessage, encodeMessage } from '../../sdk/protocols/wire.ts'
import { WithdrawalPendingError } from '../../sdk/protocols/withdrawing.ts'
import { facts, NOW, pair, REF, request, type Side } from '../sdk/protocols/sides.ts'

// Bob is mallory here: everything that he sends is drawn, the bounds of each field more often than what lies between.

const signed = fc.oneof(
  fc.constantFrom(0n, 1n, 999n, 1_000n, -1_000n, 1n << 105n, 1n << 106n, -(1n << 127n), (1n << 127n) - 1n),
  fc.bigInt({ min: -20n, max: 20n }),
)
const unsigned = (bits: bigint) =>
  fc.oneof(fc.constantFrom(0n, 1n, 999n, 1_000n, (1n << bits) - 1n), fc.bigInt({ min: 0n, max: 9n }))
const hash = fc.constantFrom<Hex>(ZERO_HASH, `0x${'11'.repeat(31)}02`)
const EXPIRY = NOW + 600n
const DISPUTED = facts({
  latest: { phase: 'disputed', recorded: false, generation: 0, expiry: EXPIRY, commitment: 1n },
  base: [encodeWord(facts().latest), 0n, 0n],
})
const at = fc.constantFrom(0, 0, 0, 0, 1, 32_767)
const seq = fc.constantFrom(0, 0, 0, 1, 32_767)
const claim = fc.record({
  version: unsigned(64n),
  credits: fc.oneof(
    fc.tuple(signed, signed),
    signed.map((amount) => [amount, -amount] as [bigint, bigint]),
  ),
  locked: fc.oneof(fc.constant(0n), unsigned(128n)),
  transfersRoot: hash,
  by: fc.constantFrom('nobody', 'alice', 'bob', 'bob'),
})
const kinds = {
  propose: fc.record({
    seq,
    closing: fc.boolean(),
    amount: unsigned(128n),
    to: fc.constantFrom<Address>(COIN, `0x${'77'.repeat(20)}`),
    toChannel: hash,
    toMember: fc.constantFrom(0, 1, 255),
    validUntil: fc.constantFrom(NOW + 600n, NOW + 86_400n, 0n, (1n << 64n) - 1n),
    dispute: fc.constantFrom(0n, 0n, EXPIRY, (1n << 64n) - 1n),
    balances: fc.oneof(fc.tuple(signed, signed), fc.constant([1_000n, 1_000n] as const)),
    version: unsigned(64n),
  }),
  consent: fc.record({ seq, version: unsigned(64n), by: fc.boolean() }),
  refuse: fc.record({ seq, again: fc.boolean(), reason: fc.string({ maxLength: 40 }) }),
  updates: fc.record({
    version: unsigned(64n),
    operations: fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 3 }),
  }),
  sync: fc.record({ ownNewest: claim, ownAcked: claim, peerNewest: claim, peerAcked: claim, want: fc.boolean() }),
}
type Drawn = {
  [K in keyof typeof kinds]: {
    kind: K
    generation: number
    body: (typeof kinds)[K] extends fc.Arbitrary<infer T> ? T : never
  }
}[keyof typeof kinds]
const message = fc.oneof(
  ...(Object.keys(kinds) as (keyof typeof kinds)[]).map((kind) =>
    fc.record({ kind: fc.constant(kind), generation: at, body: kinds[kind] as fc.Arbitrary<unknown> }),
  ),
) as fc.Arbitrary<Drawn>
const deed = fc.constantFrom(
  ...['pay', 'receive', 'grant', 'withdraw', 'close', 'forget', 'deposit', 'remind', 'reconnect', 'disputed', 'calm'],
)
const story = fc.array(fc.oneof({ weight: 2, arbitrary: message }, { weight: 1, arbitrary: deed }), {
  minLength: 1,
  maxLength: 14,
})

describe('a member that may send anything', () => {
  it('S15 S13 ends no step in an error, makes nothing that cannot be stored or sent, and takes nothing from the other', () => {
    fc.assert(
      fc.property(story, (events) => {
        const [alice, bob] = pair()
        const start = alice.ledger
        // What alice gave of her own accord: nothing else may ever be taken from her.
        let given = 0n
        for (const event of events) {
          const before = alice.ledger
          if (typeof event === 'string') given += act(event, alice, bob, start)
          else {
            for (const heard of onWire(event, alice, bob)) alice.hear(heard)
            given = most(given, admitted(event))
          }
          expect(decodeLedger(encodeLedger(alice.ledger), REF).own.newest).to.deep.equal(alice.ledger.own.newest)
          for (const sent of alice.sent) decodeMessage(encodeMessage(sent))
          expect(worth(alice.ledger) >= -given, 'what alice would submit').to.equal(true)
          expectFairClosing(before, alice.ledger)
          expect(alice.ledger.own.newest.version >= before.own.newest.version || event === 'forget').to.equal(true)
        }
      }),
      { numRuns: 1_500, seed: 15, ...(process.env.SEED ? { seed: Number(process.env.SEED) } : {}) },
    )
  })
})

/** A closing withdrawal that was signed just now pays alice all that she is entitled to. */
function expectFairClosing(before: Ledger, { inFlight, me, ...after }: Ledger): void {
  if (inFlight?.stage !== 'granted' || inFlight === before.inFlight || !inFlight.withdrawal.closing) return
  const hers = inFlight.withdrawal.parts.filter(({ member }) => member === me)
  const paid = hers.reduce((sum, { amount }) => sum + amount, 0n)
  expect(paid, 'what alice would be paid').to.equal(entitlement({ ...after, inFlight, me }, me))
}

const GRANTED = {
  ...{ seq: 0, closing: false, amount: 1n, to: COIN, toChannel: ZERO_HASH, toMember: 0, dispute: 0n },
  ...{ validUntil: NOW + 600n, balances: [1_000n, 1_000n] as const, version: 0n },
}

/** What alice would gain or lose by what she would show in a dispute. */
const worth = (ledger: Ledger): bigint =>
  enforceable(ledger).reduce((sum, { state }) => sum + state.credits[ledger.me]!, 0n)

/** What alice's own signature in a message says that she gave once. */
function admitted(event: Drawn): bigint {
  if (event.kind !== 'sync' || event.body.peerNewest.by !== 'alice') return 0n
  return -event.body.peerNewest.credits[0]!
}

const most = (a: bigint, b: bigint): bigint => (a > b ? a : b)

/** Does it if it may be done now; returns what alice gave. */
function act(deed: string, alice: Side, bob: Side, start: Ledger): bigint {
  const before = alice.ledger
  try {
    if (deed === 'pay') alice.pay(3n)
    if (deed === 'receive') alice.hear(bob.pay(5n).updates).feed({ kind: 'acknowledge' })
    if (deed === 'grant') alice.hear({ kind: 'propose', ...REF, generation: 0, ...GRANTED })
    if (deed === 'withdraw') alice.feed({ kind: 'withdraw', request: request() })
    if (deed === 'close') alice.feed({ kind: 'withdraw', request: request({ closing: true, amount: 0n }) })
    if (deed === 'forget') alice.ledger = { ...start, linked: false }
    if (deed === 'deposit') alice.feed({ kind: 'facts', facts: facts({ balances: [1_000n, 3_000n] }) })
    if (deed === 'disputed') alice.feed({ kind: 'facts', facts: DISPUTED })
    if (deed === 'calm') alice.feed({ kind: 'facts', facts: facts() })
    if (deed === 'remind') alice.feed({ kind: 'remind' })
    if (deed === 'reconnect') alice.feed({ kind: 'connected' })
  } catch (error) {
    if (!(error instanceof BlockedError || error instanceof WithdrawalPendingError)) throw error
  }
  const paid = before.own.newest.credits[0]! - alice.ledger.own.newest.credits[0]!
  return deed === 'pay' && paid > 0n ? paid : 0n
}

/** The message as alice reads it; none if it has no form on the wire. */
function onWire({ kind, generation, body }: Drawn, alice: Side, bob: Side): LedgerMessage[] {
  const ref = { ...REF, generation }
  const empty = new Uint8Array(64)
  const state = (lane: number, { by: _, ...said }: typeof claim extends fc.Arbitrary<infer T> ? T : never): State => ({
    ...blankLane(REF, generation, lane).newest,
    ...said,
  })
  const known = (lane: number, said: Parameters<typeof state>[1]) => {
    const one = state(lane, said)
    return [one, said.by === 'nobody' ? empty : (said.by === 'bob' ? bob : alice).sign(one)] as const
  }
  const drawn = (): LedgerMessage => {
    if (kind === 'propose') return { kind, ...ref, ...body, balances: [body.balances[0], body.balances[1]] }
    if (kind === 'consent') return { kind, ...ref, ...body, signature: empty }
    if (kind === 'refuse') return { kind, ...ref, ...body }
    if (kind === 'updates') {
      const updates = body.operations.map((operations, i) => ({
        version: (body.version + BigInt(i)) % (1n << 64n),
        signature: empty,
        operations,
      }))
      return { kind, ...ref, updates, ack: { version: body.version, signature: empty } }
    }
    const [newest, signature] = known(1, body.ownNewest)
    const [acked, ack] = known(1, body.ownAcked)
    const [mine, mySignature] = known(0, body.peerNewest)
    const [myAcked, myAck] = known(0, body.peerAcked)
    const peer = { newest: mine, signature: mySignature, acked: myAcked, ack: myAck }
    return { kind, ...ref, own: { newest, signature, acked, ack }, peer, want: body.want }
  }
  try {
    return [decodeMessage(encodeMessage(drawn())) as LedgerMessage]
  } catch {
    return []
  }
}
