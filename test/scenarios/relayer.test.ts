import { expect } from 'chai'
import { Contract, type EventLog, Wallet } from 'ethers'
import { ADJUDICATOR_ABI } from '../../sdk/chain/abi.ts'
import { toBytes, toHex } from '../../sdk/core/bytes.ts'
import { encodeProof, encodeWithdrawal } from '../../sdk/core/calldata.ts'
import { channelIdOf, encodeChannel, memberBySigner, sortMembers } from '../../sdk/core/channel.ts'
import { encodeEnvelope } from '../../sdk/core/envelope.ts'
import {
  assertTip,
  type RelayRequest,
  relayClaim,
  relaySubmit,
  relayWithdrawal,
  withTip,
} from '../../sdk/core/relay.ts'
import { stateDigest, ZERO_HASH } from '../../sdk/core/state.ts'
import { type Address, type Channel, COIN, type Hex, type State, type Withdrawal } from '../../sdk/core/types.ts'
import { withdrawalDigest } from '../../sdk/core/withdrawal.ts'
import { signDirect } from '../../sdk/signing/session.ts'
import { claimMessage, withdrawalMessage } from '../../sdk/signing/typed-data.ts'
import { ethersWallet } from '../../sdk/signing/wallet.ts'
import { artifact, deploy } from '../sdk/chain/anvil.ts'
import { keyOf, signerOf } from '../sdk/node/actors.ts'
import { ETHER, rejection, Stage } from './stage.ts'

const TIP = ETHER / 100n
const PERIOD = 600
const GWEI = 10n ** 9n

describe('a member without coins', () => {
  let stage: Stage
  let nonce = 0n
  /** Alice's owner: an account that never had a coin and never sent anything. */
  let owner: Wallet
  let relayer: Address
  let adjudicator: Contract

  before(async () => {
    stage = await Stage.build()
    relayer = stage.ownerOf('tower')
    adjudicator = new Contract(stage.domain.adjudicator, ADJUDICATOR_ABI, stage.chain.provider)
  })
  beforeEach(() => {
    owner = new Wallet(toHex(keyOf(`owner ${++nonce}`)))
  })
  afterEach(async () => {
    expect(await stage.chain.provider.getTransactionCount(owner)).to.equal(0)
  })
  after(() => stage.close())

  /** Alice with a peer; `paid` of the peer's money was deposited for her by the peer. */
  async function opened(peer: string, paid: bigint): Promise<{ channel: Channel; channelId: Hex; alice: number }> {
    const members = sortMembers([
      { signer: signerOf('alice').address, owner: owner.address.toLowerCase() as Address },
      { signer: signerOf(peer).address, owner: stage.ownerOf(peer) },
    ])
    const channel = { period: PERIOD, nonce: ++nonce, members }
    const channelId = channelIdOf(stage.domain, channel)
    const alice = memberBySigner(channel, signerOf('alice').address)!
    await sent(as(peer).getFunction('depositCoin')(channelId, alice, { value: paid }))
    return { channel, channelId, alice }
  }
  type Opened = Awaited<ReturnType<typeof opened>>

  const as = (name: string) => adjudicator.connect(stage.wallet(name)) as Contract
  const sent = async (call: Promise<{ wait(): Promise<unknown> }>) => (await call).wait()
  const soon = async () => BigInt((await stage.chain.provider.getBlock('latest'))!.timestamp + PERIOD)
  const balance = (account: string) => stage.chain.provider.getBalance(account)
  const inOrder = <T>({ alice }: Opened, own: T, other: T): T[] => (alice === 0 ? [own, other] : [other, own])

  /** Everything that alice has there, and what she wants to do with it. */
  async function withdrawal(at: Opened, part: Partial<Withdrawal['parts'][number]> = {}): Promise<Withdrawal> {
    const { channelId, alice: member } = at
    const whole = { member, amount: ETHER, to: COIN, toChannel: ZERO_HASH, toMember: 0, ...part }
    const rest = { generation: 0, seq: 0, closing: false, validUntil: await soon(), dispute: 0n }
    return { channelId, asset: COIN, parts: [whole], ...rest }
  }

  /** Alice's owner signs in its wallet, her peer with its session key. */
  async function signed(at: Opened, peer: string, order: Withdrawal): Promise<Uint8Array[]> {
    const signature = await (await ethersWallet(owner)).signTypedData(withdrawalMessage(stage.domain, order))
    const other = signDirect(signerOf(peer), withdrawalDigest(stage.domain, order))
    return inOrder(at, encodeEnvelope({ kind: 'owner', signature }), other)
  }

  /** A withdrawal of an ether, less the tip. */
  async function relayed(at: Opened, peer: string): Promise<RelayRequest> {
    const order = withTip(await withdrawal(at), at.alice, { amount: TIP, to: relayer })
    const signatures = await signed(at, peer, order)
    return relayWithdrawal(stage.domain, { channel: at.channel, withdrawal: order, signatures, relayer })
  }

  /** Sends the calls as they are; what the sender's balance gains, its gas aside. */
  async function relay(name: string, { to, data }: RelayRequest): Promise<bigint> {
    const before = await stage.balanceOf(name)
    let gas = 0n
    for (const call of data) gas += (await (await stage.wallet(name).sendTransaction({ to, data: call })).wait())!.fee
    return (await stage.balanceOf(name)) - before + gas
  }

  it('gets its money out through a relayer, who earns the tip', async () => {
    const request = await relayed(await opened('bob', ETHER), 'bob')
    assertTip(stage.domain, request, relayer)
    expect(await balance(owner.address)).to.equal(0n)
    expect(await relay('tower', request)).to.equal(TIP)
    expect(await balance(owner.address)).to.equal(ETHER - TIP)
  })

  it('C39 C15 is paid once, and loses no more than the tip, whatever the relayer makes of the request', async () => {
    const request = await relayed(await opened('bob', ETHER), 'bob')
    const [call] = request.data as [Hex]
    const tries = {
      more: call.replace(hexOf(TIP, 14), hexOf(TIP + 1n, 14)),
      'all of it': call.replace(hexOf(TIP, 14), hexOf(ETHER, 14)).replace(hexOf(ETHER - TIP, 14), hexOf(0n, 14)),
      'to another': call.replace(relayer.slice(2), stage.ownerOf('mallory').slice(2)),
    }
    for (const [what, data] of Object.entries(tries)) {
      expect(data, what).to.not.equal(call)
      const error = await rejection(stage.wallet('tower').estimateGas({ to: request.to, data }))
      expect(reasonOf(error), what).to.equal('BadSignature')
    }
    await relay('tower', request)
    const again = await rejection(stage.wallet('tower').estimateGas({ to: request.to, data: call }))
    expect(reasonOf(again)).to.equal('WrongSeq')
    expect(await balance(owner.address)).to.equal(ETHER - TIP)
  })

  it('C21 is paid the same if another relayer runs in front, and so is the one it named', async () => {
    const request = await relayed(await opened('bob', ETHER), 'bob')
    const [before, copycat] = [await balance(relayer), await stage.balanceOf('mallory')]
    const call = { to: request.to, data: request.data[0]!, gasLimit: 300_000n }
    await stage.chain.rpc('evm_setAutomine', false)
    const honest = await stage
      .wallet('tower')
      .sendTransaction({ ...call, maxFeePerGas: 10n * GWEI, maxPriorityFeePerGas: 1n })
    const first = await stage
      .wallet('mallory')
      .sendTransaction({ ...call, maxFeePerGas: 20n * GWEI, maxPriorityFeePerGas: GWEI })
    await stage.chain.mine()
    await stage.chain.rpc('evm_setAutomine', true)
    const [ran, failed] = await Promise.all(
      [first, honest].map(({ hash }) => stage.chain.provider.getTransactionReceipt(hash)),
    )
    expect([ran!.status, failed!.status]).to.deep.equal([1, 0])
    expect(await balance(owner.address)).to.equal(ETHER - TIP)
    expect((await balance(relayer)) - before).to.equal(TIP - failed!.fee)
    expect(copycat - (await stage.balanceOf('mallory'))).to.equal(ran!.fee)
  })

  /** Bob paid a third of an ether to alice off chain, and both have signed it. */
  function promised(at: Opened) {
    const credits = inOrder(at, ETHER / 3n, -ETHER / 3n)
    const rest = { generation: 0, lane: 1 - at.alice, version: 9n, credits, locked: 0n, transfersRoot: ZERO_HASH }
    const state: State = { channelId: at.channelId, asset: COIN, ...rest }
    const digest = stateDigest(stage.domain, state)
    const [alice, bob] = ['alice', 'bob'].map((name) => signDirect(signerOf(name), digest)) as [Uint8Array, Uint8Array]
    return { at, state, states: [{ state, signatures: inOrder(at, alice, bob) }] }
  }
  type Promised = ReturnType<typeof promised>

  /** A channel with bob, an ether of each in it. */
  async function withBob(): Promise<Opened> {
    const at = await opened('bob', ETHER)
    await sent(as('bob').getFunction('depositCoin')(at.channelId, 1 - at.alice, { value: ETHER }))
    return at
  }

  /** Bob hides what he paid behind an empty challenge. */
  async function cheated(): Promise<Promised> {
    const at = await withBob()
    await sent(as('bob').getFunction('submit')(toHex(encodeChannel(at.channel)), COIN, '0x00'))
    return promised(at)
  }

  /** Anybody settles once the dispute is over. */
  async function settled({ at, state }: Promised): Promise<void> {
    const [challenge] = await adjudicator.queryFilter(adjudicator.filters.Challenged!(at.channelId))
    const { openWord, lane0, lane1 } = (challenge as EventLog).args
    await stage.later(PERIOD)
    const proof = toHex(encodeProof([openWord, lane0, lane1], [state]))
    await sent(as('tower').getFunction('settle')(toHex(encodeChannel(at.channel)), COIN, proof))
  }

  it('challenges a silent peer through a relayer, and pays it by what that peer had signed in time', async () => {
    const at = await withBob()
    const dispute = promised(at)
    const payment = await relayed(at, 'bob')
    const request = relaySubmit(stage.domain, { channel: at.channel, asset: COIN, states: dispute.states, payment })
    assertTip(stage.domain, request, relayer)
    expect(await relay('tower', request)).to.equal(TIP)
    await settled(dispute)
    expect(await balance(owner.address)).to.equal(ETHER - TIP + ETHER / 3n)
  })

  it('C23 answers a stale challenge through a relayer, and pays it out of another channel', async () => {
    const dispute = await cheated()
    const expiry = await soon()
    const payment = await relayed(await opened('carol', ETHER), 'carol')
    const { channel } = dispute.at
    const request = relaySubmit(stage.domain, { channel, asset: COIN, states: dispute.states, payment, expiry })
    assertTip(stage.domain, request, relayer)
    expect(await relay('tower', request)).to.equal(TIP)
    await settled(dispute)
    expect(await balance(owner.address)).to.equal(ETHER - TIP + ETHER + ETHER / 3n)
  })

  it('C23 answers a stale challenge through a relayer, and pays it by a claim, all or nothing', async () => {
    const dispute = await cheated()
    await keepSomething(dispute.at)
    const payment = await claimed()
    const { channel } = dispute.at
    const request = relaySubmit(stage.domain, { channel, asset: COIN, states: dispute.states, payment })
    assertTip(stage.domain, request, relayer)

    const address = await deploy(stage.wallet('tower'), 'test/mocks/Multicall.sol/Multicall')
    const { abi } = artifact('test/mocks/Multicall.sol/Multicall')
    const callAll = new Contract(address, abi, stage.wallet('tower')).getFunction('callAll')
    const before = await balance(relayer)
    // Twice the same answer: the second one raises nothing, and takes the claim and the first with it.
    const error = await rejection(callAll.estimateGas(request.to, [...request.data, request.data[1]]))
    expect(reasonOf(error)).to.equal('NothingRose')
    const receipt = await (await callAll(request.to, request.data)).wait()
    expect((await balance(relayer)) - before).to.equal(TIP - receipt.fee)
    await settled(dispute)
    expect(await balance(owner.address)).to.equal(ETHER + ETHER / 3n)
    expect(await adjudicator.getFunction('claimable')(COIN, owner.address)).to.equal(ETHER - TIP)
  })

  /** A top-up out of alice's channel with carol, into a ledger that is disputed by now: it waits for her owner. */
  async function keepSomething({ channelId, alice }: Opened): Promise<void> {
    const source = await opened('carol', ETHER)
    const order = await withdrawal(source, { toChannel: channelId, toMember: alice })
    const packed = toHex(encodeWithdrawal(order, await signed(source, 'carol', order)))
    await sent(as('carol').getFunction('withdraw')(toHex(encodeChannel(source.channel)), COIN, packed))
  }

  async function claimed(): Promise<RelayRequest> {
    const account = owner.address.toLowerCase() as Address
    const claim = { asset: COIN, owner: account, to: relayer, amount: TIP, nonce: 0n, validUntil: await soon() }
    const { domain, types, message } = claimMessage(stage.domain, claim)
    return relayClaim(stage.domain, claim, toBytes(await owner.signTypedData(domain, types, message)))
  }

  /** The name of the custom error that a call ended with. */
  const reasonOf = (error: unknown) => adjudicator.interface.parseError((error as { data: string }).data)?.name
})

const hexOf = (value: bigint, bytes: number): string => value.toString(16).padStart(2 * bytes, '0')
