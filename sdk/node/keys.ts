import { ledgerName } from '../core/channel.ts'
import type { Address, ChannelId, Hex, LedgerRef } from '../core/types.ts'

// The keys of a node's store.
//
//   node                                      what the store belongs to
//   channel/<channelId>                       packed channel, where to dial the peer
//   group/<channelId>                        a channel of more than two, its asset, where to dial its members, and its ledger
//   round/<channelId>/<generation>/<version>  what was signed of a group, and whether it became final
//   ledger/<channelId>/<asset>                number of the ledger, and the ledger
//   history/<number>/<generation>/<lane>/<version>    one update, with any number of payments
//   reserve/<number>/<generation>             a settlement that may have reserved money for transfers
//   reserve/<channelId>/<generation>          the same, of a group
//   part/<id>                                 a part of a multi-hop payment that is not over
//   tag/<tag>                                 a packet that was opened, and until when it is remembered
//   invoice/<id>                              an invoice of this node, its status and secrets
//   sent/<invoice id>                         an invoice that was paid, or is being paid
//   swap/<invoice id>                         what has changed hands so far of a swap of this node that is not over
//   app/<instance id>                         an instance of an app that is not over
//   sale/<digest of the quote>                 money of this node that a peer bought
//   order/<nonce of the quote>                 inbound money that this node bought, until the quote expires
//   disputer/<signer>                         a peer with whom there was a dispute
//   credit/<number>, debt/<number>            fees that are taken from payments in a ledger, by this node or by the peer
//   id/<number>/<payment id>                  version that holds a payment whose id the user chose

export const NODE_KEY = 'node'
export const CHANNELS = 'channel/'
export const LEDGERS = 'ledger/'
export const GROUPS = 'group/'
export const ROUNDS = 'round/'
export const HISTORY = 'history/'
export const IDS = 'id/'
export const RESERVES = 'reserve/'
export const PARTS = 'part/'
export const TAGS = 'tag/'
export const INVOICES = 'invoice/'
export const SENT = 'sent/'
export const SWAPS = 'swap/'
export const APPS = 'app/'

export const SALES = 'sale/'
export const ORDERS = 'order/'
export const DISPUTERS = 'disputer/'
export const CREDITS = 'credit/'
export const DEBTS = 'debt/'

export const saleKey = (id: Hex): string => `${SALES}${id}`
export const orderKey = (nonce: Hex): string => `${ORDERS}${nonce}`
export const disputerKey = (signer: Address): string => `${DISPUTERS}${signer}`
export const partKey = (id: Hex): string => `${PARTS}${id}`
export const tagKey = (tag: Hex): string => `${TAGS}${tag}`
export const invoiceKey = (id: Hex): string => `${INVOICES}${id}`
export const appKey = (id: Hex): string => `${APPS}${id}`
export const swapKey = (id: Hex): string => `${SWAPS}${id}`
export const sentKey = (id: Hex): string => `${SENT}${id}`

export const channelKey = (channelId: ChannelId): string => `${CHANNELS}${channelId}`

export const groupKey = (channelId: ChannelId): string => `${GROUPS}${channelId}`

export const roundsOf = (channelId: ChannelId): string => `${ROUNDS}${channelId}/`

export const roundKey = (channelId: ChannelId, generation: number, version: bigint): string =>
  `${roundsOf(channelId)}${generation.toString(16).padStart(4, '0')}/${version.toString(16).padStart(16, '0')}`

/** The generation in a {@link roundKey}. */
export const generationOf = (key: string): number => Number.parseInt(key.split('/')[2]!, 16)

export const ledgerKey = (ledger: LedgerRef): string => LEDGERS + ledgerName(ledger)

/** The ledger that {@link ledgerKey} names. */
export function parseLedgerKey(key: string): LedgerRef {
  const [channelId, asset] = key.slice(LEDGERS.length).split('/')
  return { channelId: channelId as ChannelId, asset: asset as Address }
}

// Fixed widths, so that the order of keys is the order of versions.
export const ledgerHistory = (number: number): string => `${HISTORY}${number.toString(16).padStart(8, '0')}/`

export const laneHistory = (number: number, generation: number, lane: number): string =>
  `${ledgerHistory(number)}${generation.toString(16).padStart(4, '0')}/${lane}/`

export const historyKey = (number: number, generation: number, lane: number, version: bigint): string =>
  laneHistory(number, generation, lane) + version.toString(16).padStart(16, '0')

/** Generation, lane and version of a {@link historyKey}. */
export function parseHistoryKey(key: string): { generation: number; lane: number; version: bigint } {
  const [, , generation, lane, version] = key.split('/')
  return {
    generation: Number.parseInt(generation!, 16),
    lane: Number(lane),
    version: BigInt(`0x${version}`),
  }
}

export const idKey = (number: number, id: string): string => `${IDS}${number.toString(16).padStart(8, '0')}/${id}`

/** Of a ledger with this number, or of the group that is this channel. */
export const reserveKey = (ledger: number | ChannelId, generation: number): string =>
  `${RESERVES}${typeof ledger === 'number' ? ledger.toString(16).padStart(8, '0') : ledger}/${generation.toString(16).padStart(4, '0')}`

/** The settlement that {@link reserveKey} names. */
export function parseReserveKey(key: string): { ledger: number | ChannelId; generation: number } {
  const [, name, generation] = key.split('/')
  const ledger = name!.startsWith('0x') ? (name as ChannelId) : Number.parseInt(name!, 16)
  return { ledger, generation: Number.parseInt(generation!, 16) }
}
