import { expect } from 'chai'
import { concat, solidityPacked } from 'ethers'
import { toHex } from '../../../sdk/core/bytes.ts'
import {
  decodeReserves,
  encodeProof,
  encodeRedemption,
  encodeReserves,
  encodeStates,
  encodeWithdrawal,
  laneList,
} from '../../../sdk/core/calldata.ts'
import { encodeChannel } from '../../../sdk/core/channel.ts'
import { MalformedBytesError } from '../../../sdk/core/codec.ts'
import { ZERO_HASH } from '../../../sdk/core/state.ts'
import { transferLeaf, transfersRoot } from '../../../sdk/core/transfer.ts'
import { type Address, type Channel, COIN, type Hex, type State, type Transfer } from '../../../sdk/core/types.ts'

const hash = (byte: string): Hex => `0x${byte.repeat(32)}`
const account = (byte: string): Address => `0x${byte.repeat(20)}`
const channelId: Hex = `0x${'11'.repeat(31)}02`
const lock: Transfer = { amount: 7n, deadline: 99n, refundTo: 0, legs: [{ to: 1, key: hash('aa') }] }
const other: Transfer = { ...lock, amount: 8n }
const plain: State = {
  channelId,
  asset: COIN,
  generation: 0,
  lane: 0,
  version: 3n,
  credits: [-5n, 5n],
  locked: 0n,
  transfersRoot: ZERO_HASH,
}
const locked: State = {
  ...plain,
  lane: 1,
  credits: [-15n, 0n],
  locked: 15n,
  transfersRoot: transfersRoot([lock, other]),
}

const PLAIN = solidityPacked(['uint8', 'uint64', 'uint112', 'int112', 'int112'], [0, 3, 0, -5, 5])
const LOCKED = solidityPacked(
  ['uint8', 'uint64', 'uint112', 'bytes32', 'int112', 'int112'],
  [1, 3, 15, locked.transfersRoot, -15, 0],
)
const LOCK = solidityPacked(['uint8', 'uint128', 'uint64', 'uint8', 'uint8', 'bytes32'], [1, 7, 99, 0, 1, hash('aa')])
const OTHER_LEAF = concat(['0x00', transferLeaf(other)])

describe('Calldata', () => {
  it('packs states with each member’s signature, and nothing for the sender’s', () => {
    const bytes = encodeStates([
      { state: plain, signatures: [undefined, Uint8Array.of(9, 8)] },
      { state: locked, signatures: [Uint8Array.of(7), undefined] },
    ])
    expect(toHex(bytes)).to.equal(concat(['0x02', PLAIN, '0x0000', '0x00020908', LOCKED, '0x000107', '0x0000']))
  })

  it('packs no states as a count of zero', () => {
    expect(toHex(encodeStates([]))).to.equal('0x00')
  })

  it('packs each kind of part of a withdrawal', () => {
    const target: Channel = {
      period: 60,
      nonce: 1n,
      members: [
        { signer: account('01'), owner: account('02') },
        { signer: account('03'), owner: account('04') },
      ],
    }
    const part = { member: 1, amount: 6n, to: COIN, toChannel: ZERO_HASH, toMember: 0 }
    const parts = [
      part,
      { ...part, to: account('ee') },
      { ...part, toChannel: hash('cc'), toMember: 3 },
      { ...part, toChannel: hash('dd'), toMember: 1 },
    ]
    const withdrawal = {
      channelId,
      asset: COIN,
      generation: 0,
      seq: 2,
      parts,
      closing: true,
      validUntil: 50n,
      dispute: 77n,
    }
    const bytes = encodeWithdrawal(withdrawal, [Uint8Array.of(1), undefined], [4n, 5n], new Map([[hash('dd'), target]]))
    const head = solidityPacked(
      ['uint8', 'uint16', 'uint64', 'uint64', 'uint256', 'uint256', 'uint8'],
      [1, 2, 50, 77, 4, 5, 4],
    )
    const who = solidityPacked(['uint8', 'uint112'], [1, 6])
    const expected = [
      who,
      '0x00',
      who,
      '0x01',
      account('ee'),
      who,
      '0x02',
      hash('cc'),
      '0x03',
      who,
      '0x030102',
      encodeChannel(target),
    ]
    expect(toHex(bytes)).to.equal(concat([head, ...expected, '0x000101', '0x0000']))
  })

  it('packs a proof of base, states and lists, shown or not', () => {
    const bytes = encodeProof(
      [1n, 2n, 3n],
      [plain, locked],
      [laneList(1, [lock, other], ({ amount }) => amount === 7n)],
    )
    const base = solidityPacked(['uint256', 'uint256', 'uint256'], [1, 2, 3])
    expect(toHex(bytes)).to.equal(concat([base, PLAIN, LOCKED, '0x01', '0x010002', LOCK, OTHER_LEAF]))
    expect(toHex(encodeProof([1n], [plain]))).to.equal(concat([solidityPacked(['uint256'], [1]), PLAIN, '0x00']))
  })

  it('packs a redemption of reserves and lists, with zero for what the settlement paid', () => {
    const reserve = { lane: 1, locked: 15n, reserved: 9n, root: hash('bb') }
    const packed = solidityPacked(['uint8', 'uint8', 'uint112', 'uint112', 'bytes32'], [1, 1, 15, 9, hash('bb')])
    const list = laneList(1, [lock, other], () => true, new Set([1]))
    expect(toHex(encodeRedemption([reserve], [list]))).to.equal(
      concat([packed, '0x01', '0x010002', LOCK, '0x00', ZERO_HASH]),
    )
  })

  it('S15 reads reserves back, and refuses any that are cut short or go on', () => {
    const reserves = [{ lane: 0, locked: 2n ** 112n - 1n, reserved: 1n, root: hash('bb') }]
    const bytes = encodeReserves(reserves)
    expect(decodeReserves(bytes)).to.deep.equal(reserves)
    for (const bad of [new Uint8Array(), bytes.slice(0, -1), Uint8Array.of(...bytes, 0)])
      expect(() => decodeReserves(bad)).to.throw(MalformedBytesError)
  })
})
