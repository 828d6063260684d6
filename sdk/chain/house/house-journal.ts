import { z } from 'zod'
import type { Hex } from '../../core/types.ts'
import type { Store, Write } from '../../storage/store.ts'
import type { Inbox, Standing } from './inbox.ts'

const integer = z.string().regex(/^\d+$/).transform(BigInt)
const hex = z.custom<Hex>((value) => typeof value === 'string' && /^0x[0-9a-f]*$/.test(value))
const cursor = z.object({
  next: z.number(),
  hash: hex,
  /** The last one that was told as committed. */
  epoch: integer,
  inbox: z.object({ number: integer, hash: hex, totals: z.array(integer).readonly() }),
})
const standing = z.array(z.tuple([integer, integer]))

/** Up to where everything was told: the next block, the hash of the block before it, and what the postings had come to. */
export type Cursor = Readonly<z.infer<typeof cursor>>

const CURSOR = 'house/cursor'
const standingKey = (member: Hex): string => `house/standing/${member}`

/** Remembers how far a house was followed, so that a restart reads only what is new. */
export class HouseJournal {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  async cursor(): Promise<Cursor | undefined> {
    const value = await this.#store.get(CURSOR)
    return value && cursor.parse(parse(value))
  }

  async standing(member: Hex): Promise<Standing | undefined> {
    const value = await this.#store.get(standingKey(member))
    return value && standing.parse(parse(value))
  }

  /** Together, so that no crash parts them. */
  save(cursor: Cursor, { changed }: Inbox): Promise<void> {
    const writes = [...changed].map(([member, value]): Write => ({ key: standingKey(member), value: bytes(value) }))
    return this.#store.commit([...writes, { key: CURSOR, value: bytes(cursor) }])
  }

  /** Everything is to be read anew. */
  async clear(): Promise<void> {
    const writes: Write[] = [{ key: CURSOR, value: null }]
    for await (const [key] of this.#store.list('house/standing/')) writes.push({ key, value: null })
    await this.#store.commit(writes)
  }
}

const parse = (value: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(value))
const bytes = (value: unknown): Uint8Array =>
  new TextEncoder().encode(JSON.stringify(value, (_, field) => (typeof field === 'bigint' ? field.toString() : field)))
