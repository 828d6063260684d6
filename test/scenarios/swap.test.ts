import { expect } from 'chai'
import { Contract, randomBytes } from 'ethers'
import { toHex } from '../../sdk/core/bytes.ts'
import { secretKey } from '../../sdk/core/outcome.ts'
import { type Address, type ChannelId, COIN, type Hex } from '../../sdk/core/types.ts'
import { deploy } from '../sdk/chain/anvil.ts'
import { type Actor, ETHER, Stage, until } from './stage.ts'

const PERIOD = 600
const HOUR = 3_600n
/** The longest that a reveal may take to be recorded. */
const MARGIN = 1_200n
const GIVEN = ETHER / 4n
const WANTED = 100n

describe('two assets of one channel under one key', () => {
  let stage: Stage
  let token: Address
  before(async function () {
    this.timeout(30_000)
    stage = await Stage.build()
    token = (
      await deploy(stage.wallet('bob'), 'test/mocks/Payers.sol/AuthorizedToken', 10_000n)
    ).toLowerCase() as Address
  })
  afterEach(() => stage.stopAll())
  after(() => stage.close())

  const registry = () => ({ chainId: stage.domain.chainId, condition: stage.chain.registry })
  const tokensOf = async (name: string): Promise<bigint> => {
    const contract = new Contract(token, ['function balanceOf(address) view returns (uint256)'], stage.chain.provider)
    return contract.getFunction('balanceOf')(stage.ownerOf(name))
  }

  interface Scene {
    readonly alice: Actor
    readonly bob: Actor
    readonly channelId: ChannelId
    readonly secret: Uint8Array
    readonly key: Hex
    readonly deadline: bigint
  }

  /** Alice has an ether, bob a thousand tokens in one channel; alice knows a secret. */
  async function scene(name: string): Promise<Scene> {
    const alice = await stage.start('alice', { file: `alice-${name}` })
    const bob = await stage.start('bob', { file: `bob-${name}` })
    const channelId = await alice.node.open(bob.address, { period: PERIOD, assets: [COIN, token] })
    await alice.node.deposit(channelId, ETHER)
    await bob.node.deposit(channelId, 1_000n, { asset: token })
    await until(
      () =>
        bob.node.balances(channelId).receivable === ETHER &&
        alice.node.balances(channelId, token).receivable === 1_000n,
    )
    const secret = randomBytes(32)
    const { timestamp } = await alice.chain.head()
    return { alice, bob, channelId, secret, key: secretKey(registry(), secret), deadline: timestamp + HOUR }
  }

  /** Bob gives tokens for coins that are locked to him, under the same key and deadline. */
  const answer = ({ bob, channelId, key, deadline }: Scene) =>
    bob.node.on('locked', ({ direction, asset, transfer }) => {
      const isOffer =
        direction === 'in' && asset === COIN && transfer.amount === GIVEN && transfer.deadline === deadline
      if (isOffer && transfer.legs[0]!.key === key)
        void bob.node.lock(channelId, { asset: token, amount: WANTED, deadline, key })
    })

  /** Whoever is shown the secret of a transfer in time unlocks it, and asks for what the same key opens to him. */
  function heed({ node, chain }: Actor, { channelId, key, deadline }: Scene, own: Address): void {
    node.on('asked', async ({ asset, id, resolution, proof }) => {
      if (resolution.kind === 'cancel') void node.cancel(channelId, id, { asset })
      else if (secretKey(registry(), proof) === key && (await chain.head()).timestamp < deadline - MARGIN) {
        void node.unlock(channelId, id, { asset })
        for (const owed of node.transfers(channelId, own))
          if (owed.direction === 'in') node.askUnlock(channelId, owed.id, { asset: own, proof })
      }
    })
  }

  const locked = ({ node }: Actor, channelId: ChannelId) =>
    [COIN, token].reduce((sum, asset) => sum + node.transfers(channelId, asset).length, 0)

  it('change hands together, without a transaction', async () => {
    const swap = await scene('together')
    const { alice, bob, channelId, key, deadline, secret } = swap
    answer(swap)
    heed(bob, swap, COIN)
    heed(alice, swap, token)
    // The secret is shown only when both are locked.
    alice.node.on('locked', ({ direction, asset, id, transfer }) => {
      if (direction === 'in' && asset === token && transfer.amount === WANTED && transfer.legs[0]!.key === key)
        alice.node.askUnlock(channelId, id, { asset: token, proof: secret })
    })
    const before = await stage.chain.provider.getBlockNumber()
    await alice.node.lock(channelId, { amount: GIVEN, deadline, key })
    await until(() => bob.node.balances(channelId).spendable === GIVEN)
    await until(() => alice.node.balances(channelId, token).spendable === WANTED)
    expect(locked(alice, channelId) + locked(bob, channelId)).to.equal(0)
    expect(await stage.chain.provider.getBlockNumber()).to.equal(before)
    await alice.node.close(channelId)
  })

  it('stay where they are if the other side does not want to', async () => {
    const swap = await scene('declined')
    const { alice, bob, channelId, key, deadline } = swap
    heed(alice, swap, token)
    bob.node.on('locked', ({ direction, id }) => {
      if (direction === 'in') bob.node.askCancel(channelId, id)
    })
    await alice.node.lock(channelId, { amount: GIVEN, deadline, key })
    await until(() => locked(alice, channelId) === 0 && alice.node.balances(channelId).spendable === ETHER)
  })

  it('C47 are divided alike by the chain if the other side falls silent after it has locked', async () => {
    const swap = await scene('silent')
    const { alice, bob, channelId, key, deadline, secret } = swap
    answer(swap)
    await alice.node.lock(channelId, { amount: GIVEN, deadline, key })
    await until(() => locked(alice, channelId) === 2)
    await stage.stop(bob)
    const [coins, tokens] = [await stage.balanceOf('bob'), await tokensOf('alice')]
    // In time, and once for both ledgers.
    await alice.chain.send({ to: 'registry', functionName: 'reveal', args: [toHex(secret)] }, { intent: 'reveal' })
    for (const asset of [COIN, token]) await alice.node.dispute(channelId, { asset })
    await stage.later(PERIOD + 1)
    await until(() => [COIN, token].every((asset) => alice.node.balances(channelId, asset).generation === 1))
    expect((await stage.balanceOf('bob')) - coins).to.equal(GIVEN)
    expect((await tokensOf('alice')) - tokens).to.equal(WANTED)
  })

  it('C47 are both paid by the chain if the side that knew the secret first takes and does not give', async () => {
    const swap = await scene('taking')
    const { alice, bob, channelId, key, deadline, secret } = swap
    answer(swap)
    heed(bob, swap, COIN)
    await alice.node.lock(channelId, { amount: GIVEN, deadline, key })
    await until(() => locked(alice, channelId) === 2)
    const [taken] = alice.node.transfers(channelId, token)
    alice.node.askUnlock(channelId, taken!.id, { asset: token, proof: secret })
    await until(() => alice.node.balances(channelId, token).spendable === WANTED)
    await stage.stop(alice)
    await stage.later(Number(HOUR - MARGIN))
    await bob.chain.send({ to: 'registry', functionName: 'reveal', args: [toHex(secret)] }, { intent: 'reveal' })
    const alices = await stage.balanceOf('alice')
    await bob.node.dispute(channelId)
    await stage.later(PERIOD + 1)
    await until(() => bob.node.balances(channelId).generation === 1)
    expect((await stage.balanceOf('alice')) - alices).to.equal(ETHER - GIVEN)
  })

  it('C47 are not unlocked for a secret that is shown too late to be recorded', async () => {
    const swap = await scene('late')
    const { alice, bob, channelId, key, deadline, secret } = swap
    answer(swap)
    heed(bob, swap, COIN)
    const heard = new Promise<void>((resolve) => void bob.node.on('asked', () => resolve()))
    await alice.node.lock(channelId, { amount: GIVEN, deadline, key })
    await until(() => locked(alice, channelId) === 2)
    await stage.later(Number(HOUR - MARGIN) + 60)
    await until(async () => (await bob.chain.head()).timestamp >= deadline - MARGIN)
    const [wanted] = alice.node.transfers(channelId, token)
    alice.node.askUnlock(channelId, wanted!.id, { asset: token, proof: secret })
    await heard
    // What is sent after it arrives after it: had bob unlocked, alice would have it by now.
    await bob.node.pay(channelId, 1n, { asset: token })
    expect(alice.node.balances(channelId, token).spendable).to.equal(1n)
    expect(locked(alice, channelId)).to.equal(2)
  })

  it('C47 go back alike by the chain if the secret is never shown', async () => {
    const swap = await scene('unshown')
    const { alice, bob, channelId, key, deadline } = swap
    answer(swap)
    await alice.node.lock(channelId, { amount: GIVEN, deadline, key })
    await until(() => locked(bob, channelId) === 2)
    await stage.stop(alice)
    const [coins, tokens] = [await stage.balanceOf('alice'), await tokensOf('bob')]
    await stage.later(Number(HOUR) + 60)
    for (const asset of [COIN, token]) await bob.node.dispute(channelId, { asset })
    await stage.later(PERIOD + 1)
    await until(() => [COIN, token].every((asset) => bob.node.balances(channelId, asset).generation === 1))
    expect((await stage.balanceOf('alice')) - coins).to.equal(ETHER)
    expect((await tokensOf('bob')) - tokens).to.equal(1_000n)
  })
})
