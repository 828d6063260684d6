import { Common, Hardfork, Mainnet } from '@ethereumjs/common'
import { createEVM, type EVM, EVMError } from '@ethereumjs/evm'
import { expect } from 'chai'
import fc from 'fast-check'
import { network } from 'hardhat'
import { execute, loadProgram } from '../../sdk/apps/evm.ts'
import { IMPURE } from '../../sdk/apps/evm-impure.ts'
import { OPS } from '../../sdk/apps/evm-ops.ts'
import { ImpureAppError } from '../../sdk/apps/rules.ts'
import { fromUint, toHex, toUint } from '../../sdk/core/bytes.ts'
import { sessionSigner } from '../../sdk/signing/session.ts'

// The embedded EVM against two whole ones: EthereumJS, to the last unit of gas, and revm, on which Hardhat runs.

interface Seen {
  readonly end: 'return' | 'revert' | 'failure'
  readonly output: string
  readonly left: number
}

const byteOf = (name: string): number => OPS.findIndex((op) => op?.name === name)
const [PUSH0, RETURN, MSTORE, STATICCALL] = ['PUSH0', 'RETURN', 'MSTORE', 'STATICCALL'].map(byteOf) as number[]

const edges = [0n, 1n, 2n, 31n, 32n, 33n, 255n, 256n, 257n, 2n ** 255n, 2n ** 255n - 1n, 2n ** 256n - 1n, 2n ** 128n]
const word = fc.oneof(fc.constantFrom(...edges), fc.bigInt(0n, 2n ** 256n - 1n), fc.bigInt(0n, 300n))
const place = fc.oneof(
  { weight: 9, arbitrary: fc.bigInt(0n, 700n) },
  { weight: 1, arbitrary: fc.constantFrom(2n ** 16n, 2n ** 32n, 2n ** 255n) },
)

const push = (value: bigint, size = 32): number[] => [PUSH0! + size, ...fromUint(value, size)]

/** Pushes what an instruction takes, its first operand last, and the instruction. */
const apply = (byte: number, operands: readonly bigint[]): number[] => [
  ...[...operands].reverse().flatMap((value) => push(value)),
  byte,
]

const named = (names: string): number[] => names.split(' ').map(byteOf)
const PLAIN = named(
  'ADD MUL SUB DIV SDIV MOD SMOD ADDMOD MULMOD EXP SIGNEXTEND CLZ LT GT SLT SGT EQ ISZERO AND OR XOR NOT BYTE SHL SHR SAR CALLVALUE CALLDATASIZE CODESIZE RETURNDATASIZE PC MSIZE',
)
const MEMORY = named('CALLDATALOAD KECCAK256 MLOAD MSTORE MSTORE8 CALLDATACOPY CODECOPY RETURNDATACOPY MCOPY')

/** An instruction with operands; its result, if it gives one, is kept in memory. */
const statement = fc.oneof(
  fc.tuple(fc.constantFrom(...PLAIN), fc.array(word, { minLength: 3, maxLength: 3 })),
  fc.tuple(fc.constantFrom(...MEMORY), fc.array(place, { minLength: 3, maxLength: 3 })),
)
const structured = fc.array(fc.tuple(statement, fc.nat(20)), { maxLength: 25 }).map((statements) =>
  Uint8Array.from([
    ...statements.flatMap(([[byte, operands], slot]) => {
      const { takes, gives } = OPS[byte]!
      const keep = gives === 0 ? [] : [...push(BigInt(32 * slot), 2), MSTORE!]
      return [...apply(byte, operands.slice(0, takes)), ...keep]
    }),
    ...apply(RETURN!, [0n, 704n]),
  ]),
)

const pure = [...OPS.keys()].filter((byte) => OPS[byte] !== undefined && !IMPURE.has(byte) && byte !== byteOf('GAS'))
/** Anything: jumps into data, too deep and too shallow stacks, unknown instructions. */
const wild = fc
  .array(
    fc.oneof(
      fc.constantFrom(...pure.filter((byte) => byte !== STATICCALL)).map((byte) => [byte]),
      fc.nat(40).map((value) => push(BigInt(value), 1)),
      fc.constantFrom(0x0c, 0xfe, 0xef).map((byte) => [byte]),
    ),
    { maxLength: 60 },
  )
  .map((parts) => Uint8Array.from(parts.flat()))

async function wholeEvm(): Promise<EVM> {
  const evm = await createEVM({ common: new Common({ chain: Mainnet, hardfork: Hardfork.Osaka }) })
  for (const precompile of [1, 2, 3, 4])
    evm.journal.addAlwaysWarmAddress(`000000000000000000000000000000000000000${precompile}`)
  return evm
}

async function other(evm: EVM, code: Uint8Array, data: Uint8Array, gas: number): Promise<Seen> {
  const result = await evm.runCode({ code, data, gasLimit: BigInt(gas), isStatic: true })
  const error = result.exceptionError?.error
  const end = error === undefined ? 'return' : error === EVMError.errorMessages.REVERT ? 'revert' : 'failure'
  const output = end === 'failure' ? '0x' : toHex(result.returnValue)
  return { end, output, left: end === 'failure' ? 0 : gas - Number(result.executionGasUsed) }
}

function ours(code: Uint8Array, data: Uint8Array, gas: number): Seen {
  const { end, output, left } = execute(loadProgram(code), data, gas)
  return { end, output: toHex(output), left }
}

const runs = (numRuns: number) => ({ seed: 20_260_701, numRuns })

describe('The embedded EVM, against EthereumJS', () => {
  const input = fc.uint8Array({ maxLength: 100 })

  it('does every instruction in the same way for the same gas', async () => {
    const evm = await wholeEvm()
    const property = fc.asyncProperty(
      structured,
      input,
      fc.constantFrom(3_000, 100_000, 3_000_000),
      async (...args) => {
        expect(ours(...args)).to.deep.equal(await other(evm, ...args))
      },
    )
    await fc.assert(property, runs(600))
  })

  it('fails where it fails', async () => {
    const evm = await wholeEvm()
    const property = fc.asyncProperty(wild, input, fc.constantFrom(50, 5_000), async (...args) => {
      expect(ours(...args)).to.deep.equal(await other(evm, ...args))
    })
    await fc.assert(property, runs(2_000))
  })

  it('has room for as much on its stack', async () => {
    const evm = await wholeEvm()
    for (const words of [1_024, 1_025]) {
      const code = new Uint8Array(words).fill(PUSH0!)
      expect(ours(code, new Uint8Array(), 9_000)).to.deep.equal(await other(evm, code, new Uint8Array(), 9_000))
    }
  })

  it('calls precompiles alike, with enough gas and with too little', async () => {
    const evm = await wholeEvm()
    const call = fc.record({
      precompile: fc.integer({ min: 1, max: 4 }),
      gas: fc.constantFrom(0n, 14n, 3_000n, 2n ** 256n - 1n),
      operands: fc.tuple(place, place, place, place),
      gasLimit: fc.constantFrom(1_200, 3_500, 200_000),
    })
    const property = fc.asyncProperty(call, input, async ({ precompile, gas, operands, gasLimit }, data) => {
      const code = Uint8Array.from([
        ...apply(byteOf('CALLDATACOPY'), [0n, 0n, 100n]),
        ...apply(STATICCALL!, [gas, BigInt(precompile), ...operands]),
        ...[...push(0n), MSTORE!, byteOf('RETURNDATASIZE'), ...push(32n), MSTORE!],
        ...apply(RETURN!, [0n, 704n]),
      ])
      expect(ours(code, data, gasLimit)).to.deep.equal(await other(evm, code, data, gasLimit))
    })
    await fc.assert(property, runs(500))
  })

  it('recovers signers alike, of high s and of nonsense too', async () => {
    const evm = await wholeEvm()
    const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
    const [v, r, s] = signature()
    const part = fc.oneof(word, fc.constantFrom(r, s, order - s, order, order - 1n, order + 1n))
    const code = Uint8Array.from([
      ...apply(byteOf('CALLDATACOPY'), [0n, 0n, 128n]),
      ...apply(STATICCALL!, [100_000n, 1n, 0n, 128n, 0n, 32n]),
      ...apply(RETURN!, [0n, 64n]),
    ])
    const ofV = fc.oneof(fc.constantFrom(v, 55n - v), word)
    const property = fc.asyncProperty(ofV, part, part, async (...parts) => {
      const data = Uint8Array.from([7n, ...parts].flatMap((value) => [...fromUint(value, 32)]))
      expect(ours(code, data, 50_000)).to.deep.equal(await other(evm, code, data, 50_000))
    })
    await fc.assert(property, {
      ...runs(300),
      examples: [
        [v, r, s],
        [55n - v, r, order - s],
      ],
    })
  })
})

/** v, r and s of a signature. */
function signature(): [bigint, bigint, bigint] {
  const bytes = sessionSigner(new Uint8Array(32).fill(1)).sign(fromUint(7n, 32))
  const [r, parityAndS] = [toUint(bytes.subarray(0, 32)), toUint(bytes.subarray(32))]
  return [27n + (parityAndS >> 255n), r, BigInt.asUintN(255, parityAndS)]
}

describe('The embedded EVM, against revm', () => {
  it('returns and fails alike', async () => {
    const { provider } = await network.create()
    const to = '0x00000000000000000000000000000000000a9900'
    const input = fc.uint8Array({ maxLength: 100 })
    const property = fc.asyncProperty(fc.oneof(structured, wild), input, async (code, data) => {
      await provider.request({ method: 'hardhat_setCode', params: [to, toHex(code)] })
      const call = { to, data: toHex(data), gas: '0x2dc6c0' }
      const output = await provider.request({ method: 'eth_call', params: [call] }).catch(() => 'failed')
      const seen = ours(code, data, 2_900_000)
      expect(seen.end === 'return' ? seen.output : 'failed').to.equal(output)
    })
    await fc.assert(property, runs(300))
  })
})

describe('Instructions that are not pure', () => {
  it('are named, not run', () => {
    for (const [byte, name] of IMPURE) {
      const code = Uint8Array.from([...apply(byte, [1n, 1n, 1n, 1n, 1n, 1n, 1n])])
      expect(() => execute(loadProgram(code), new Uint8Array(), 100_000), name)
        .to.throw(ImpureAppError)
        .with.property('act', `uses ${name}`)
    }
  })

  it('may hand on what gas is left, and nothing else', () => {
    const run = (...code: number[]) => execute(loadProgram(Uint8Array.from(code)), new Uint8Array(), 100_000)
    expect(() => run(byteOf('GAS'), PUSH0!)).to.throw(ImpureAppError, 'reads GAS')
    expect(() => run(...apply(STATICCALL!, [1n, 5n, 0n, 0n, 0n, 0n]))).to.throw(ImpureAppError, 'calls 0x5')
    expect(
      run(...push(0n), ...push(0n), ...push(0n), ...push(0n), ...push(4n), byteOf('GAS'), STATICCALL!).end,
    ).to.equal('return')
  })
})
