import { expect } from 'chai'
import { AbiCoder, keccak256, Wallet } from 'ethers'
import fc from 'fast-check'
import { network } from 'hardhat'
import { fromUint, toHex } from '../../sdk/core/bytes.ts'
import { encodeProof, encodeRedemption, encodeReserves, encodeStates, laneList } from '../../sdk/core/calldata.ts'
import { channelIdOf, encodeChannel, sortMembers } from '../../sdk/core/channel.ts'
import { type Outcome, WHOLE } from '../../sdk/core/outcome.ts'
import { type Reserve, redeem, settle } from '../../sdk/core/settlement.ts'
import { laneWordOf, stateDigest, ZERO_HASH } from '../../sdk/core/state.ts'
import { isDecided, type Outcomes, transfersRoot } from '../../sdk/core/transfer.ts'
import {
  type Address,
  type Channel,
  COIN,
  type Domain,
  type Hex,
  type State,
  type Transfer,
} from '../../sdk/core/types.ts'
import { sessionSigner, signDirect } from '../../sdk/signing/session.ts'
import '../sdk/core/arbitraries.ts'

const { ethers, provider } = await network.create()
const registry = await ethers.deployContract('OutcomeRegistry')
const adjudicator = await ethers.deployContract('Adjudicator', [registry])
const domain: Domain = { chainId: 31_337n, adjudicator: (await adjudicator.getAddress()).toLowerCase() as Address }
const call = (name: string, ...args: unknown[]) => adjudicator.getFunction(name).send(...args)

const signers = [1, 2].map((byte) => sessionSigner(new Uint8Array(32).fill(byte)))
const signerAt = (address: Address) => signers.find((signer) => signer.address === address)!

/** Seconds after the settlement (negative: before it) at which a transfer's deadline falls. */
const DEADLINES = [-50, -1, 0, 1, 500]
const REDEEM_AFTER = 1_000n

interface LegPlan {
  readonly to: number
  readonly value: bigint
  /** When its outcome is recorded, relative to the deadline; undefined: never. */
  readonly recorded: number | undefined
}
interface TransferPlan {
  readonly amount: bigint
  readonly deadline: number
  readonly refundTo: number
  readonly legs: readonly LegPlan[]
}
interface Plan {
  readonly deposits: readonly [bigint, bigint]
  readonly moved: readonly [bigint, bigint]
  readonly lanes: readonly { readonly transfers: readonly TransferPlan[]; readonly divided: boolean }[]
}

const leg: fc.Arbitrary<LegPlan> = fc.record({
  to: fc.nat(1),
  value: fc.oneof(fc.constantFrom(0n, WHOLE), fc.bigInt(0n, WHOLE)),
  recorded: fc.constantFrom(-1, 0, 1, undefined),
})
const transfer: fc.Arbitrary<TransferPlan> = fc.record({
  amount: fc.bigInt(1n, 300n),
  deadline: fc.constantFrom(...DEADLINES),
  refundTo: fc.nat(1),
  legs: fc.array(leg, { minLength: 1, maxLength: 3 }),
})
const plan: fc.Arbitrary<Plan> = fc.record({
  deposits: fc.tuple(fc.bigInt(0n, 1_000n), fc.bigInt(1n, 1_000n)),
  moved: fc.tuple(fc.bigInt(-1_200n, 1_200n), fc.bigInt(-1_200n, 1_200n)),
  lanes: fc.array(fc.record({ transfers: fc.array(transfer, { maxLength: 4 }), divided: fc.boolean() }), {
    minLength: 1,
    maxLength: 2,
  }),
})

let nonce = 0n
function newChannel(): Channel {
  const members = signers.map(({ address }) => ({
    signer: address,
    owner: Wallet.createRandom().address.toLowerCase() as Address,
  }))
  return { period: 60, nonce: nonce++, members: sortMembers(members) }
}

const sum = (values: readonly bigint[]) => values.reduce((total, value) => total + value, 0n)

/** A lane's transfers, and when each of their outcomes is recorded. */
function listOf(plans: readonly TransferPlan[], settleAt: bigint, salt: string) {
  const outcomes: { readonly key: Hex; readonly outcome: Outcome }[] = []
  const transfers = plans.map(({ amount, deadline, refundTo, legs }, position): Transfer => {
    const at = settleAt + BigInt(deadline)
    return {
      amount,
      deadline: at,
      refundTo,
      legs: legs.map(({ to, value, recorded }, index) => {
        const key = keccak256(new TextEncoder().encode(`${salt}/${position}/${index}`)) as Hex
        if (recorded !== undefined) outcomes.push({ key, outcome: { value, recordedAt: at + BigInt(recorded) } })
        return { to, key }
      }),
    }
  })
  return { transfers, outcomes }
}

/** Stands in for the conditions that would have answered at that time: only the storage they would have written. */
async function recordOutcome(key: Hex, { value, recordedAt }: Outcome): Promise<void> {
  const slot = keccak256(AbiCoder.defaultAbiCoder().encode(['bytes32', 'uint256'], [key, 0]))
  const packed = toHex(fromUint((recordedAt << 64n) | value, 32))
  await provider.request({ method: 'hardhat_setStorageAt', params: [await registry.getAddress(), slot, packed] })
}

async function at(time: bigint): Promise<void> {
  await provider.request({ method: 'evm_setNextBlockTimestamp', params: [Number(time)] })
}

const held = (channel: Channel) => Promise.all(channel.members.map(({ owner }) => ethers.provider.getBalance(owner)))

async function playOut({ deposits, moved, lanes }: Plan): Promise<void> {
  const channel = newChannel()
  const packed = encodeChannel(channel)
  const channelId = channelIdOf(domain, channel)
  const start = BigInt((await ethers.provider.getBlock('latest'))!.timestamp)
  const settleAt = start + 1_000n

  const lists = lanes.map(({ transfers }, lane) => listOf(transfers, settleAt, `${channelId}/${lane}`))
  const states = lists.map(({ transfers }, lane): State => {
    const locked = sum(transfers.map(({ amount }) => amount))
    const credits = lane === 0 ? [-moved[0] - locked, moved[0]] : [moved[1], -moved[1] - locked]
    return {
      channelId,
      asset: COIN,
      generation: 0,
      lane,
      version: 1n,
      credits,
      locked,
      transfersRoot: transfersRoot(transfers),
    }
  })
  const recorded = lists.flatMap(({ outcomes }) => outcomes)
  const knownAt = (time: bigint): Outcomes => {
    const known = new Map(
      recorded.filter(({ outcome }) => outcome.recordedAt <= time).map(({ key, outcome }) => [key, outcome]),
    )
    return (key) => known.get(key)
  }
  const recordBetween = async (after: bigint, until: bigint) => {
    for (const { key, outcome } of recorded)
      if (outcome.recordedAt > after && outcome.recordedAt <= until) await recordOutcome(key, outcome)
  }

  for (const [member, value] of deposits.entries())
    if (value > 0n) await call('depositCoin', channelId, member, { value })
  const signatures = (state: State) =>
    channel.members.map(({ signer }) => signDirect(signerAt(signer), stateDigest(domain, state)))
  await at(start + 100n)
  const openWord = await adjudicator.getFunction('wordOf').staticCall(channelId, COIN, 0)
  await call('submit', packed, COIN, encodeStates(states.map((state) => ({ state, signatures: signatures(state) }))))

  const divided = new Map(
    lanes.flatMap((lane, index) =>
      lane.divided && states[index]!.locked > 0n ? [[index, lists[index]!.transfers] as const] : [],
    ),
  )
  const expected = settle({
    balances: deposits,
    states,
    transfers: divided,
    outcomes: knownAt(settleAt),
    now: settleAt,
  })
  await recordBetween(0n, settleAt)
  const base = [openWord, ...[0, 1].map((lane) => (states[lane] ? laneWordOf(states[lane]) : 0n))]
  const all = [...divided].map(([lane, transfers]) => laneList(lane, transfers, () => true))
  await at(settleAt)
  await call('settle', packed, COIN, encodeProof(base, states, all))
  const record = await adjudicator.getFunction('recordOf').staticCall(channelId, COIN, 0)
  expect(await held(channel)).to.deep.equal(expected.payouts)
  expect(record).to.equal(expected.reserves.length === 0 ? ZERO_HASH : keccak256(encodeReserves(expected.reserves)))
  expect(sum(expected.payouts) + sum(expected.reserves.map(({ reserved }) => reserved))).to.equal(sum(deposits))

  // Later every deadline has passed: what was reserved is divided completely.
  const redeemAt = settleAt + REDEEM_AFTER
  await recordBetween(settleAt, redeemAt)
  const settledPositions = (lane: number) =>
    new Set(
      lists[lane]!.transfers.flatMap((one, position) =>
        divided.has(lane) && isDecided(one, knownAt(settleAt), settleAt) ? [position] : [],
      ),
    )
  let owed = expected.payouts
  await at(redeemAt)
  for (const reserve of expected.reserves) owed = await redeemLane(reserve, owed)
  if (expected.reserves.length === 0) await provider.request({ method: 'evm_mine', params: [] })
  // Only if the members locked more than they had does dust stay behind: less than a wei a transfer.
  const short = sum(states.map(({ locked }) => locked)) > sum(deposits)
  const dust = short ? sum(lists.map(({ transfers }) => BigInt(transfers.length))) : 0n
  const left = sum(deposits) - sum(owed)
  expect(left >= 0n && left <= dust, `${left} wei were never paid`).to.equal(true)

  async function redeemLane(reserve: Reserve, before: readonly bigint[]): Promise<readonly bigint[]> {
    const { transfers } = lists[reserve.lane]!
    const settled = settledPositions(reserve.lane)
    const { payouts } = redeem({
      reserve,
      members: 2,
      transfers,
      settled,
      redeemed: { positions: new Set(), paid: 0n },
      outcomes: knownAt(redeemAt),
      now: redeemAt,
    })
    const list = laneList(reserve.lane, transfers, () => true, settled)
    await call('redeem', packed, COIN, 0, encodeRedemption(expected.reserves, [list]))
    const after = before.map((amount, member) => amount + payouts[member]!)
    expect(await held(channel)).to.deep.equal(after)
    return after
  }
}

describe('Settlement by SDK and adjudicator', () => {
  it('S16 pays the same to the wei: solvent or overdrawn, decided or not, at once or later', async () => {
    await fc.assert(fc.asyncProperty(plan, playOut), { numRuns: 80 })
  })
})
