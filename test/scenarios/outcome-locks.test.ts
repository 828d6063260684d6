import { expect } from 'chai'
import { Contract, ContractFactory } from 'ethers'
import { fromUint } from '../../sdk/core/bytes.ts'
import { keccak256 } from '../../sdk/core/keccak.ts'
import { outcomeKey, WHOLE } from '../../sdk/core/outcome.ts'
import type { Address, ChannelId, Hex } from '../../sdk/core/types.ts'
import { OutcomeRefusedError } from '../../sdk/node/errors.ts'
import type { OutcomeLock } from '../../sdk/node/hops/outcomes.ts'
import type { Route } from '../../sdk/node/hops/quote.ts'
import type { NodeOptions } from '../../sdk/node/node.ts'
import { artifact } from '../sdk/chain/anvil.ts'
import { until } from '../until.ts'
import { type Actor, ETHER, rejection, Stage } from './stage.ts'

const FEE = 1_000n
const AMOUNT = 50_000n
const FORWARDING: NonNullable<NodeOptions['forwarding']> = {
  baseFee: FEE,
  feePpm: 0n,
  margin: 600n,
  responseTime: 300n,
}
/** A condition that answers with its witness: whoever records first says what came out. */
const ANYTHING = '0x6860a4355f5260205ff35f5260096017f3'

describe('outcome locks on a real chain', () => {
  let stage: Stage
  let condition: Address
  let keys = 0
  before(async () => {
    stage = await Stage.build()
    const contract = await new ContractFactory([], ANYTHING, stage.wallet('tower')).deploy()
    condition = (await contract.getAddress()).toLowerCase() as Address
  })
  afterEach(() => stage.stopAll())
  after(() => stage.close())

  const start = (name: string, scene: string, over: Partial<typeof FORWARDING> = {}) =>
    stage.start(name, { file: `${name}-${scene}`, node: { forwarding: { ...FORWARDING, ...over } } })

  interface Line {
    readonly alice: Actor
    readonly bob: Actor
    readonly hubs: readonly Actor[]
    /** From alice on. */
    readonly channels: readonly ChannelId[]
    readonly route: Route
  }

  /** alice - hubs - bob, with an ether on each side of each channel. */
  async function line(scene: string, names: readonly string[]): Promise<Line> {
    const [alice, bob] = [await start('alice', scene), await start('bob', scene)]
    const hubs: Actor[] = []
    for (const name of names) hubs.push(await start(name, scene))
    const all = [alice, ...hubs, bob]
    const channels: ChannelId[] = []
    for (const [index, actor] of all.slice(1).entries()) channels.push(await stage.pair(all[index]!, actor, 3_600))
    const hops = hubs.map(({ node }, index) => ({
      onionKey: node.onionKey!,
      channelId: channels[index + 1]!,
      fee: FEE,
    }))
    return { alice, bob, hubs, channels, route: { channelId: channels[0]!, hops } }
  }

  const now = async () => BigInt((await stage.chain.provider.getBlock('latest'))!.timestamp)

  /** A question that nobody has asked before. */
  function question(): { key: Hex; record: (value: bigint) => Promise<void> } {
    const data = fromUint(BigInt(++keys), 32)
    const key = outcomeKey({ chainId: stage.domain.chainId, condition }, keccak256(data))
    const { abi } = artifact('contracts/OutcomeRegistry.sol/OutcomeRegistry')
    const registry = new Contract(stage.chain.registry, abi, stage.wallet('tower'))
    const record = async (value: bigint) =>
      void (await (await registry.record!(condition, data, fromUint(value, 32))).wait())
    return { key, record }
  }

  const spendable = ({ node }: Actor) =>
    node.channels().reduce((sum, { ledgers }) => sum + ledgers.reduce((all, ledger) => all + ledger.spendable, 0n), 0n)
  const nothingLocked = (...actors: Actor[]) =>
    until(() =>
      actors.every(
        ({ node }) =>
          node.channels().every(({ channelId }) => node.transfers(channelId).length === 0) &&
          node.outcomeLocks().length === 0,
      ),
    )

  /** Alice has locked to bob, who expects it. */
  async function locked(scene: string, names: readonly string[], seconds = 7_200n) {
    const parties = await line(scene, names)
    const { alice, bob, route } = parties
    const asked = question()
    bob.node.expectLocks(({ key, amount }) => key === asked.key && amount === AMOUNT)
    const deadline = (await now()) + seconds
    const terms = {
      to: bob.node.address,
      onionKey: bob.node.onionKey!,
      amount: AMOUNT,
      key: asked.key,
      deadline,
      route,
    }
    const { id, fee } = await alice.node.lockTo({ ...terms, note: Uint8Array.of(7) })
    expect(fee).to.equal(FEE * BigInt(names.length))
    return { ...parties, id, deadline, terms, record: asked.record }
  }

  /** What everybody has once a lock has ended at `value`. */
  async function settled({ alice, bob, hubs }: Line, value: bigint): Promise<void> {
    await nothingLocked(alice, bob, ...hubs)
    const part = (amount: bigint) => (amount * value) / WHOLE
    await until(() => spendable(bob) === ETHER + part(AMOUNT))
    const fees = BigInt(hubs.length) * FEE
    await until(() => spendable(alice) === ETHER - part(AMOUNT + fees))
    for (const [index, hub] of hubs.entries()) {
      const out = AMOUNT + BigInt(hubs.length - 1 - index) * FEE
      await until(() => spendable(hub) === 2n * ETHER + part(out + FEE) - part(out))
    }
  }

  for (const names of [[], ['mallory'], ['mallory', 'carol']])
    describe(`over ${names.length} hubs`, () => {
      it('stand until they are asked for, and end at what both agree on', async () => {
        for (const value of [WHOLE, 0n, (3n * WHOLE) / 10n]) {
          const scene = `agreed-${names.length}-${value}`
          const party = await locked(scene, names)
          const { alice, bob, id } = party
          expect(bob.node.outcomeLocks()).to.deep.include({
            id,
            direction: 'in',
            asset: party.alice.node.outcomeLocks()[0]!.asset,
            amount: AMOUNT,
            key: party.terms.key,
            deadline: party.deadline,
            note: Uint8Array.of(7),
            held: true,
            asked: undefined,
          } satisfies OutcomeLock)
          alice.node.on('outcome-asked', (asked) => alice.node.settleOutcome(asked.id, asked.value))
          const over = new Promise((resolve) => bob.node.on('outcome-over', resolve))
          bob.node.askOutcome(id, value)
          await settled(party, value)
          expect(await over).to.deep.equal({ kind: 'outcome-over', id, direction: 'in', value })
          await stage.stopAll()
        }
      })

      it('end at what the registry says', async () => {
        const value = (3n * WHOLE) / 10n
        const party = await locked(`recorded-${names.length}`, names)
        await party.record(value)
        await settled(party, value)
      })

      it('go back after the deadline', async () => {
        const party = await locked(`late-${names.length}`, names)
        await stage.later(7_300)
        await settled(party, 0n)
      })

      it('go back at once when nobody expects them, and say so', async () => {
        const party = await locked(`refused-${names.length}`, names)
        const refused = await rejection(party.alice.node.lockTo({ ...party.terms, amount: AMOUNT + 1n }))
        expect(refused.message).to.match(new RegExp(`came back: hop ${names.length + 1} says PAYMENT_REFUSED`))
        expect(party.alice.node.outcomeLocks()).to.have.length(1)
        party.bob.node.askOutcome(party.id, 0n)
        await settled(party, 0n)
      })
    })

  it('are not made under a key whose outcome is known', async () => {
    const party = await locked('known', ['mallory'])
    await party.record(0n)
    await settled(party, 0n)
    expect(await rejection(party.alice.node.lockTo(party.terms))).to.include({
      code: 'PAYMENT_FAILED',
      refused: 'KEY_KNOWN',
    })
  })

  const THIRD = (3n * WHOLE) / 10n

  it('wait for the outcome where the payer does not agree, and what was split waits for the deadline', async () => {
    const party = await locked('declined', ['mallory'])
    party.bob.node.askOutcome(party.id, THIRD)
    await new Promise((resolve) => party.alice.node.on('outcome-asked', resolve))
    expect(() => party.alice.node.settleOutcome(party.id, THIRD - 1n)).to.throw(OutcomeRefusedError)
    expect(() => party.bob.node.askOutcome(party.id, 0n)).to.throw(OutcomeRefusedError)
    await party.record(THIRD)
    await until(() => spendable(party.bob) > ETHER)
    await stage.later(7_300)
    await settled(party, THIRD)
  })

  for (const [kind, direction] of [
    ['split', 'out'],
    ['split', 'in'],
    ['lead', 'in'],
    ['lead', 'out'],
    ['unlock', 'out'],
    ['unlock', 'in'],
  ] as const)
    it(`S1 S35 S36 are finished by a hub that stops when it has ${direction === 'out' ? 'written' : 'read'} a ${kind}`, async () => {
      const scene = `crash-${kind}-${direction}`
      const party = await locked(scene, ['mallory'])
      const { alice, bob, id } = party
      const hub = party.hubs[0]!
      let stopped: Promise<void> | undefined
      hub.node.on('resolved', (event) => {
        if (event.direction === direction && event.resolution.kind === kind) stopped ??= stage.stop(hub)
      })
      alice.node.on('outcome-asked', (asked) => alice.node.settleOutcome(asked.id, asked.value))
      bob.node.askOutcome(id, THIRD)
      await until(() => stopped !== undefined)
      await stopped
      const again = await start('mallory', scene)
      for (const { address } of [alice, bob]) await again.node.connect(address)
      await settled({ ...party, hubs: [again] }, THIRD)
    })

  it('S36 leave both sides to the outcome where the payee does not acknowledge', async () => {
    const party = await locked('mute', ['mallory'])
    const hub = party.hubs[0]!
    let stopped: Promise<void> | undefined
    hub.node.on('resolved', () => {
      stopped ??= stage.stop(party.bob)
    })
    party.alice.node.on('outcome-asked', (asked) => party.alice.node.settleOutcome(asked.id, asked.value))
    party.bob.node.askOutcome(party.id, THIRD)
    await until(() => stopped !== undefined)
    await stopped
    await party.record(WHOLE)
    await stage.later(8_000)
    await until(() => party.alice.node.transfers(party.channels[0]!).length === 0)
    expect(spendable(party.alice)).to.equal(ETHER - AMOUNT - FEE)
    // The hub has all that it will ever owe bob, and still keeps that for him.
    await until(() => spendable(hub) === 2n * ETHER + FEE)
  })

  it('C47 S35 are divided alike by the chain where a ledger is disputed after the payer has agreed', async () => {
    const party = await locked('disputed', ['mallory'])
    const hub = party.hubs[0]!
    // Bob shows the secret, is paid, and alice does not answer any more.
    hub.node.on('resolved', ({ direction, resolution }) => {
      if (direction !== 'in' || resolution.kind !== 'lead') return
      hub.node.disconnect(party.alice.node.address)
      void stage.stop(party.alice)
    })
    party.alice.node.on('outcome-asked', (asked) => party.alice.node.settleOutcome(asked.id, asked.value))
    party.bob.node.askOutcome(party.id, THIRD)
    await until(() => spendable(party.bob) === ETHER + (AMOUNT * THIRD) / WHOLE)
    await stage.later(6_700)
    // The hub has the secret recorded before the deadline, and what is kept pays it after any dispute.
    await until(() => hub.node.transfers(party.channels[0]!).length === 2)
    await party.record(0n)
    await hub.node.dispute(party.channels[0]!)
    const before = await stage.balanceOf('mallory')
    await stage.later(3_700)
    await until(() => hub.node.balances(party.channels[0]!).generation === 1)
    const paid = ETHER + ((AMOUNT + FEE) * THIRD) / WHOLE
    await until(async () => (await stage.balanceOf('mallory')) - before > paid - ETHER / 100n)
  })
})
