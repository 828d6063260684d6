import { z } from 'zod'
import type { Address, Hex } from '../core/types.ts'
import type { Store } from '../storage/store.ts'
import type { ChainReceipt } from './chain.ts'

const integer = z.string().regex(/^\d+$/).transform(BigInt)
const hex = z.custom<Hex>((value) => typeof value === 'string' && /^0x[0-9a-f]*$/.test(value))
const fees = z.union([
  z.object({ maxFeePerGas: integer, maxPriorityFeePerGas: integer }),
  z.object({ gasPrice: integer }),
])
const head = z.object({ number: z.number(), hash: hex, timestamp: integer })

const attempt = z.object({ hash: hex, raw: hex.optional(), fees, block: z.number() })
const entry = z.object({
  intent: z.string(),
  account: hex,
  nonce: z.number(),
  request: z.object({
    functionName: z.string(),
    to: hex,
    data: hex,
    value: integer,
    gasLimit: integer,
    room: integer.optional(),
  }),
  before: integer.optional(),
  since: integer,
  block: z.number(),
  attempts: z.array(attempt),
})
const receipt = z.object({ transaction: hex, block: head, gasUsed: integer })
const done = z.object({ entry, receipt })

/** One signed form of a transaction; `raw` is missing where a wallet keeps it to itself. */
export type Attempt = Readonly<z.infer<typeof attempt>>

/**
 * A transaction that may be under way: all its attempts share one nonce, so at most one of them is ever mined.
 * `since` and `block` say when it was first sent.
 */
export interface Entry extends Omit<z.infer<typeof entry>, 'attempts' | 'account'> {
  readonly account: Address
  readonly attempts: readonly Attempt[]
}

/** A fulfilled intent. */
export interface Done {
  readonly entry: Entry
  readonly receipt: ChainReceipt
}

/** Which transactions this store's node sent: written before they leave, so that a crash never sends one twice. */
export class Journal {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  /** Entries of `account` that were not final when last written, by nonce. */
  async open(account: Address): Promise<Entry[]> {
    const found: Entry[] = []
    for await (const [, value] of this.#store.list(`chain/open/${account}/`)) found.push(entry.parse(parse(value)))
    return found.sort((a, b) => a.nonce - b.nonce)
  }

  /** What fulfilled an intent for good, by any account. */
  async done(intent: string): Promise<Done | undefined> {
    const value = await this.#store.get(doneKey(intent))
    return value && done.parse(parse(value))
  }

  write(value: Entry): Promise<void> {
    return this.#store.commit([{ key: openKey(value), value: bytes(value) }])
  }

  /** Final: the intent is fulfilled. The entry is kept, in case a reorganisation reaches deeper than anybody thought. */
  finish(entry: Entry, receipt: ChainReceipt): Promise<void> {
    return this.#store.commit([
      { key: openKey(entry), value: null },
      { key: doneKey(entry.intent), value: bytes({ entry, receipt }) },
    ])
  }

  /** It was final and is not in the chain any more. */
  reopen(value: Entry): Promise<void> {
    return this.#store.commit([
      { key: openKey(value), value: bytes(value) },
      { key: doneKey(value.intent), value: null },
    ])
  }

  /** It had and will have no effect: the intent may be sent anew. */
  drop(value: Entry): Promise<void> {
    return this.#store.commit([{ key: openKey(value), value: null }])
  }
}

const doneKey = (intent: string): string => `chain/done/${intent}`
const openKey = ({ account, intent }: Entry): string => `chain/open/${account}/${intent}`

const parse = (value: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(value))
const bytes = (value: unknown): Uint8Array =>
  new TextEncoder().encode(JSON.stringify(value, (_, field) => (typeof field === 'bigint' ? field.toString() : field)))
