import { expect } from 'chai'
import { concat, getAddress, toBeHex } from 'ethers'
import fc from 'fast-check'
import { network } from 'hardhat'
import { evmRules } from '../../sdk/apps/evm-rules.ts'
import { IllegalMoveError, type Rules } from '../../sdk/apps/rules.ts'
import { appAddress } from '../../sdk/core/app-address.ts'
import { toHex } from '../../sdk/core/bytes.ts'
import type { Address, Hex } from '../../sdk/core/types.ts'
import { answering, encode, heap, hostile, MISCHIEF, nim, nimCode, revertingWith, take } from '../sdk/apps/toys.ts'

// What the SDK says of an app, against what the arbiter says of it on chain.

const { ethers } = await network.create()
const judge = await ethers.deployContract('RulesHarness')
const apps = {
  nim: await ethers.deployContract('Nim', [3]),
  hostile: await ethers.deployContract('HostileApp'),
}

const next = (rules: Rules, state: Uint8Array, move: Uint8Array): Hex | undefined => {
  try {
    return toHex(rules.advance(state, move))
  } catch (error) {
    if (error instanceof IllegalMoveError) return undefined
    throw error
  }
}

async function expectSame(app: keyof typeof apps, rules: Rules, seats: number, state: Uint8Array, move: Uint8Array) {
  const gas = { gasLimit: 16_000_000n }
  const turn = Number(await judge.getFunction('turn')(apps[app], state, seats, gas))
  expect(rules.turn(state), 'turn').to.equal(turn === seats ? undefined : turn)
  const [ok, onChain] = await judge.getFunction('advance')(apps[app], state, move, gas)
  expect(next(rules, state, move), 'advance').to.equal(ok ? onChain : undefined)
  expect(rules.outcome(state), 'outcome').to.deep.equal([
    ...(await judge.getFunction('outcome')(apps[app], state, seats, gas)),
  ])
}

describe('Rules of an app, off chain and on chain', () => {
  const answer = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.constantFrom(0, 31, 32, 33, 64).map((size) => new Uint8Array(size)),
    fc.bigInt(0n, 4n).map((seat) => encode(['uint256'], seat)),
    fc.uint8Array({ maxLength: 70 }).map((bytes) => encode(['bytes'], bytes)),
    fc.constantFrom(8_192, 8_193).map((size) => encode(['bytes'], new Uint8Array(size)).slice(0, 64 + size)),
    fc
      .array(fc.oneof(fc.bigInt(0n, 10n ** 18n), fc.bigInt(0n, 9n)), { maxLength: 4 })
      .map((values) => encode(['uint256[]'], values)),
  )
  const cut = fc
    .tuple(answer, fc.constantFrom(0, 0, 0, 1, 31))
    .map(([bytes, less]) => bytes.slice(0, bytes.length - less))
  // The state carries the answer, so the longest ones cannot be carried.
  const said = cut.filter((bytes) => bytes.length < 8_192)

  it('are the same for whatever an app answers', async () => {
    const state = fc.oneof(said.map(answering), said.map(revertingWith))
    const property = fc.asyncProperty(state, fc.integer({ min: 2, max: 3 }), async (bytes, seats) => {
      await expectSame('hostile', hostile(seats), seats, bytes, Uint8Array.of(1))
    })
    await fc.assert(property, { seed: 20_260_702, numRuns: 60 })
  })

  it('are the same for an answer that is as long as a state can be, and for a longer one', async () => {
    for (const length of [8_192, 8_193]) {
      // Stores 32 at 0 and 1 at 32, and returns that with what is behind it: one byte, and some that nobody reads.
      const code = concat(['0x60205f526001602052', toBeHex(0x61, 1), toBeHex(64 + length, 2), '0x5ff3']) as Hex
      const at = getAddress(toBeHex(length, 20))
      await ethers.provider.send('hardhat_setCode', [at, code])
      const rules = evmRules({ runtimeCode: code }, { seats: 2 })
      const [ok, onChain] = await judge.getFunction('advance')(at, heap(1), take(1), { gasLimit: 16_000_000n })
      expect([ok, next(rules, heap(1), take(1))]).to.deep.equal([length === 8_192, ok ? onChain : undefined])
    }
  })

  it('are the same for an app that does not answer', async () => {
    for (const state of Object.values(MISCHIEF)) await expectSame('hostile', hostile(), 2, state, Uint8Array.of(1))
  })

  it('are the same for states and moves of a game, and for bytes that are none', async () => {
    const small = fc.nat(5)
    const state = fc.oneof(
      fc.tuple(small, fc.nat(2)).map(([left, seat]) => heap(left, seat)),
      fc.uint8Array({ maxLength: 100 }),
    )
    const move = fc.oneof(small.map(take), fc.uint8Array({ maxLength: 40 }))
    const property = fc.asyncProperty(state, move, (...args) => expectSame('nim', nim, 2, ...args))
    await fc.assert(property, { seed: 20_260_703, numRuns: 60 })
  })
})

describe('The address of an app', () => {
  it('is where the arbiter deploys it, and its code is what the SDK runs', async () => {
    const arbiter = await ethers.deployContract('AppArbiter', [await ethers.deployContract('OutcomeRegistry')])
    const app = appAddress({ arbiter: (await arbiter.getAddress()).toLowerCase() as Address, initCode: nimCode() })
    await arbiter.getFunction('deploy')(nimCode())
    const deployed = evmRules({ runtimeCode: (await ethers.provider.getCode(app)) as Hex }, { seats: 2 })
    expect(toHex(deployed.advance(heap(5), take(3)))).to.equal(toHex(nim.advance(heap(5), take(3))))
  })
})
