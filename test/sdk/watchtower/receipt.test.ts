import { expect } from 'chai'
import { TypedDataEncoder } from 'ethers'
import type { ChainEvent } from '../../../sdk/chain/chain.ts'
import { toHex } from '../../../sdk/core/bytes.ts'
import { laneWordOf, ZERO_HASH } from '../../../sdk/core/state.ts'
import type { LedgerWord } from '../../../sdk/core/types.ts'
import { encodeWord } from '../../../sdk/core/word.ts'
import { appointmentOf } from '../../../sdk/watchtower/appointment.ts'
import {
  brokenPromises,
  contentOf,
  type Order,
  orderDigest,
  type Receipt,
  receiptDigest,
  signReceipt,
  verifyReceipt,
} from '../../../sdk/watchtower/receipt.ts'
import { signerOf } from '../node/actors.ts'
import { channelOf, DOMAIN, evidenceOf, signed } from './evidence.ts'

const [tower, client] = [signerOf('tower'), signerOf('client')]
const channel = channelOf()
const evidence = evidenceOf(channel, [5n, 7n])
const appointment = appointmentOf(DOMAIN, evidence, { sequence: 3n, worth: 0, sealed: true })
const promise = {
  client: client.address,
  locator: appointment.locator,
  sequence: 3n,
  content: contentOf(appointment),
  from: 1_000n,
  until: 9_000n,
}
const receipt = signReceipt(DOMAIN, tower, promise)

describe('a receipt', () => {
  it('is signed as typed data that any wallet knows', () => {
    const domain = { name: 'Tallystick', version: '1', chainId: DOMAIN.chainId, verifyingContract: DOMAIN.adjudicator }
    const field = (type: string, name: string) => ({ type, name })
    const promised = [
      'address client',
      'bytes32 locator',
      'uint64 sequence',
      'bytes32 content',
      'uint64 from',
      'uint64 until',
    ]
    const ordered = ['address tower', 'bytes32 locator', 'uint64 sequence', 'bytes32 content']
    const typesOf = (fields: string[]) => fields.map((text) => field(...(text.split(' ') as [string, string])))
    expect(toHex(receiptDigest(DOMAIN, promise))).to.equal(
      TypedDataEncoder.hash(domain, { TowerReceipt: typesOf(promised) }, promise),
    )
    const order = { locator: promise.locator, sequence: 3n, content: promise.content }
    expect(toHex(orderDigest(DOMAIN, tower.address, order))).to.equal(
      TypedDataEncoder.hash(domain, { TowerOrder: typesOf(ordered) }, { ...order, tower: tower.address }),
    )
  })

  it('is worth nothing if another signed it or a field is another', () => {
    expect(verifyReceipt(DOMAIN, tower.address, receipt)).to.equal(true)
    expect(verifyReceipt(DOMAIN, client.address, receipt)).to.equal(false)
    for (const change of [
      { sequence: 4n },
      { from: 1n },
      { until: 9_001n },
      { content: ZERO_HASH },
      { locator: ZERO_HASH },
    ])
      expect(verifyReceipt(DOMAIN, tower.address, { ...receipt, ...change })).to.equal(false)
    expect(verifyReceipt({ ...DOMAIN, chainId: 1n }, tower.address, receipt)).to.equal(false)
  })
})

describe('a broken promise', () => {
  let index = 0
  const event = (kind: ChainEvent['kind'], at: bigint, over: Partial<ChainEvent>): ChainEvent => ({
    kind,
    channelId: evidence.channelId,
    asset: evidence.asset,
    block: { number: index, hash: ZERO_HASH, timestamp: at },
    logIndex: index++,
    transaction: ZERO_HASH,
    word: 0n,
    args: {},
    ...over,
  })
  const word = (lane: number, version: bigint) =>
    version === 0n ? 0n : laneWordOf(signed(channel, { lane, version }).state)
  const challenged = (at: bigint, shown: [bigint, bigint], generation = 0) => {
    const disputed: LedgerWord = { phase: 'disputed', recorded: false, generation, expiry: at + 600n, commitment: 0n }
    return event('challenged', at, {
      word: encodeWord(disputed),
      args: { base: [0n, ...shown.map((v, lane) => word(lane, v))] },
    })
  }
  const raised = (at: bigint, shown: [bigint, bigint]) =>
    event('raised', at, { args: { lanes: shown.map((v, lane) => word(lane, v)) } })
  const settled = (at: bigint) => event('settled', at, {})
  const open = (recorded: boolean) => encodeWord({ phase: 'open', recorded, generation: 0, seq: 1, balances: [0n, 0n] })
  const withdrawn = (at: bigint) => event('withdrawn', at, { word: open(false) })

  const judged = (events: ChainEvent[], over: { receipt?: Receipt; later?: Order; by?: string } = {}) =>
    brokenPromises(DOMAIN, tower.address, over.receipt ?? receipt, {
      appointment,
      channel,
      asset: evidence.asset,
      events,
      ...(over.later && { later: over.later }),
    }).map(({ lane, promised, settled }) => [lane, promised, settled])

  it('is proved by receipt, appointment and the events of the chain', () => {
    expect(judged([challenged(2_000n, [4n, 7n]), settled(2_600n)])).to.deep.equal([[0, 5n, 4n]])
    expect(judged([challenged(2_000n, [0n, 0n]), raised(2_100n, [4n, 0n]), settled(2_600n)])).to.deep.equal([
      [0, 5n, 4n],
      [1, 7n, 0n],
    ])
  })

  it('is none if the newest was shown, by whomever and however', () => {
    expect(
      judged([challenged(2_000n, [4n, 0n]), raised(2_100n, [5n, 0n]), raised(2_200n, [0n, 8n]), settled(2_600n)]),
    ).to.deep.equal([])
    // A checkpoint from before the dispute counts in it.
    expect(judged([raised(1_500n, [5n, 7n]), challenged(2_000n, [0n, 0n]), settled(2_600n)])).to.deep.equal([])
  })

  it('is none if the dispute began before or after the promise, in another generation, or is not settled', () => {
    for (const at of [999n, 9_001n]) expect(judged([challenged(at, [0n, 0n]), settled(at + 600n)])).to.deep.equal([])
    expect(judged([challenged(2_000n, [0n, 0n], 1), settled(2_600n)])).to.deep.equal([])
    expect(judged([challenged(2_000n, [0n, 0n])])).to.deep.equal([])
  })

  it('is none if the members ended the dispute by agreement', () => {
    expect(judged([challenged(2_000n, [0n, 0n]), withdrawn(2_100n)])).to.deep.equal([])
    expect(judged([challenged(2_000n, [0n, 0n]), withdrawn(2_100n), settled(2_600n)])).to.deep.equal([])
  })

  it('is none by a receipt that is not the tower’s or not about this appointment', () => {
    const events = [challenged(2_000n, [0n, 0n]), settled(2_600n)]
    expect(judged(events)).to.have.length(2)
    expect(judged(events, { receipt: { ...receipt, until: 99_999n } })).to.deep.equal([])
    const other = signReceipt(DOMAIN, tower, { ...promise, content: ZERO_HASH })
    expect(judged(events, { receipt: other })).to.deep.equal([])
  })

  it('is refuted by a later order of the same client, so that nobody can frame a tower', () => {
    const events = [challenged(2_000n, [0n, 0n]), settled(2_600n)]
    const order = (sequence: bigint, signer = client): Order => {
      const plain = { locator: promise.locator, sequence, content: ZERO_HASH }
      return { ...plain, signature: signer.sign(orderDigest(DOMAIN, tower.address, plain)) }
    }
    expect(judged(events, { later: order(4n) })).to.deep.equal([])
    expect(judged(events, { later: order(3n) })).to.have.length(2)
    expect(judged(events, { later: order(4n, tower) })).to.have.length(2)
  })
})
