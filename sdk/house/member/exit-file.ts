import { type Account, type HouseLock, type LockReceipt, lockHash } from '../../clearing/account.ts'
import type { Book } from '../../clearing/book.ts'
import { type Statuses, statusesTree } from '../../clearing/closing.ts'
import type { Proof } from '../../clearing/dispute.ts'
import { type Epoch, leafRow } from '../../clearing/epoch.ts'
import type { Limits } from '../../clearing/limits.ts'
import type { Posting } from '../../clearing/posting.ts'
import { climbTally, tallyHash, tallyPath } from '../../clearing/tally.ts'
import { toHex } from '../../core/bytes.ts'
import { TallystickError } from '../../core/errors.ts'
import type { Address, Domain, Hex, Member } from '../../core/types.ts'
import type { SignedReceipt } from '../messages.ts'
import { fromText, toText } from './plain.ts'
import { isStanding, type Stand } from './stand.ts'

/** A file that is no exit file of a house, or of another house. */
export class HouseExitFileError extends TallystickError {
  readonly code: 'NOT_A_HOUSE_EXIT_FILE' | 'EXIT_FILE_OF_ANOTHER_HOUSE' | 'HOUSE_EXIT_FILE_TOO_OLD'

  constructor(code: HouseExitFileError['code'], fact: string) {
    super(fact)
    this.code = code
  }
}

/** A member's leaf in one epoch, with all that takes it out of the house. */
export interface ExitEpoch {
  readonly epoch: Epoch
  readonly proof: Proof
  /** Its locks and what had become of them at the cut, by position. */
  readonly locks: Book['locks']
  readonly statuses: Statuses
  /** What the stake insures beyond this epoch; undefined: nothing. */
  readonly limits?: Limits | undefined
}

/** All that a member needs to leave a house that has halted: no operator, no store. It holds no key. */
export interface HouseExit {
  readonly domain: Domain
  readonly identity: Member
  /** Who the payees of its locks are, where that is known: a lock pays to an owner. */
  readonly payees: readonly Member[]
  /** From the last final one on, and older ones of which something has left and was not collected. */
  readonly epochs: readonly ExitEpoch[]
  /** Its deposits and requests. */
  readonly postings: readonly Posting[]
  /** The newest of each epoch that is not final, and its accounts there: for what the stake insures. */
  readonly receipts: readonly SignedReceipt[]
  readonly accounts: readonly Account[]
  /** Locks in its favour, as they stood in the last final epoch and in later ones. */
  readonly incoming: readonly IncomingLock[]
}

/** A lock that somebody else made for the member. */
export interface IncomingLock extends Stand {
  readonly payer: Member
  readonly lock: HouseLock
  readonly receipt: LockReceipt
}

const KIND = 'tallystick house exit'
const VERSION = 1

export const formatHouseExit = (exit: HouseExit): string => `${toText({ kind: KIND, version: VERSION, ...exit }, 1)}\n`

/**
 * Reads an exit file and checks that each leaf stands in its epoch.
 * Throws {@link HouseExitFileError}.
 */
export function parseHouseExit(text: string): HouseExit {
  const exit = read(text)
  try {
    for (const { epoch, proof } of exit.epochs) {
      const top = climbTally(leafRow(proof.leaf), proof.index, proof.path)
      if (!top || toHex(tallyHash(top)) !== toHex(tallyHash(epoch.members))) throw notOne()
    }
    if (!exit.incoming.every((one) => isStanding(one, one))) throw notOne()
  } catch (cause) {
    throw cause instanceof HouseExitFileError ? cause : notOne()
  }
  return exit
}

const notOne = () =>
  new HouseExitFileError(
    'NOT_A_HOUSE_EXIT_FILE',
    'This is no exit file of a house, or a damaged one. Pass the text that exitFile() gave.',
  )

function read(text: string): HouseExit {
  try {
    const found = fromText(text) as HouseExit & { readonly kind: unknown; readonly version: unknown }
    const isOne = found.kind === KIND && found.version === VERSION
    if (!isOne || !Array.isArray(found.epochs) || !Array.isArray(found.postings)) throw notOne()
    const { domain, identity, payees, epochs, postings, receipts = [], accounts = [], incoming = [] } = found
    return { domain, identity, payees, epochs, postings, receipts, accounts, incoming }
  } catch {
    throw notOne()
  }
}

/** The path of a lock in its leaf's statuses. */
export const statusPathOf = ({ locks, statuses, epoch }: ExitEpoch, position: number): Hex[] =>
  tallyPath(statusesTree(locks, statuses, epoch.left.length), position)

/** Locks that were undecided in this epoch. */
export const liveIn = ({ locks, statuses }: ExitEpoch) =>
  locks.flatMap((lock, position) =>
    lock && (statuses[position]?.live ?? 0n) > 0n ? [{ lock, position, id: toHex(lockHash(lock)) }] : [],
  )

export const sameHouse = (a: Domain, b: { readonly chainId: bigint; readonly adjudicator: Address }): boolean =>
  a.chainId === b.chainId && a.adjudicator === b.adjudicator
