import { accountHash, lockHash, memberId, receiptHash } from '../../clearing/account.ts'
import { type Entry, entryHash } from '../../clearing/book.ts'
import { standsIn } from '../../clearing/checking.ts'
import { epochHash } from '../../clearing/epoch.ts'
import { typedDigest } from '../../core/eip712.ts'
import { TallystickError } from '../../core/errors.ts'
import type { Address, Domain, Member } from '../../core/types.ts'
import { verifyEnvelope } from '../../signing/signature.ts'
import { permitFor } from '../permit.ts'
import type { Desk } from './desk.ts'
import { fromText, toText } from './plain.ts'
import { accountIn, type HeldLock, type MemberState, type SeenEpoch } from './state.ts'

/** A file that is no watch file of a house, of another one, or older than what the tower has. */
export class HouseWatchError extends TallystickError {
  readonly code: 'NOT_A_HOUSE_WATCH' | 'HOUSE_WATCH_OF_ANOTHER' | 'HOUSE_WATCH_TOO_OLD'

  constructor(code: HouseWatchError['code'], fact: string) {
    super(fact)
    this.code = code
  }
}

/** A tower's key that the member lets see its leaves. */
export interface WatchPermit {
  readonly tower: Address
  readonly signature: Uint8Array
}

/** All that a tower needs to check a member's leaves and to demand them. It holds no key and no secret. */
export interface HouseWatch {
  readonly domain: Domain
  readonly identity: Member
  readonly state: MemberState
  readonly epochs: readonly SeenEpoch[]
  /** Income that the operator told of, by epoch. */
  readonly told: readonly { readonly epoch: bigint; readonly entries: readonly Entry[] }[]
  /** Locks in the member's favour. */
  readonly held: readonly HeldLock[]
  /** Who others are: a lock pays to an owner. */
  readonly known: readonly Member[]
  readonly permit: WatchPermit | undefined
}

const KIND = 'tallystick house watch'
const VERSION = 1

export const formatHouseWatch = (watch: HouseWatch): string =>
  `${toText({ kind: KIND, version: VERSION, ...watch }, 1)}\n`

/** As of now. `tower`: the key with which the tower may ask the operator; undefined: none may. */
export function watchOf({ domain, identity, id, signer, memory }: Desk, tower: Address | undefined): HouseWatch {
  return {
    domain,
    identity,
    state: memory.state,
    epochs: [...memory.epochs.values()],
    told: [...memory.told].map(([epoch, entries]) => ({ epoch, entries })),
    held: [...memory.held.values()].map(withoutSecret),
    known: [...memory.known.values()],
    permit: tower && { tower, signature: permitFor(domain, id, tower, signer) },
  }
}

const withoutSecret = ({ secret: _, ...held }: HeldLock): HeldLock => held

/** Reads a watch file of this house, and checks that its operator signed what it would be asked for. Throws {@link HouseWatchError}. */
export function parseHouseWatch(text: string, domain: Domain, operator: Address): HouseWatch {
  const watch = read(text)
  if (watch.domain.chainId !== domain.chainId || watch.domain.adjudicator !== domain.adjudicator)
    throw new HouseWatchError(
      'HOUSE_WATCH_OF_ANOTHER',
      `The watch file is of house ${watch.domain.adjudicator} on chain ${watch.domain.chainId}, not ${domain.adjudicator} on ${domain.chainId}. Connect to that one.`,
    )
  try {
    if (isWhole(watch) && isSigned(watch, operator)) return watch
  } catch {
    throw notOne()
  }
  throw notOne()
}

/** What cannot be hashed is no epoch and no lock: a tower would stumble over it later. Throws, or false. */
function isWhole({ epochs, told, held, known }: HouseWatch): boolean {
  for (const { epoch, proof } of epochs) {
    epochHash(epoch)
    if (proof) standsIn(epoch, proof)
  }
  for (const { entries } of told) for (const entry of entries) entryHash(entry)
  for (const { lock } of held) lockHash(lock)
  for (const one of known) memberId(one)
  const numbers = [...epochs.map(({ committedAt }) => committedAt), ...told.map(({ epoch }) => epoch)]
  return numbers.every((number) => typeof number === 'bigint') && held.every(({ receipt }) => receipt)
}

/** Evidence that the court would refuse is no evidence. */
function isSigned({ domain, identity, state }: HouseWatch, operator: Address): boolean {
  const id = memberId(identity)
  const isIt = (hash: Uint8Array, signature: Uint8Array) =>
    verifyEnvelope(domain, typedDigest(domain, hash), signature, operator)
  const taken = state.books.filter(({ countersignature }) => countersignature)
  return (
    taken.every((one) => one.book.member === id && isIt(accountHash(accountIn(one)), one.countersignature!)) &&
    state.receipts.every(({ receipt, signature }) => receipt.member === id && isIt(receiptHash(receipt), signature))
  )
}

const notOne = () =>
  new HouseWatchError(
    'NOT_A_HOUSE_WATCH',
    'This is no watch file of a house, or a damaged one. Pass the text that exportWatch() gave.',
  )

function read(text: string): HouseWatch {
  try {
    const found = fromText(text) as HouseWatch & { readonly kind: unknown; readonly version: unknown }
    const { kind, version, domain, identity, state, epochs, told, held, known, permit } = found
    const lists = [state.books, state.receipts, epochs, told, held, known]
    if (kind !== KIND || version !== VERSION || !lists.every(Array.isArray) || typeof domain.chainId !== 'bigint')
      throw notOne()
    return { domain, identity, state, epochs, told, held, known, permit }
  } catch {
    throw notOne()
  }
}
