import { toUint, writeHex, writeInt } from './bytes.ts'
import { isIndex, memberCount } from './channel.ts'
import { typedDigest, typeHash } from './eip712.ts'
import { TallystickError } from './errors.ts'
import { keccak256 } from './keccak.ts'
import type { Domain, Hex, State } from './types.ts'

export const STATE_TYPE =
  'State(bytes32 channelId,address asset,uint16 generation,uint8 lane,uint64 version,int256[] credits,uint256 locked,bytes32 transfersRoot)'

/** Every credit and every locked sum stays below it, so that no sum of them overflows a ledger word. */
export const AMOUNT_BOUND = 1n << 106n
/** The end of a ledger: the word has 15 bits for it. */
export const MAX_GENERATION = 32_767
export const MAX_VERSION = (1n << 64n) - 1n
/** 32 zero bytes: the root of an empty list. */
export const ZERO_HASH: Hex = `0x${'00'.repeat(32)}`

const STATE_TYPE_HASH = typeHash(STATE_TYPE)

// Scratch buffers: written completely before each use and never handed out, so the functions stay pure.
const struct = new Uint8Array(288)
const structView = new DataView(struct.buffer)
struct.set(STATE_TYPE_HASH)
const credits = new Uint8Array(32 * 32)
const creditsView = new DataView(credits.buffer)

/** A state breaks a rule that the adjudicator checks. */
export class InvalidStateError extends TallystickError {
  readonly code = 'INVALID_STATE'
  readonly field: keyof State

  constructor(field: keyof State, message: string) {
    super(message)
    this.field = field
  }
}

/** Lanes of a channel: one per member if there are two, else one that all sign. */
export const laneCount = (members: number): number => (members === 2 ? 2 : 1)

/** Throws {@link InvalidStateError} unless the adjudicator would take this state (signatures aside). */
export function validateState(state: State): void {
  const members = memberCount(state.channelId)
  const fail = (field: keyof State, fact: string) => {
    throw new InvalidStateError(field, `${fact} Reject this state and ask for a valid one.`)
  }
  if (!isIndex(state.generation, MAX_GENERATION + 1))
    fail('generation', `Generation ${state.generation} is not within 0 to ${MAX_GENERATION}.`)
  if (!isIndex(state.lane, laneCount(members)))
    fail('lane', `A channel of ${members} members has no lane ${state.lane}.`)
  if (state.version < 1n || state.version > MAX_VERSION)
    fail('version', `Version ${state.version} is not within 1 to 2^64 - 1.`)
  if (state.credits.length !== members)
    fail('credits', `${state.credits.length} credits do not match ${members} members.`)
  if (state.locked < 0n || state.locked >= AMOUNT_BOUND)
    fail('locked', `A locked sum of ${state.locked} is not within 0 to 2^106 - 1.`)
  let sum = state.locked
  for (const credit of state.credits) {
    if (credit <= -AMOUNT_BOUND || credit >= AMOUNT_BOUND) fail('credits', `A credit of ${credit} is not below 2^106.`)
    sum += credit
  }
  if (sum !== 0n) fail('credits', `Credits and locked sum up to ${sum} instead of 0.`)
  if ((state.locked === 0n) !== (state.transfersRoot === ZERO_HASH))
    fail('transfersRoot', 'The root of the transfers is zero exactly if nothing is locked; here it is not.')
}

/** EIP-712 `hashStruct` of a state, 32 bytes. */
export function hashState(state: State): Uint8Array {
  const count = state.credits.length
  for (let i = 0; i < count; i++) writeInt(creditsView, 32 * i, state.credits[i]!)
  writeHex(struct, 32, state.channelId, 32)
  writeHex(struct, 76, state.asset, 20)
  structView.setUint16(126, state.generation)
  struct[159] = state.lane
  structView.setBigUint64(184, state.version)
  struct.set(keccak256(credits.subarray(0, 32 * count)), 192)
  writeInt(structView, 224, state.locked)
  writeHex(struct, 256, state.transfersRoot, 32)
  return keccak256(struct)
}

/** What members sign to consent to a state: 32 bytes. */
export const stateDigest = (domain: Domain, state: State): Uint8Array => typedDigest(domain, hashState(state))

/** The word in which the adjudicator remembers a state: `version uint64 ‖ low 192 bits of hashState`. */
export function laneWordOf(state: State): bigint {
  return (state.version << 192n) | toUint(hashState(state).subarray(8))
}
