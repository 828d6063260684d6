import { channelIdOf, sortMembers } from '../../../sdk/core/channel.ts'
import { stateDigest, ZERO_HASH } from '../../../sdk/core/state.ts'
import { type Address, COIN, type Domain, type LedgerWord, type State } from '../../../sdk/core/types.ts'
import {
  type ChainFacts,
  type Ledger,
  newLedger,
  type Terms,
  type WithdrawalRequest,
} from '../../../sdk/protocols/ledger.ts'
import { stepLedger } from '../../../sdk/protocols/machine.ts'
import type { LedgerMessage, PeerViolationError, Updates } from '../../../sdk/protocols/messages.ts'
import type { Operation } from '../../../sdk/protocols/operations.ts'
import { packAmounts } from '../../../sdk/protocols/payments.ts'
import type { LedgerEffect, LedgerEvent, LedgerNews } from '../../../sdk/protocols/step.ts'
import { sessionSigner } from '../../../sdk/signing/session.ts'
import { verifySignature } from '../../../sdk/signing/signature.ts'
import type { SessionSigner } from '../../../sdk/signing/signer.ts'

export const DOMAIN: Domain = { chainId: 31337n, adjudicator: `0x${'ad'.repeat(20)}` }

const signers = [1, 2].map((byte) => sessionSigner(new Uint8Array(32).fill(byte)))
const members = sortMembers(signers.map(({ address }) => ({ signer: address, owner: address })))
const byAddress = new Map(signers.map((signer) => [signer.address, signer]))
export const CHANNEL = { period: 600, nonce: 7n, members }
export const REF = { channelId: channelIdOf(DOMAIN, CHANNEL), asset: COIN }
export const TERMS: Terms = { domain: DOMAIN, channel: CHANNEL, verify: verifySignature }

export const NOW = 1_800_000_000n

const block = (timestamp: bigint) => ({ number: 10, timestamp })

/** A view of an open ledger. */
export function facts(
  over: Partial<ChainFacts> & { generation?: number; seq?: number; balances?: [bigint, bigint] } = {},
): ChainFacts {
  const { generation = 0, seq = 0, balances = [1_000n, 1_000n], ...rest } = over
  const word: LedgerWord = { phase: 'open', recorded: false, generation, seq, balances }
  return {
    head: block(NOW),
    confirmedHead: block(NOW),
    confirmed: word,
    latest: word,
    confirmedBalances: balances,
    latestBalances: balances,
    base: [],
    lanes: [0n, 0n],
    ...rest,
  }
}

/** One member at work: signs what its ledger asks for and keeps what it wants to happen. */
export class Side {
  readonly me: 0 | 1
  readonly signer: SessionSigner
  ledger: Ledger
  effects: LedgerEffect[] = []

  constructor(me: 0 | 1) {
    this.me = me
    this.signer = byAddress.get(members[me]!.signer)!
    this.ledger = newLedger(REF, me)
  }

  /** Feeds an event; effects of the last call are in `effects`. */
  feed(event: LedgerEvent): this {
    this.effects = []
    this.#feed(event)
    return this
  }

  #feed(event: LedgerEvent): void {
    const { next, effects } = stepLedger(this.ledger, event, TERMS)
    this.ledger = next
    for (const effect of effects)
      if (effect.kind === 'sign')
        this.#feed({ kind: 'signed', what: effect.what, signature: this.signer.sign(effect.digest) })
      else this.effects.push(effect)
  }

  pay(...amounts: bigint[]): this {
    return this.feed({ kind: 'write', operations: [{ kind: 'pay', batch: packAmounts(amounts, new Uint8Array(16)) }] })
  }

  /** Writes a version of the own lane with these operations. */
  write(...operations: Operation[]): this {
    return this.feed({ kind: 'write', operations })
  }

  hear(...messages: LedgerMessage[]): this {
    for (const message of messages) this.feed({ kind: 'message', message })
    return this
  }

  /** Messages that the last call sent. */
  get sent(): LedgerMessage[] {
    return this.effects.flatMap((effect) => (effect.kind === 'send' ? [effect.message] : []))
  }

  /** The updates that the last call sent. */
  get updates(): Updates {
    const found = this.sent.find((message) => message.kind === 'updates')
    if (!found) throw new Error('No updates were sent.')
    return found
  }

  get news(): LedgerNews[] {
    return this.effects.flatMap((effect) => (effect.kind === 'notify' ? [effect.news] : []))
  }

  get violation(): PeerViolationError | undefined {
    return this.effects.flatMap((effect) => (effect.kind === 'violation' ? [effect.error] : []))[0]
  }

  sign(state: State): Uint8Array {
    return this.signer.sign(stateDigest(DOMAIN, state))
  }
}

/** Alice (member 0) and bob (member 1), connected, in step, with 1,000 each. */
export function pair(view = facts()): [Side, Side] {
  const sides: [Side, Side] = [new Side(0), new Side(1)]
  for (const side of sides) side.feed({ kind: 'fresh', fresh: true }).feed({ kind: 'facts', facts: view })
  link(...sides)
  return sides
}

/** A new connection between the two. */
export function link(alice: Side, bob: Side): void {
  const [hers] = alice.feed({ kind: 'connected' }).sent
  const [his] = bob.feed({ kind: 'connected' }).sent
  const replies = [...alice.hear(his!).sent]
  bob.hear(hers!)
  bob.hear(...replies)
}

/** Pays and lets the other side take and acknowledge it. */
export function settlePayment(from: Side, to: Side, amount: bigint): void {
  to.hear(from.pay(amount).updates)
  from.hear(to.feed({ kind: 'acknowledge' }).updates)
}

export const request = (over: Partial<WithdrawalRequest> = {}): WithdrawalRequest => ({
  id: 'w1',
  closing: false,
  amount: 100n,
  to: COIN,
  toChannel: ZERO_HASH,
  toMember: 0,
  validUntil: NOW + 600n,
  ...over,
})

export const OTHER_ADDRESS: Address = `0x${'77'.repeat(20)}`
