import { z } from 'zod'
import type { Address, ChannelId, Hex } from '../../sdk/core/types.ts'

// What the main job and its actors say to each other over `child_process`'s own channel. It carries bigints and bytes as
// they are (`serialization: 'advanced'`); both ends parse what they hear.

const address = z.custom<Address>((value) => /^0x[0-9a-f]{40}$/.test(String(value)))
const channelId = z.custom<ChannelId>((value) => /^0x[0-9a-f]{64}$/.test(String(value)))
const key = z.custom<Hex>((value) => /^0x[0-9a-f]{64}$/.test(String(value)))
const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array)
const amount = z.bigint().positive()
const count = z.int().nonnegative()
const ledger = { channelId, asset: address }

/** How a watchtower is reached. */
export const TowerSpec = z.object({ tower: address, address: z.string() })
export type TowerSpec = z.infer<typeof TowerSpec>

/** A way that the job prescribes. */
const route = z.object({ channelId, hops: z.array(z.object({ onionKey: key, channelId, fee: z.bigint() })) })

/** What an actor can be told to do, and what it answers. */
export const ORDERS = {
  /** Opens the store and starts the node, which answers disputes before it listens. */
  start: {
    order: z.object({
      file: z.string(),
      rpc: z.string(),
      adjudicator: address,
      seed: bytes,
      ownerKey: key,
      listen: z.string(),
      towers: z.array(TowerSpec),
      /** Millionths that it keeps of what it carries for others. */
      feePpm: z.bigint(),
    }),
    answer: z.object({ owner: address, signer: address, onionKey: key, listening: z.string() }),
  },
  /** Lets the adjudicator take any amount of a token, as a wallet that deposits often would. */
  approve: { order: z.object({ token: address }), answer: z.object({}) },
  open: {
    order: z.object({ peer: z.string(), assets: z.array(address), period: count }),
    answer: z.object({ channelId }),
  },
  deposit: { order: z.object({ ...ledger, amount }), answer: z.object({}) },
  /** Makes payments `from` to `to - 1` of a stream; each exactly once, however often it is asked for. */
  pay: {
    order: z.object({ ...ledger, stream: count, from: count, to: count }),
    answer: z.object({}),
  },
  payOnce: { order: z.object({ ...ledger, amount }), answer: z.object({}) },
  invoice: { order: z.object({ amount }), answer: z.object({ text: z.string(), key }) },
  payInvoice: {
    order: z.object({ text: z.string(), seconds: z.bigint(), route: route.optional() }),
    answer: z.object({ fee: z.bigint(), parts: count }),
  },
  /** Waits until ways are found to pay this: those who were away are back. */
  findWays: { order: z.object({ text: z.string() }), answer: z.object({}) },
  /** Waits until money is locked for this key. */
  promised: { order: z.object({ channelId, key }), answer: z.object({}) },
  /** Waits until the peers of all channels are connected. */
  met: { order: z.object({}), answer: z.object({}) },
  /** Waits until so many channels were told of. */
  heard: { order: z.object({ channels: count }), answer: z.object({}) },
  /** Waits until all towers hold the newest of every ledger. */
  guarded: { order: z.object({}), answer: z.object({}) },
  /** Stops the node as soon as it has locked money for somebody else's payment: it pays nobody any more. */
  betray: { order: z.object({}), answer: z.object({}) },
  /** Waits until the secret of this key stands on the chain. */
  recorded: { order: z.object({ key }), answer: z.object({}) },
  dispute: { order: z.object(ledger), answer: z.object({}) },
  withdraw: { order: z.object({ ...ledger, amount }), answer: z.object({}) },
  close: { order: z.object({ channelId }), answer: z.object({}) },
  /** What the store lists, added up by ledger and direction. */
  list: {
    order: z.object({}),
    answer: z.object({
      totals: z.array(z.object({ ...ledger, direction: z.enum(['in', 'out']), count, total: z.bigint() })),
    }),
  },
  /** Waits until the generation of this ledger is over. */
  settled: { order: z.object(ledger), answer: z.object({}) },
  /** A cheat puts the state aside that the peer has signed last. */
  keep: { order: z.object(ledger), answer: z.object({ version: z.bigint() }) },
  /** Stops the honest node and shows the chain what was put aside. */
  cheat: { order: z.object(ledger), answer: z.object({}) },
  stop: { order: z.object({}), answer: z.object({}) },
} as const

export type OrderName = keyof typeof ORDERS
export type Order<K extends OrderName> = z.infer<(typeof ORDERS)[K]['order']>
export type Answer<K extends OrderName> = z.infer<(typeof ORDERS)[K]['answer']>

/** From the job to an actor. */
export const Request = z.object({
  id: count,
  name: z.enum(Object.keys(ORDERS) as [OrderName, ...OrderName[]]),
  order: z.unknown(),
})

/** From an actor to the job. */
export const Report = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('done'), id: count, answer: z.unknown() }),
  z.object({ kind: z.literal('failed'), id: count, code: z.string(), message: z.string() }),
  /** So many payments of a stream are acknowledged, all before the first that is not. */
  z.object({ kind: z.literal('progress'), stream: count, done: count }),
  z.object({ kind: z.literal('alarm'), code: z.string(), message: z.string() }),
])
export type Report = z.infer<typeof Report>
