import { expect } from 'chai'
import fc from 'fast-check'
import { MAX_APP_STATE } from '../../../sdk/core/app.ts'
import type { Address, Hex } from '../../../sdk/core/types.ts'
import type { AppTerms } from '../../../sdk/protocols/app.ts'
import {
  type AppStepMessage,
  decodeAppStep,
  decodeSession,
  encodeAppStep,
  encodeSession,
  MAX_APP_STEP,
  MAX_STAKES,
} from '../../../sdk/protocols/app-wire.ts'
import { verifySignature } from '../../../sdk/signing/signature.ts'
import { ALICE, BOB, GAMES, Player, termsOf } from './app-players.ts'

const id: Hex = `0x${'1d'.repeat(32)}`
const onionKey: Hex = `0x${'6f'.repeat(32)}`
const asset: Address = `0x${'70'.repeat(20)}`
const bytes = (length: number) => new Uint8Array(length).fill(7)
const largest: AppTerms = {
  ...termsOf(
    GAMES.heap,
    Array.from({ length: 16 }, (_, seat) => (seat % 2 ? ALICE : BOB)),
  ),
  opening: bytes(MAX_APP_STATE),
  stakes: Array.from({ length: MAX_STAKES }, () => ({ from: 0, to: 1, asset, amount: (1n << 128n) - 1n })),
}
const MESSAGES: readonly AppStepMessage[] = [
  { kind: 'propose', terms: termsOf(GAMES.heap, [ALICE, BOB]), addresses: ['tcp://alice.example:7000', ''], onionKey },
  {
    kind: 'propose',
    terms: { ...termsOf(GAMES.heap, [ALICE, BOB]), group: { channelId: id, generation: 3 } },
    addresses: [],
    onionKey,
  },
  { kind: 'accept', id, onionKey, heard: true },
  { kind: 'staked', id, terms: `0x${'7e'.repeat(32)}` },
  { kind: 'decline', id, code: 'A'.repeat(64) },
  { kind: 'signed', id, version: 2 ** 32 - 1, signature: bytes(64) },
  { kind: 'moved', id, version: 3, move: bytes(9), signature: bytes(64), base: [bytes(64), bytes(64)] },
]
const LARGEST: readonly AppStepMessage[] = [
  { kind: 'propose', terms: largest, addresses: Array(16).fill('a'.repeat(512)), onionKey },
  {
    kind: 'moved',
    id,
    version: 3,
    move: bytes(MAX_APP_STATE),
    signature: bytes(64),
    base: Array.from({ length: 16 }, () => bytes(64)),
  },
]
const REFUSALS = ['MALFORMED_BYTES', 'INVALID_INSTANCE']

const codeOf = (error: unknown) => (error as { code?: string }).code

/** Whatever is read has this one form, and all else is refused with a type. */
function expectCanonical<T>(
  body: Uint8Array,
  decode: (bytes: Uint8Array) => T,
  encode: (value: T) => Uint8Array,
): void {
  let value: T
  try {
    value = decode(body)
  } catch (error) {
    expect(codeOf(error)).to.be.oneOf(REFUSALS)
    return
  }
  expect(encode(value)).to.deep.equal(body)
}

describe('what players of an app say', () => {
  it('reads back as it was written, within its bound', () => {
    for (const message of [...MESSAGES, ...LARGEST]) {
      const body = encodeAppStep(message)
      expect(decodeAppStep(body)).to.deep.equal(message)
      expect(body.length).to.be.at.most(MAX_APP_STEP)
    }
  })

  it('S15 is refused when it is truncated, longer, changed, or bytes of chance', () => {
    for (const message of MESSAGES) {
      const body = encodeAppStep(message)
      for (let size = 0; size < body.length; size++) expect(() => decodeAppStep(body.subarray(0, size))).to.throw()
      expect(() => decodeAppStep(Uint8Array.of(...body, 0))).to.throw()
    }
    const changed = fc
      .tuple(fc.constantFrom(...MESSAGES), fc.nat(), fc.nat(255))
      .map(([message, at, byte]) => encodeAppStep(message).map((old, i, all) => (i === at % all.length ? byte : old)))
    fc.assert(
      fc.property(fc.oneof(changed, fc.uint8Array({ maxLength: 512 })), (body) =>
        expectCanonical(body, decodeAppStep, encodeAppStep),
      ),
      { numRuns: 2_000, seed: 6 },
    )
  })

  it('S15 a stored session that was damaged is refused with a type', () => {
    const player = new Player(GAMES.heap, termsOf(GAMES.heap, [ALICE, BOB]), ALICE)
    player.open()
    const stored = encodeSession(player.session)
    for (let size = 0; size < stored.length; size++) expect(() => decodeSession(stored.subarray(0, size))).to.throw()
    fc.assert(
      fc.property(fc.nat(stored.length - 1), fc.nat(255), (at, byte) => {
        try {
          decodeSession(stored.map((old, index) => (index === at ? byte : old)))
        } catch (error) {
          expect(codeOf(error)).to.be.oneOf(REFUSALS)
        }
      }),
      { numRuns: 500, seed: 7 },
    )
  })

  it('a signature of a wrong length is a wrong signature, no failure', () => {
    for (const length of [0, 1, 63]) expect(verifySignature(bytes(32), bytes(length), ALICE)).to.equal(false)
  })
})
