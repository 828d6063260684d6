import { concatBytes } from '@noble/hashes/utils.js'
import { fromUint, toUint } from './bytes.ts'
import { keccak256 } from './keccak.ts'
import type { LedgerWord } from './types.ts'

const DISPUTED = 1n << 255n
const RECORDED = 1n << 254n
const COMMITMENT_BITS = 199n

/** The low `bits` bits of `word` from bit `shift` on. */
const field = (word: bigint, shift: bigint, bits: bigint): bigint => (word >> shift) & ((1n << bits) - 1n)
const balance = (word: bigint, shift: bigint): bigint => BigInt.asIntN(112, word >> shift)

/** What the adjudicator's word says; every 256-bit value has a meaning. */
export function decodeWord(word: bigint): LedgerWord {
  const recorded = (word & RECORDED) !== 0n
  const generation = Number(field(word, 239n, 15n))
  if (word & DISPUTED)
    return {
      phase: 'disputed',
      recorded,
      generation,
      expiry: field(word, 199n, 40n),
      commitment: field(word, 0n, COMMITMENT_BITS),
    }
  return {
    phase: 'open',
    recorded,
    generation,
    seq: Number(field(word, 224n, 15n)),
    balances: [balance(word, 0n), balance(word, 112n)],
  }
}

/** The word that says `ledger`; the inverse of {@link decodeWord}. */
export function encodeWord(ledger: LedgerWord): bigint {
  const head = (ledger.recorded ? RECORDED : 0n) | (BigInt(ledger.generation) << 239n)
  if (ledger.phase === 'disputed') return DISPUTED | head | (ledger.expiry << 199n) | ledger.commitment
  const [even, odd] = ledger.balances
  return head | (BigInt(ledger.seq) << 224n) | (BigInt.asUintN(112, odd) << 112n) | BigInt.asUintN(112, even)
}

/** The commitment of a dispute: what its `base`, `[openWord, laneWord...]`, hashes to, cut to 199 bits. */
export function commitmentOf(base: readonly bigint[]): bigint {
  return BigInt.asUintN(
    Number(COMMITMENT_BITS),
    toUint(keccak256(concatBytes(...base.map((word) => fromUint(word, 32))))),
  )
}

/** The higher version of a lane's word in the dispute and the recorded one; the dispute's own wins a tie, as it does on chain. */
export const newestLaneWord = (committed: bigint, recorded: bigint): bigint =>
  recorded >> 192n > committed >> 192n ? recorded : committed
