import { sha256 } from '@noble/hashes/sha2.js'
import { expect } from 'chai'
import { IMPURE } from '../../../sdk/apps/evm-impure.ts'
import { evmRules } from '../../../sdk/apps/evm-rules.ts'
import { assertPure } from '../../../sdk/apps/purity.ts'
import { ImpureAppError } from '../../../sdk/apps/rules.ts'
import { fromUint, toHex, toUint } from '../../../sdk/core/bytes.ts'
import type { Hex } from '../../../sdk/core/types.ts'
import { sessionSigner } from '../../../sdk/signing/session.ts'
import { clockArtifact, encode, nimArtifact, notaryArtifact } from './toys.ts'

const code = (...bytes: readonly number[]) => Uint8Array.from(bytes)
const impure = (bytes: Uint8Array, act: string) =>
  expect(() => assertPure(bytes), toHex(bytes)).to.throw(ImpureAppError, act)

describe('Purity of code', () => {
  it('is found in what the compiler writes', () => {
    assertPure(nimArtifact.deployedBytecode as Hex)
    assertPure(notaryArtifact.deployedBytecode as Hex)
    expect(() => assertPure(clockArtifact.deployedBytecode as Hex)).to.throw(ImpureAppError, 'TIMESTAMP')
  })

  it('is broken by each instruction that looks around or leaves something behind', () => {
    for (const [byte, name] of IMPURE) impure(code(0x5f, byte), `uses ${name} (byte 1 of its code)`)
    impure(code(0x5a, 0x00), 'reads GAS')
  })

  it('is not broken by data of a push, or by what nobody can reach', () => {
    assertPure(code(0x61, 0x42, 0x5b, 0x00))
    for (const end of [0x00, 0x56, 0xf3, 0xfd, 0xfe, 0x0c]) assertPure(code(end, 0x42, 0x5a))
  })

  it('is broken behind every place that can be jumped to', () => {
    impure(code(0xfe, 0x5b, 0x42), 'TIMESTAMP')
    impure(code(0x57, 0x42), 'TIMESTAMP')
    // The EVM reads code from its start: this is data, though nobody reaches the push.
    assertPure(code(0xfe, 0x60, 0x5b, 0x42))
  })

  it('allows calls of precompiles that the code itself names', () => {
    for (const precompile of [1, 2, 3, 4]) assertPure(code(0x60, precompile, 0x5a, 0xfa))
    for (const other of [0, 5, 0x60]) impure(code(0x60, other, 0x5a, 0xfa), 'does not name')
    impure(code(0x5f, 0x5a, 0xfa), 'does not name')
    impure(code(0x60, 0x01, 0x60, 0x20, 0xfa), 'does not name')
  })

  it('sees through a push that hides the name of a precompile', () => {
    impure(code(0x30, 0x62, 0x60, 0x01, 0x5a, 0xfa), 'ADDRESS')
    impure(code(0x35, 0x62, 0x60, 0x01, 0x5a, 0xfa), 'does not name')
    impure(code(0x35, 0x60, 0x5a, 0xfa), 'does not name')
  })
})

describe('An app that calls precompiles', () => {
  it('plays by them', () => {
    const rules = evmRules({ initCode: notaryArtifact.bytecode as Hex }, { seats: 2, abi: notaryArtifact.abi })
    const signer = sessionSigner(new Uint8Array(32).fill(3))
    const state = encode(['address'], signer.address)
    const signature = signer.sign(sha256(state))
    const parityAndS = toUint(signature.subarray(32))
    const move = (v: bigint) =>
      encode(
        ['uint8', 'bytes32', 'bytes32'],
        v,
        signature.subarray(0, 32),
        fromUint(BigInt.asUintN(255, parityAndS), 32),
      )
    const v = 27n + (parityAndS >> 255n)
    expect(rules.advance(state, move(v))).to.have.length(20)
    expect(() => rules.advance(state, move(55n - v))).to.throw('WrongSigner(0x')
  })
})
