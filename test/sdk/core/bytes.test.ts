import { expect } from 'chai'
import { getAddress } from 'ethers'
import fc from 'fast-check'
import { InvalidAddressError, parseAddress } from '../../../sdk/core/address.ts'
import { fromUint, InvalidHexError, toBytes, toHex, toUint, writeHex, writeInt } from '../../../sdk/core/bytes.ts'
import { address } from './arbitraries.ts'

describe('Bytes', () => {
  it('S16 turns bytes to lower-case hex and back', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const hex = toHex(bytes)
        expect(hex).to.equal(`0x${Buffer.from(bytes).toString('hex')}`)
        expect(toBytes(hex)).to.deep.equal(bytes)
        expect(toBytes(`0x${hex.slice(2).toUpperCase()}`, bytes.length)).to.deep.equal(bytes)
      }),
    )
  })

  it('refuses what is not hex of the expected size', () => {
    for (const [text, length] of [
      ['', undefined],
      ['0', undefined],
      ['0x0', undefined],
      ['0x0g', undefined],
      ['0x0é', 1],
      ['1x00', 1],
      ['0X00', 1],
      ['0x00', 2],
      ['0x00', 0],
      ['0x 1', 1],
    ] as const)
      expect(() => toBytes(text, length), text)
        .to.throw(InvalidHexError)
        .with.property('code', 'INVALID_HEX')
    expect(() => toBytes('0x00', 32))
      .to.throw(InvalidHexError, '64 hex digits')
      .with.property('expected', 32)
  })

  it('writes hex at its place and nowhere else', () => {
    const target = new Uint8Array(6)
    writeHex(target, 2, '0xabcd', 2)
    expect([...target]).to.deep.equal([0, 0, 0xab, 0xcd, 0, 0])
  })

  it('S16 turns unsigned integers to bytes and back', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 2n ** 256n - 1n), (value) => {
        expect(toUint(fromUint(value, 32))).to.equal(value)
      }),
    )
    expect(toUint(new Uint8Array())).to.equal(0n)
    expect(() => fromUint(256n, 1)).to.throw(InvalidHexError)
    expect(() => fromUint(-1n, 32)).to.throw(InvalidHexError)
  })

  it('C41 writes signed integers as two’s complement over 32 bytes', () => {
    const view = new DataView(new ArrayBuffer(32))
    fc.assert(
      fc.property(
        fc.oneof(
          fc.bigInt(-(2n ** 127n), 2n ** 127n - 1n),
          fc.constantFrom(-(2n ** 64n), -(2n ** 63n), 2n ** 63n, 2n ** 64n, -1n, 0n),
        ),
        (value) => {
          writeInt(view, 0, value)
          expect(toUint(new Uint8Array(view.buffer))).to.equal(BigInt.asUintN(256, value))
        },
      ),
    )
  })
})

describe('Addresses', () => {
  it('are taken in lower case and with a valid checksum', () => {
    fc.assert(
      fc.property(address, (any) => {
        expect(parseAddress(any)).to.equal(any)
        expect(parseAddress(getAddress(any))).to.equal(any)
      }),
    )
  })

  it('are refused with a wrong checksum, size or digit', () => {
    const checked = '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed'
    for (const text of [
      checked.replace('A', 'a'),
      checked.slice(2),
      checked.slice(0, -1),
      `${checked}0`,
      '',
      checked.replace('5', 'g'),
      'vitalik.eth',
    ])
      expect(() => parseAddress(text), text)
        .to.throw(InvalidAddressError)
        .with.property('code', 'INVALID_ADDRESS')
    expect(parseAddress(checked)).to.equal(checked.toLowerCase())
  })

  it('S18 are shown with control characters escaped when they are refused', () => {
    expect(() => parseAddress('\u001b[2J\n')).to.throw(InvalidAddressError, '\\u001b[2J\\n')
  })
})
