import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { expect } from 'chai'
import { AbiCoder, keccak256 as ethersKeccak, toUtf8Bytes } from 'ethers'
import fc from 'fast-check'
import { toHex } from '../../../sdk/core/bytes.ts'
import { domainSeparator } from '../../../sdk/core/eip712.ts'
import { TallystickError } from '../../../sdk/core/errors.ts'
import { keccak256 } from '../../../sdk/core/keccak.ts'
import { outcomeKey, secretKey } from '../../../sdk/core/outcome.ts'
import { address, bytes32, domain } from './arbitraries.ts'

const run = promisify(execFile)

describe('Keccak', () => {
  it('agrees with noble on inputs of every size around a block', () => {
    for (const size of [0, 1, 135, 136, 137, 271, 272, 273, 16_384]) {
      const bytes = new Uint8Array(size).fill(size % 251)
      expect(toHex(keccak256(bytes)), `${size}`).to.equal(toHex(keccak_256(bytes)))
    }
  })

  it('hands out a hash that later calls leave alone', () => {
    const first = keccak256(new Uint8Array(1))
    const copy = toHex(first)
    keccak256(new Uint8Array(2))
    expect(toHex(first)).to.equal(copy)
  })

  it('works where WebAssembly is forbidden', async () => {
    const script = `
      WebAssembly.compile = () => Promise.reject(new Error('forbidden'))
      const { keccak256 } = await import('./sdk/core/keccak.ts')
      console.log(Buffer.from(keccak256(new Uint8Array(200))).toString('hex'))`
    const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script])
    expect(`0x${stdout.trim()}`).to.equal(ethersKeccak(new Uint8Array(200)))
  })
})

describe('Outcome key', () => {
  const tag = ethersKeccak(toUtf8Bytes('Tallystick outcome'))
  const types = ['bytes32', 'uint256', 'address', 'bytes32']

  it('S16 binds tag, chain, condition and data as the contract encodes them', () => {
    fc.assert(
      fc.property(
        fc.bigInt(0n, 2n ** 256n - 1n),
        address,
        fc.uint8Array({ maxLength: 100 }),
        (chainId, condition, data) => {
          const expected = AbiCoder.defaultAbiCoder().encode(types, [tag, chainId, condition, ethersKeccak(data)])
          expect(outcomeKey({ chainId, condition }, keccak256(data))).to.equal(ethersKeccak(expected))
        },
      ),
    )
  })

  it('of a secret follows from the hash of the secret', () => {
    fc.assert(
      fc.property(bytes32, address, (secret, registry) => {
        const source = { chainId: 1n, condition: registry }
        const bytes = Buffer.from(secret.slice(2), 'hex')
        expect(secretKey(source, bytes)).to.equal(outcomeKey(source, keccak256(bytes)))
      }),
    )
  })
})

describe('Domain', () => {
  it('C5 has another separator for another chain or contract, however often it is asked', () => {
    fc.assert(
      fc.property(domain, domain, (one, other) => {
        const first = toHex(domainSeparator(one))
        expect(toHex(domainSeparator(other))).to.not.equal(first)
        expect(toHex(domainSeparator(one))).to.equal(first)
        expect(toHex(domainSeparator({ ...one }))).to.equal(first)
      }),
    )
  })
})

describe('Errors', () => {
  class SampleError extends TallystickError {
    readonly code = 'SAMPLE'
    readonly amount = 5n
  }

  it('carry a name, a code and a cause, and serialise without their fields', () => {
    const cause = new Error('below')
    const error = new SampleError('Fact. Remedy.', { cause })
    expect(error.name).to.equal('SampleError')
    expect(error.cause).to.equal(cause)
    expect(JSON.parse(JSON.stringify(error))).to.deep.equal({
      name: 'SampleError',
      code: 'SAMPLE',
      message: 'Fact. Remedy.',
    })
  })
})
