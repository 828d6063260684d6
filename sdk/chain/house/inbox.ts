import { type Posting, postingHash } from '../../clearing/posting.ts'
import type { Hex } from '../../core/types.ts'
import { RpcFailedError } from '../errors.ts'
import type { PostingLog } from './decode.ts'
import type { Posted } from './house-chain.ts'

/** What a member has deposited and asked for, per asset: pairs in the order of the house's assets. */
export type Standing = readonly (readonly [deposited: bigint, requested: bigint])[]

/** What the next posting commits to. */
export interface InboxHead {
  readonly number: bigint
  readonly hash: Hex
  readonly totals: readonly bigint[]
}

const NONE: Hex = `0x${'00'.repeat(32)}`

/** Puts postings together again: events tell what changed, and each posting commits to all before it. */
export class Inbox {
  head: InboxHead
  /** Of members that posted since the last `clear`. */
  readonly changed = new Map<Hex, Standing>()
  readonly #load: (member: Hex) => Promise<Standing | undefined>

  /** @param load What a member had before, where it is not in `changed`. */
  constructor(assets: number, head: InboxHead | undefined, load: (member: Hex) => Promise<Standing | undefined>) {
    this.head = head ?? { number: 0n, hash: NONE, totals: new Array<bigint>(assets).fill(0n) }
    this.#load = load
  }

  /** Throws {@link RpcFailedError} if one was left out. */
  async take({ number, member, identity, asset, amount, target }: PostingLog): Promise<Posted> {
    const { hash: previous, totals: before, number: last } = this.head
    if (number !== last + 1n) throw new RpcFailedError('eth_getLogs', `posting ${number} came after posting ${last}`)
    const standing = this.changed.get(member) ?? (await this.#load(member)) ?? before.map(() => [0n, 0n] as const)
    const [held, asked] = standing[asset]!
    const [deposited, requested] = [held + amount, target ?? asked]
    const totals = before.with(asset, before[asset]! + amount)
    const posting: Posting = { number, previous, member, asset, amount, deposited, requested, totals }
    this.head = { number, hash: postingHash(posting), totals }
    this.changed.set(member, standing.with(asset, [deposited, requested]))
    return { posting, identity }
  }
}
