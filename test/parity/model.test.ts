import { expect } from 'chai'
import type { Interface } from 'ethers'
import fc from 'fast-check'
import { network } from 'hardhat'
import type { ChainCall } from '../../sdk/chain/chain.ts'
import { toHex } from '../../sdk/core/bytes.ts'
import { encodeProof, encodeStates, encodeWithdrawal } from '../../sdk/core/calldata.ts'
import { channelIdOf, encodeChannel, sortMembers } from '../../sdk/core/channel.ts'
import { encodeEnvelope } from '../../sdk/core/envelope.ts'
import { keccak256 } from '../../sdk/core/keccak.ts'
import { laneWordOf, stateDigest, ZERO_HASH } from '../../sdk/core/state.ts'
import { type Address, type Channel, COIN, type Domain, type LedgerRef, type State } from '../../sdk/core/types.ts'
import { withdrawalDigest } from '../../sdk/core/withdrawal.ts'
import { encodeWord, newestLaneWord } from '../../sdk/core/word.ts'
import { sessionSigner, signBatch, signDirect, toLongSignature } from '../../sdk/signing/session.ts'
import type { SessionSigner } from '../../sdk/signing/signer.ts'
import { ownerOf } from '../sdk/node/actors.ts'
import { wordOf } from '../sdk/node/model-adjudicator.ts'
import { ModelChain, type Traced } from '../sdk/node/model-chain.ts'
import { type Action, Simulation } from '../sdk/node/simulation.ts'

const { ethers, provider } = await network.create({
  // Nobody pays for gas, so that balances are what was paid out; the model mines no block for what it refuses.
  // Its time begins before the model's.
  override: { initialBaseFeePerGas: 0, allowBlocksWithSameTimestamp: true, initialDate: '2020-01-01' },
})
const registry = await ethers.deployContract('OutcomeRegistry')
const adjudicator = await ethers.deployContract('Adjudicator', [registry])
const domain: Domain = { chainId: 31_337n, adjudicator: (await adjudicator.getAddress()).toLowerCase() as Address }
const abi = adjudicator.interface as Interface

// ---------------------------------------------------------------- who takes part

const keyOf = (name: string): Uint8Array => keccak256(new TextEncoder().encode(name))
const session = ['first', 'second'].map((name) => sessionSigner(keyOf(`session ${name}`)))
/** Owners sign as well, so their keys are needed. */
const owners = ['first', 'second'].map((name) => sessionSigner(keyOf(`owner ${name}`)))
const stranger = sessionSigner(keyOf('stranger'))
const payer = sessionSigner(keyOf('payer'))

let nonce = 0n
interface Cast {
  readonly channel: Channel
  readonly ledger: LedgerRef
  readonly signers: readonly SessionSigner[]
  readonly owners: readonly SessionSigner[]
}

/** @param alike The first of the two signs states with its owner's own key. */
function newCast(alike: boolean): Cast {
  const pairs = session.map((signer, i) => ({ signer: alike && i === 0 ? owners[0]! : signer, owner: owners[i]! }))
  const members = sortMembers(pairs.map(({ signer, owner }) => ({ signer: signer.address, owner: owner.address })))
  const channel = { period: 600, nonce: nonce++, members }
  const sorted = members.map((member) => pairs.find(({ signer }) => signer.address === member.signer)!)
  return {
    channel,
    ledger: { channelId: channelIdOf(domain, channel), asset: COIN },
    signers: sorted.map(({ signer }) => signer),
    owners: sorted.map(({ owner }) => owner),
  }
}

// ---------------------------------------------------------------- what they do

type Consent = 'both' | 'long' | 'batched' | 'absent' | 'none' | 'owner' | 'swapped' | 'damaged'
interface Shown {
  readonly lane: number
  readonly version: bigint
  readonly paid: bigint
  readonly locked: bigint
  /** Breaks the sum. */
  readonly off: bigint
  readonly consent: Consent
}
type Move =
  | { readonly do: 'deposit'; readonly member: number; readonly amount: bigint }
  | { readonly do: 'wait'; readonly seconds: bigint }
  | { readonly do: 'submit' | 'checkpoint'; readonly by: number; readonly states: readonly Shown[] }
  | { readonly do: 'settle'; readonly by: number; readonly lie: 'none' | 'base' | 'state' }
  | {
      readonly do: 'withdraw'
      readonly by: number
      readonly amounts: readonly [bigint, bigint] | 'all'
      readonly member: number
      readonly elsewhere: boolean
      readonly closing: boolean
      readonly late: boolean
      readonly seqOff: number
      readonly disputeOff: bigint
      readonly consent: Consent
    }

/** Mostly `usual`, so that long traces get somewhere. */
const mostly = <T>(usual: T, ...others: T[]) =>
  fc.oneof({ weight: 8, arbitrary: fc.constant(usual) }, { weight: 2, arbitrary: fc.constantFrom(...others) })
const by = fc.constantFrom(0, 1, 2)
const consent = mostly<Consent>('both', 'long', 'batched', 'absent', 'none', 'owner', 'swapped', 'damaged')
const shown: fc.Arbitrary<Shown> = fc.record({
  lane: mostly(0, 1, 2),
  version: fc.oneof({ weight: 12, arbitrary: fc.constantFrom(1n, 2n, 3n, 4n) }, mostly((1n << 64n) - 1n, 0n)),
  paid: fc.constantFrom(0n, 10n, 10n, 700n, -1n),
  locked: mostly(0n, 5n, 2_000n),
  off: fc.oneof({ weight: 9, arbitrary: fc.constant(0n) }, fc.constant(1n)),
  consent,
})
const states = fc.oneof(
  { weight: 3, arbitrary: fc.array(shown, { maxLength: 2 }) },
  {
    weight: 5,
    arbitrary: fc.tuple(shown, shown).map(([a, b]) => [
      { ...a, lane: 0 },
      { ...b, lane: 1 },
    ]),
  },
)
const move = fc.oneof<fc.WeightedArbitrary<Move>[]>(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('deposit' as const),
      member: mostly(0, 1, 2),
      amount: fc.constantFrom(0n, 40n, 500n),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('wait' as const), seconds: fc.constantFrom(1n, 300n, 598n, 600n) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('submit' as const, 'submit' as const, 'checkpoint' as const),
      by,
      states,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('settle' as const),
      by,
      lie: mostly<'none' | 'base' | 'state'>('none', 'base', 'state'),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('withdraw' as const),
      by,
      amounts: fc.oneof(fc.constant('all' as const), fc.tuple(fc.bigInt(0n, 60n), fc.bigInt(0n, 60n))),
      member: mostly(1, 2),
      elsewhere: fc.boolean(),
      closing: fc.boolean(),
      late: mostly(false, true),
      seqOff: mostly(0, 1),
      disputeOff: mostly(0n, 1n),
      consent,
    }),
  },
)

/** Plays moves on the model, which keeps the trace. */
class Play {
  readonly chain: ModelChain
  readonly #cast: Cast
  readonly #states = new Map<bigint, State>()

  constructor(cast: Cast, start: bigint) {
    this.#cast = cast
    this.chain = new ModelChain(1, domain)
    this.chain.advance(start - this.chain.tip.head.timestamp)
  }

  perform(move: Move): void {
    try {
      if (move.do === 'wait') this.chain.advance(move.seconds)
      else if (move.do === 'deposit') this.chain.deposit(this.#cast.ledger, move.member, move.amount, payer.address)
      else this.chain.call(this.#sender(move.by).address, this.#callOf(move))
    } catch (error) {
      // Refusals are in the trace; the contract must refuse with the same name.
      if (this.chain.trace.at(-1)?.refused !== (error as Error).name) throw error
    }
  }

  #callOf(move: Exclude<Move, { do: 'wait' | 'deposit' }>): ChainCall {
    const { channel } = this.#cast
    const packed =
      move.do === 'settle' ? this.#proof(move) : move.do === 'withdraw' ? this.#order(move) : this.#shown(move)
    return { to: 'adjudicator', functionName: move.do, args: [toHex(encodeChannel(channel)), COIN, toHex(packed)] }
  }

  #sender = (by: number): SessionSigner => this.#cast.owners[by] ?? stranger

  #entry() {
    return this.chain.entry(this.#cast.ledger)
  }

  #shown({ states, by }: Extract<Move, { do: 'submit' | 'checkpoint' }>): Uint8Array {
    return encodeStates(
      states.map(({ lane, version, paid, locked, off, consent }) => {
        const credits = lane === 0 ? [-paid - locked + off, paid] : [paid, -paid - locked + off]
        const transfersRoot = locked === 0n ? ZERO_HASH : toHex(keccak256(Uint8Array.of(Number(paid & 0xffn))))
        const generation = this.#entry().generation
        const state = { ...this.#cast.ledger, generation, lane, version, credits, locked, transfersRoot }
        this.#states.set(laneWordOf(state), state)
        return { state, signatures: this.#consent(stateDigest(domain, state), consent, by) }
      }),
    )
  }

  #proof({ lie }: Extract<Move, { do: 'settle' }>): Uint8Array {
    const { dispute, lanes } = this.#entry()
    const base = dispute?.base ?? [0n, 0n, 0n]
    const newest = [0, 1].map((lane) => newestLaneWord(base[1 + lane]!, lanes[lane]!))
    const states = newest.filter((word) => word !== 0n).map((word) => this.#states.get(word)!)
    const told = states.map((state, at) => {
      const [a, b] = state.credits as [bigint, bigint]
      return lie === 'state' && at === states.length - 1 ? { ...state, credits: [a + 1n, b - 1n] } : state
    })
    return encodeProof(lie === 'base' ? [base[0]! ^ 1n, base[1]!, base[2]!] : base, told)
  }

  #order(move: Extract<Move, { do: 'withdraw' }>): Uint8Array {
    const { balances, generation, seq, dispute } = this.#entry()
    const amounts = move.amounts === 'all' ? balances : move.amounts
    const parts = [0, move.member].map((member, at) => ({
      member,
      amount: amounts[at as 0 | 1] < 0n ? 0n : amounts[at as 0 | 1],
      to: move.elsewhere && at === 0 ? stranger.address : COIN,
      toChannel: ZERO_HASH,
      toMember: 0,
    }))
    const now = this.chain.tip.head.timestamp + 1n
    const order = {
      ...this.#cast.ledger,
      generation,
      seq: seq + move.seqOff,
      parts,
      closing: move.closing,
      validUntil: move.late ? now - 1n : now,
      dispute: (dispute?.expiry ?? 0n) + move.disputeOff,
    }
    const base = order.dispute === 0n ? [] : (dispute?.base ?? [0n, 0n, 0n])
    return encodeWithdrawal(order, this.#consent(withdrawalDigest(domain, order), move.consent, move.by), base)
  }

  #consent(digest: Uint8Array, how: Consent, by: number): (Uint8Array | undefined)[] {
    const { signers, owners } = this.#cast
    const direct = signers.map((signer) => signDirect(signer, digest))
    const long = (signer: SessionSigner, kind: 'direct' | 'owner') =>
      encodeEnvelope({ kind, signature: toLongSignature(signer.sign(digest)) })
    switch (how) {
      case 'both':
        return direct
      case 'long':
        return signers.map((signer) => long(signer, 'direct'))
      case 'batched':
        return signers.map((signer) => signBatch(signer, domain, [keyOf('another'), digest])[1])
      case 'absent':
        return direct.map((signature, member) => (member === by ? undefined : signature))
      case 'none':
        return [undefined, undefined]
      case 'owner':
        return [long(owners[0]!, 'owner'), direct[1]]
      case 'swapped':
        return [direct[1], direct[0]]
      case 'damaged':
        return [direct[0], direct[1]!.map((byte, at) => (at === 9 ? byte ^ 4 : byte))]
    }
  }
}

// ---------------------------------------------------------------- the contract

const timestamp = async (): Promise<bigint> => BigInt((await ethers.provider.getBlock('latest'))!.timestamp)

/** Does on the contract what was done on the model. @returns how often each refusal was met; `done` for none. */
async function replay(trace: readonly Traced[], ledger: LedgerRef): Promise<Map<string, number>> {
  const met = new Map<string, number>()
  const before = new Map<string, bigint>()
  for (const step of trace) {
    await provider.request({ method: 'evm_setNextBlockTimestamp', params: [Number(step.now)] })
    for (const key of step.paid.keys()) {
      const [to] = key.split('/')
      if (!before.has(key)) before.set(key, await ethers.provider.getBalance(to!))
    }
    const refused = await attempt(step, ledger)
    expect(refused, `${nameOf(step)} at ${step.now}`).to.equal(step.refused)
    met.set(refused ?? 'done', (met.get(refused ?? 'done') ?? 0) + 1)
    await compare(step, ledger, before)
  }
  return met
}

/** Sends it; the name of the contract's error, if it refuses. */
async function attempt({ call, sender }: Traced, { channelId }: LedgerRef): Promise<string | undefined> {
  const [data, value] =
    'functionName' in call
      ? [abi.encodeFunctionData(call.functionName, call.args), 0n]
      : [abi.encodeFunctionData('depositCoin', [channelId, call.member]), call.amount]
  const transaction = {
    from: 'functionName' in call ? sender : payer.address,
    to: domain.adjudicator,
    data,
    value: `0x${value.toString(16)}`,
    gas: '0x2dc6c0',
    gasPrice: '0x0',
  }
  try {
    await provider.request({ method: 'eth_sendTransaction', params: [transaction] })
    return undefined
  } catch (error) {
    const reason = (error as { data?: { data?: string } | string }).data
    const bytes = typeof reason === 'string' ? reason : reason?.data
    const parsed = bytes === undefined ? null : abi.parseError(bytes)
    if (parsed === null) throw error
    return parsed.name
  }
}

async function compare({ after, paid }: Traced, ledger: LedgerRef, before: ReadonlyMap<string, bigint>): Promise<void> {
  const view = (name: string, ...args: unknown[]) =>
    adjudicator.getFunction(name).staticCall(ledger.channelId, COIN, ...args)
  expect(await view('wordOf', 0)).to.equal(encodeWord(wordOf(after)))
  const { generation } = after
  const lanes = [await view('laneOf', generation, 0), await view('laneOf', generation, 1)]
  expect(lanes).to.deep.equal(after.lanes)
  for (const [ended, record] of after.records) expect(await view('recordOf', ended)).to.equal(record)
  for (const [key, amount] of paid)
    expect((await ethers.provider.getBalance(key.split('/')[0]!)) - (before.get(key) ?? 0n), key).to.equal(amount)
}

const nameOf = ({ call }: Traced): string => ('functionName' in call ? call.functionName : 'deposit')

/** What calls are refused with in two thousand steps of chance: without one of these the generator would be too tame. */
const REFUSALS =
  'AlreadyDisputed BadSignature DepositRefused DisputeOver DisputeRunning Expired NeedsOwner NoSuchLane NoSuchMember ' +
  'NotDisputed NotMember NotZero NothingRose Overdrawn Unbalanced UnsortedLane WrongBase WrongDispute WrongSeq WrongState ' +
  'ZeroVersion'

describe('The model of the adjudicator that nodes are simulated on', () => {
  before(async () => {
    const senders = [...owners, stranger, payer].map(({ address }) => address)
    for (const address of [...senders, ownerOf('alice'), ownerOf('bob')])
      await provider.request({ method: 'hardhat_impersonateAccount', params: [address] })
    await provider.request({ method: 'hardhat_setBalance', params: [payer.address, '0xffffffffffffffff'] })
  })

  it('S44 does and refuses what the contract does and refuses, whatever is asked', async function () {
    this.timeout(120_000)
    const met = new Map<string, number>()
    const moves = fc.array(move, { minLength: 8, maxLength: 30, size: 'max' })
    const property = fc.asyncProperty(fc.boolean(), moves, async (alike, moves) => {
      const cast = newCast(alike)
      const play = new Play(cast, (await timestamp()) + 100n)
      for (const each of moves) play.perform(each)
      for (const [name, times] of await replay(play.chain.trace, cast.ledger))
        met.set(name, (met.get(name) ?? 0) + times)
    })
    await fc.assert(property, { numRuns: 100, seed: 7 })
    expect([...met.keys()].sort()).to.include.members(REFUSALS.split(' '))
    expect(met.get('done')).to.be.greaterThan(300)
  })

  it('S44 leads two nodes through payments, a withdrawal, a cheat and a closing as the contract would', async () => {
    const simulation = new Simulation(domain)
    await simulation.start()
    const stages: readonly (readonly Action[])[] = [
      [
        { do: 'payMany', of: 1, count: 20 },
        { do: 'withdraw', of: 0, amount: 30 },
      ],
      [
        { do: 'remember', of: 0 },
        { do: 'pay', of: 0, amount: 200 },
      ],
      // Alice shows what she had before she paid; bob answers.
      [{ do: 'cheat', of: 0 }],
      [{ do: 'deposit', of: 0, amount: 70 }],
      [{ do: 'pay', of: 0, amount: 5 }],
      [{ do: 'close', of: 1 }],
    ]
    for (const acts of stages) {
      for (const act of acts) await simulation.perform(act)
      await simulation.settle()
    }
    const { trace } = simulation.chain
    const done = trace.filter(({ refused }) => !refused).map(nameOf)
    const wanted = ['deposit', 'deposit', 'withdraw', 'submit', 'submit', 'settle', 'deposit', 'withdraw']
    expect(done).to.deep.equal(wanted)
    await replay(trace, { channelId: simulation.channelId, asset: COIN })
  })
})
