import { toHex } from '../../../sdk/core/bytes.ts'
import { channelIdOf, sortMembers } from '../../../sdk/core/channel.ts'
import { Reader, Writer } from '../../../sdk/core/codec.ts'
import { stateDigest } from '../../../sdk/core/state.ts'
import { type Channel, COIN, type Hex, type LedgerWord, type State } from '../../../sdk/core/types.ts'
import {
  type Joint,
  type JointEffect,
  type JointEvent,
  type JointMessage,
  type JointNews,
  type JointTerms,
  newJoint,
  type Round,
  type Wish,
} from '../../../sdk/protocols/joint.ts'
import { stepJoint } from '../../../sdk/protocols/joint-machine.ts'
import {
  decodeGroupMessage,
  encodeGroupMessage,
  putJointRecord,
  readJointRecord,
} from '../../../sdk/protocols/joint-wire.ts'
import { cutLast } from '../../../sdk/protocols/joint-wishes.ts'
import type { ChainFacts } from '../../../sdk/protocols/ledger.ts'
import { sessionSigner } from '../../../sdk/signing/session.ts'
import { verifySignature } from '../../../sdk/signing/signature.ts'
import type { SessionSigner } from '../../../sdk/signing/signer.ts'
import { DOMAIN, NOW } from './sides.ts'

export const PATIENCE = 1_000
export const LIMIT = 10_000

const ALL = Array.from({ length: 32 }, (_, index) => sessionSigner(new Uint8Array(32).fill(index + 1)))

/** The first `count` signers as a group, in the order of its members. */
export function groupOf(count: number): { terms: JointTerms; signers: SessionSigner[] } {
  const some = ALL.slice(0, count)
  const members = sortMembers(some.map(({ address }) => ({ signer: address, owner: address })))
  const channel: Channel = { period: 600, nonce: 9n, members }
  const signers = members.map(({ signer }) => some.find(({ address }) => address === signer)!)
  return {
    terms: { domain: DOMAIN, channel, verify: verifySignature, net: cutLast, patience: PATIENCE, limit: LIMIT },
    signers,
  }
}

export const idOf = (number: number): Hex => `0x${number.toString(16).padStart(32, '0')}`

export const wishOf = (number: number, to: number, amount: bigint, divisible = false): Wish => ({
  id: idOf(number),
  to,
  amount,
  divisible,
})

/** A view of an open ledger. */
export function jointFacts(balances: readonly bigint[], over: Partial<ChainFacts> = {}): ChainFacts {
  const word: LedgerWord = { phase: 'open', recorded: false, generation: 0, seq: 0, balances: [0n, 0n] }
  const head = { number: 10, timestamp: NOW }
  const both = { confirmedBalances: balances, latestBalances: balances, base: [], lanes: [0n] }
  return { head, confirmedHead: head, confirmed: word, latest: word, ...both, ...over }
}

export interface Sent {
  readonly from: number
  readonly to: number
  readonly message: JointMessage
}

/** One member at work: signs what its ledger asks for, stores it before anything leaves, and keeps what it wants to happen. */
export class Member {
  readonly me: number
  readonly terms: JointTerms
  readonly signer: SessionSigner
  joint: Joint
  stored: Uint8Array
  news: JointNews[] = []
  chain: Exclude<JointEffect, { kind: 'sign' | 'send' | 'notify' | 'record' }>[] = []
  readonly history: Round[] = []
  /** Everything that it ever signed of states, by version. */
  readonly signatures = new Map<bigint, Set<Hex>>()
  readonly #sent: (sent: Sent) => void

  constructor(me: number, { terms, signers }: ReturnType<typeof groupOf>, sent: (sent: Sent) => void) {
    this.me = me
    this.terms = terms
    this.signer = signers[me]!
    this.#sent = sent
    const ref = { channelId: channelIdOf(DOMAIN, terms.channel), asset: COIN }
    this.joint = { ...newJoint(ref, me, signers.length), fresh: true }
    this.stored = this.#record()
  }

  do(event: JointEvent): void {
    const { next, effects } = stepJoint(this.joint, event, this.terms)
    this.joint = next
    this.#perform(effects)
    if (event.kind === 'wish') this.do({ kind: 'declare' })
  }

  #perform(effects: readonly JointEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'sign') {
        this.#note(effect)
        this.do({ kind: 'signed', what: effect.what, signature: this.signer.sign(effect.digest) })
      }
    }
    // What is stored last is what left last: the store is written before the messages leave.
    this.stored = this.#record()
    for (const effect of effects) {
      if (effect.kind === 'send') this.#send(effect)
      else if (effect.kind === 'notify') this.news.push(effect.news)
      else if (effect.kind === 'record') this.history.push(effect.round)
      else if (effect.kind !== 'sign') this.chain.push(effect)
    }
  }

  #note({ what, digest }: Extract<JointEffect, { kind: 'sign' }>): void {
    if (what !== 'round') return
    const { version } = this.joint.signing!.round.state
    this.signatures.set(version, (this.signatures.get(version) ?? new Set()).add(toHex(digest)))
  }

  #send({ to, message }: Extract<JointEffect, { kind: 'send' }>): void {
    const { channelId, asset, generation } = this.joint
    for (const member of this.terms.channel.members.keys()) {
      if (member === this.me || (to !== undefined && to !== member)) continue
      const body = encodeGroupMessage({ kind: 'joint', channelId, generation, message })
      const read = decodeGroupMessage(body, () => asset)
      if (read?.kind === 'joint') this.#sent({ from: this.me, to: member, message: read.message })
    }
  }

  #record(): Uint8Array {
    const writer = new Writer()
    putJointRecord(writer, this.joint)
    return writer.finish()
  }

  /** The program dies and starts again from its store. */
  restart(facts: ChainFacts, now: number): void {
    const reader = new Reader(this.stored)
    const { channelId, asset } = this.joint
    this.joint = { ...readJointRecord(reader, { channelId, asset }, this.me), fresh: true, now }
    reader.end()
    this.do({ kind: 'facts', facts })
  }

  final(): Extract<JointNews, { kind: 'final' }>[] {
    return this.news.filter((news) => news.kind === 'final')
  }
}

/** A group whose messages arrive in the order in which they were sent, unless a test says otherwise. */
export class Table {
  readonly members: Member[]
  readonly group: ReturnType<typeof groupOf>
  readonly queue: Sent[] = []
  readonly silent = new Set<number>()
  now = 0
  balances: readonly bigint[]

  constructor(balances: readonly bigint[]) {
    this.balances = balances
    this.group = groupOf(balances.length)
    this.members = balances.map((_, me) => new Member(me, this.group, (sent) => this.queue.push(sent)))
    for (const member of this.members) member.do({ kind: 'facts', facts: jointFacts(balances) })
    this.meet()
  }

  /** All are connected anew, and hear each other. */
  meet(): void {
    for (const { me } of this.members)
      for (const other of this.members) if (other.me !== me) other.do({ kind: 'connected', member: me })
    this.run()
  }

  /** Delivers everything that is under way, and what follows from it. */
  run(): void {
    for (let sent = this.queue.shift(); sent; sent = this.queue.shift()) {
      if (this.silent.has(sent.from) || this.silent.has(sent.to)) continue
      this.members[sent.to]!.do({ kind: 'message', from: sent.from, message: sent.message })
    }
  }

  /** Lets time pass, second by second. */
  pass(milliseconds: number): void {
    for (let left = milliseconds; left > 0; left -= 1_000) {
      this.now += 1_000
      for (const member of this.members) if (!this.silent.has(member.me)) member.do({ kind: 'tick', now: this.now })
      this.run()
    }
  }

  credits(member: number): readonly bigint[] {
    return this.members[member]!.joint.complete.state.credits
  }
}

export const digestOf = (state: State): Hex => toHex(stateDigest(DOMAIN, state))
