import { expect } from 'chai'
import { Interface } from 'ethers'
import fc from 'fast-check'
import { ADJUDICATOR_ABI } from '../../../sdk/chain/abi.ts'
import { toHex } from '../../../sdk/core/bytes.ts'
import { encodeStates, encodeWithdrawal } from '../../../sdk/core/calldata.ts'
import { channelIdOf, encodeChannel } from '../../../sdk/core/channel.ts'
import { encodeEnvelope } from '../../../sdk/core/envelope.ts'
import {
  assertTip,
  InvalidRelayError,
  type RelayRequest,
  relayClaim,
  relaySubmit,
  relayWithdrawal,
  withTip,
} from '../../../sdk/core/relay.ts'
import { ZERO_HASH } from '../../../sdk/core/state.ts'
import { type Address, type Channel, COIN, type Domain, type State, type Withdrawal } from '../../../sdk/core/types.ts'
import * as any from './arbitraries.ts'

const abi = new Interface(ADJUDICATOR_ABI)
const account = (digits: string): Address => `0x${digits.repeat(20)}`
const domain: Domain = { chainId: 1n, adjudicator: account('ad') }
const [relayer, shop, token] = [account('4e'), account('50'), account('70')]
const channel: Channel = {
  period: 600,
  nonce: 7n,
  members: [
    { signer: account('01'), owner: account('a1') },
    { signer: account('02'), owner: account('b1') },
  ],
}
const part = { member: 0, amount: 100n, to: COIN, toChannel: ZERO_HASH, toMember: 0 }
const withdrawal: Withdrawal = {
  channelId: channelIdOf(domain, channel),
  asset: token,
  generation: 0,
  seq: 0,
  parts: [part],
  closing: false,
  validUntil: 5_000n,
  dispute: 0n,
}
const owner = encodeEnvelope({ kind: 'owner', signature: new Uint8Array(65).fill(9) })
const signer = encodeEnvelope({ kind: 'direct', signature: new Uint8Array(64).fill(8) })
const tipped = withTip(withdrawal, 0, { amount: 3n, to: relayer })
const request = relayWithdrawal(domain, { channel, withdrawal: tipped, signatures: [owner, signer], relayer })
const claim = { asset: token, owner: account('a1'), to: relayer, amount: 4n, nonce: 0n, validUntil: 6_000n }
const byClaim = relayClaim(domain, claim, new Uint8Array(65).fill(9))
const state: State = {
  channelId: withdrawal.channelId,
  asset: token,
  generation: 0,
  lane: 0,
  version: 1n,
  credits: [-1n, 1n],
  locked: 0n,
  transfersRoot: ZERO_HASH,
}

const refused = (action: () => unknown, fact: RegExp) => expect(action).to.throw(InvalidRelayError, fact)

describe('A withdrawal to be relayed', () => {
  it('has the tip in a part of its own, out of a part of the same member that can spare it', () => {
    expect(tipped.parts).to.deep.equal([
      { ...part, amount: 97n },
      { ...part, amount: 3n, to: relayer },
    ])
    const two = { ...withdrawal, parts: [{ ...part, member: 1 }, { ...part, amount: 2n }, part] }
    expect(withTip(two, 0, { amount: 2n, to: relayer }).parts.map(({ amount }) => amount)).to.deep.equal([
      100n,
      2n,
      98n,
      2n,
    ])
    for (const amount of [100n, 101n, 0n, -1n])
      refused(() => withTip(withdrawal, 0, { amount, to: relayer }), /can spare/)
    refused(() => withTip(withdrawal, 1, { amount: 1n, to: relayer }), /member 1 can spare/)
  })

  it('is the call that any account may send, and says what it pays and until when', () => {
    const packed = encodeWithdrawal(tipped, [owner, signer])
    const data = abi.encodeFunctionData('withdraw', [toHex(encodeChannel(channel)), token, toHex(packed)])
    const tip = { asset: token, amount: 3n, to: relayer }
    expect(request).to.deep.equal({ to: domain.adjudicator, data: [data], tip, validUntil: 5_000n })
  })

  it('needs every signature, a part for the relayer, and the consent of the owner who tips', () => {
    const build = (order: Withdrawal, signatures: Uint8Array[]) =>
      relayWithdrawal(domain, { channel, withdrawal: order, signatures, relayer })
    refused(() => build(tipped, [owner]), /member 1 is missing/)
    refused(() => build(tipped, [owner, signer, signer]), /There are 3 signatures/)
    refused(() => build(withdrawal, [owner, signer]), /Nothing is paid/)
    refused(() => build(tipped, [signer, signer]), /Only 0xa1a1/)
    const [first, second] = channel.members as [(typeof channel.members)[0], (typeof channel.members)[0]]
    const one: Channel = { ...channel, members: [{ ...first, owner: first.signer }, second] }
    const withdrawn = { channel: one, withdrawal: tipped, signatures: [signer, signer], relayer }
    expect(relayWithdrawal(domain, withdrawn).tip.amount).to.equal(3n)
  })
})

describe('A challenge to be relayed', () => {
  const states = [{ state, signatures: [signer, signer] }]

  it('follows the call that pays for it, and ends with that or before the expiry', () => {
    const build = (expiry?: bigint) =>
      relaySubmit(domain, {
        channel,
        asset: token,
        states,
        payment: byClaim,
        ...(expiry === undefined ? {} : { expiry }),
      })
    const packed = toHex(encodeStates(states))
    const submit = abi.encodeFunctionData('submit', [toHex(encodeChannel(channel)), token, packed])
    const { asset, to, amount, validUntil } = claim
    const signature = `0x${'09'.repeat(65)}`
    const claimFor = abi.encodeFunctionData('claimFor', [asset, claim.owner, to, amount, validUntil, signature])
    const tip = { asset, amount, to }
    expect(build()).to.deep.equal({ to: domain.adjudicator, data: [claimFor, submit], tip, validUntil })
    expect(build(9_000n).validUntil).to.equal(6_000n)
    expect(build(5_500n).validUntil).to.equal(5_499n)
  })

  it('needs states with every signature', () => {
    const build = (signed: typeof states | [{ state: State; signatures: (Uint8Array | undefined)[] }] | []) =>
      relaySubmit(domain, { channel, asset: token, states: signed, payment: byClaim })
    refused(() => build([]), /Only a member/)
    refused(() => build([{ state, signatures: [undefined, signer] }]), /member 0 is missing/)
  })
})

describe('A relayer', () => {
  const submitted = relaySubmit(domain, {
    channel,
    asset: token,
    states: [{ state, signatures: [signer, signer] }],
    payment: request,
  })

  it('finds the tip that it is promised in the calls themselves', () => {
    for (const good of [request, byClaim, submitted]) assertTip(domain, good, relayer)
  })

  it('S15 refuses calls that pay less, somebody else or in another coin, and calls of any other kind', () => {
    const { tip, data } = request
    const other = (change: Partial<RelayRequest>, from = request): RelayRequest => ({ ...from, ...change })
    const deposit = abi.encodeFunctionData('announce', [toHex(encodeChannel(channel))]) as `0x${string}`
    const cases: [RelayRequest, RegExp][] = [
      [other({ to: shop }), /is not the adjudicator/],
      [other({ tip: { ...tip, to: shop } }), /The tip goes to/],
      [other({ tip: { ...tip, amount: 4n } }), /The calls pay 3/],
      [other({ tip: { ...tip, asset: COIN } }), /The calls pay 0/],
      [other({ tip: { ...byClaim.tip, asset: COIN } }, byClaim), /The calls pay 0/],
      [other({ data: [] }), /0 calls/],
      [other({ data: [data[0]!, data[0]!, data[0]!] }), /3 calls/],
      [other({ data: [data[0]!, data[0]!] }), /The calls pay 6/],
      [other({ data: submitted.data.slice(1) }), /The calls pay 0/],
      [other({ data: [deposit] }), /none that can be relayed/],
      [other({ data: ['0x'] }), /none that can be relayed/],
      [other({ data: [`0x${'00'.repeat(131_073)}`] }), /too long/],
      [other({ data: [data[0]!.slice(0, 74) as `0x${string}`] }), /malformed/],
      [other({ data: [`0x${data[0]!.slice(2, 10)}zz`] }), /malformed/],
    ]
    for (const [bad, fact] of cases) refused(() => assertTip(domain, bad, relayer), fact)
  })

  it('S15 refuses every shortened or damaged call, or finds a tip that is there', () => {
    const [call] = request.data as [`0x${string}`]
    fc.assert(
      fc.property(
        fc.nat(call.length),
        fc.nat(call.length - 3),
        fc.constantFrom(...'0123456789abcdef'),
        (end, at, digit) => {
          const damaged = `${call.slice(0, at + 2)}${digit}${call.slice(at + 3)}`.slice(
            0,
            end % 5 === 0 ? end : undefined,
          )
          try {
            assertTip(domain, { ...request, data: [damaged as `0x${string}`] }, relayer)
          } catch (error) {
            expect(error).to.be.instanceOf(InvalidRelayError)
          }
        },
      ),
      { numRuns: 500 },
    )
  })

  it('counts the parts that pay it, whatever else the withdrawal pays, shows, names or ends', () => {
    const amounts = fc.array(fc.bigInt(1n, 2n ** 100n), { minLength: 1, maxLength: 3 })
    fc.assert(
      fc.property(any.withdrawal, any.channel(), amounts, (order, target, tips) => {
        const toChannel = channelIdOf(domain, target)
        const own = order.parts.map((each) => ({ ...each, member: 0 }))
        const paid = tips.map((amount) => ({ ...part, amount, to: relayer }))
        const all = { ...order, parts: [...own, { ...part, toChannel, toMember: 1 }, ...paid] }
        const base = order.dispute === 0n ? [] : [1n, 2n, 3n]
        const shown = { signatures: [owner, signer], relayer, base, targets: new Map([[toChannel, target]]) }
        const built = relayWithdrawal(domain, { channel, withdrawal: all, ...shown })
        expect(built.tip.amount).to.equal(tips.reduce((sum, amount) => sum + amount, 0n))
        assertTip(domain, built, relayer)
      }),
    )
  })

  it('refuses a withdrawal with a part of a kind that it does not know', () => {
    const packed = encodeWithdrawal(tipped, [owner, signer])
    // Kind of the first part: behind the head of 19 bytes, the count, the member and the amount.
    packed[19 + 1 + 1 + 14] = 4
    const call = abi.encodeFunctionData('withdraw', [toHex(encodeChannel(channel)), token, toHex(packed)])
    refused(() => assertTip(domain, { ...request, data: [call as `0x${string}`] }, relayer), /malformed/)
  })
})
