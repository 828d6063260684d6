import { expect } from 'chai'
import { Contract, Wallet } from 'ethers'
import { TOKEN_ABI } from '../../sdk/chain/abi.ts'
import { COIN } from '../../sdk/core/types.ts'
import { ethersWallet } from '../../sdk/signing/wallet.ts'
import { deploy } from '../sdk/chain/anvil.ts'
import { until } from '../until.ts'
import { ETHER, rejection, Stage } from './stage.ts'

describe('money that comes in by another way than the node’s own account', () => {
  let stage: Stage
  before(async () => {
    stage = await Stage.build()
  })
  afterEach(() => stage.stopAll())
  after(() => stage.close())

  const tokens = () => deploy(stage.wallet('alice'), 'test/mocks/Payers.sol/AuthorizedToken', 1_000n)
  const give = async (asset: string, to: string, amount: bigint) =>
    (await new Contract(asset, TOKEN_ABI, stage.wallet('alice')).getFunction('transfer')(to, amount)).wait()

  it('comes from a wallet without gas money, sent by the peer, and can be paid at once', async () => {
    const [alice, bob] = [await stage.start('alice'), await stage.start('bob')]
    const asset = await tokens()
    const channelId = await alice.node.open(bob.address, { assets: [COIN, asset] })
    const payer = await ethersWallet(Wallet.createRandom())
    await give(asset, payer.address, 300n)
    const sent = await stage.wallet('alice').getNonce()
    const signed = await alice.node.signDeposit(channelId, 300n, { asset, payer })
    const { transaction } = await bob.node.relayDeposit(signed)
    expect((await stage.chain.provider.getTransaction(transaction))!.from).to.equal(stage.wallet('bob').address)
    expect(await stage.wallet('alice').getNonce()).to.equal(sent)
    await until(() => alice.node.balances(channelId, asset).spendable === 300n)
    await alice.node.pay(channelId, 120n, { asset })
    expect(bob.node.balances(channelId, asset).receivable).to.equal(180n)
    // The same text is not sent twice, and a changed one is worth nothing.
    expect((await bob.node.relayDeposit(signed)).transaction).to.equal(transaction)
    expect((await rejection(bob.node.relayDeposit(signed.replace('300', '301')))).code).to.equal('CALL_REFUSED')
    expect((await rejection(bob.node.relayDeposit('{}'))).code).to.equal('NOT_A_SIGNED_DEPOSIT')
  })

  it('comes from a wallet that signs while the node’s own account pays for the gas', async () => {
    const [alice, bob] = [await stage.start('alice'), await stage.start('bob')]
    const asset = await tokens()
    const channelId = await alice.node.open(bob.address, { assets: [asset] })
    const payer = await ethersWallet(Wallet.createRandom())
    await give(asset, payer.address, 300n)
    await alice.node.deposit(channelId, 300n, { asset, payer, id: 'savings', announce: true })
    await alice.node.deposit(channelId, 300n, { asset, payer, id: 'savings' })
    expect(alice.node.balances(channelId, asset).spendable).to.equal(300n)
    expect(await alice.chain.announced(alice.node.owner)).to.have.lengthOf(1)
  })

  it('comes by plain transfers to the deposit address', async () => {
    const [alice, bob] = [await stage.start('alice'), await stage.start('bob')]
    const asset = await tokens()
    const channelId = await alice.node.open(bob.address, { assets: [COIN, asset] })
    const address = await alice.node.depositAddress(channelId)
    expect(address).to.not.equal(await bob.node.depositAddress(channelId))
    await give(asset, address, 300n)
    await (await stage.wallet('tower').sendTransaction({ to: address, value: ETHER })).wait()
    await alice.node.collect(channelId, { asset })
    await until(() => alice.node.balances(channelId).spendable === ETHER)
    expect(alice.node.balances(channelId, asset).spendable).to.equal(300n)
    await alice.node.deposit(channelId, 5n, { asset, by: 'address' })
    expect(alice.node.balances(channelId, asset).spendable).to.equal(305n)
  })
})
