import type { Log, LogDescription } from 'ethers'
import { ABOUT, type Demand } from '../../clearing/dispute.ts'
import type { Epoch } from '../../clearing/epoch.ts'
import type { Tally } from '../../clearing/tally.ts'
import type { Address, Hex, Member } from '../../core/types.ts'
import { plain } from '../events.ts'
import { courtAbi, houseAbi, stakeAbi } from './abi.ts'
import type { Demanded } from './house-chain.ts'

/** A posting as its event tells it; `amount` or `target`. */
export interface PostingLog {
  readonly number: bigint
  readonly member: Hex
  readonly identity: Member
  readonly asset: number
  readonly amount: bigint
  readonly target: bigint | undefined
}

/** What a log of a house's contracts says. */
export type Said =
  | { readonly kind: 'posted'; readonly told: PostingLog }
  | { readonly kind: 'committed'; readonly epoch: Epoch }
  | { readonly kind: 'finalized'; readonly number: bigint }
  | ({ readonly kind: 'demanded' } & Demanded)
  | { readonly kind: 'answered'; readonly id: Hex; readonly epoch: bigint }
  | { readonly kind: 'convicted'; readonly by: Address }
  | { readonly kind: 'collected'; readonly epoch: bigint; readonly indices: readonly number[] }
  | { readonly kind: 'insured'; readonly index: number; readonly member: Hex }

type Fields = Record<string, unknown>

/** The first topic of an event of any of the three contracts. */
export const topicsOf = (...names: readonly string[]): Hex[] =>
  names.map((name) => {
    const event = [houseAbi, courtAbi, stakeAbi].map((abi) => abi.getEvent(name)).find((found) => found !== null)
    return event!.topicHash as Hex
  })

const DECODERS: Readonly<Record<string, (args: Fields) => Said>> = {
  Deposited: (args) => ({ kind: 'posted', told: postingLog(args) }),
  Requested: (args) => ({ kind: 'posted', told: postingLog(args) }),
  Committed: ({ epoch }) => ({ kind: 'committed', epoch: epochOf(epoch as Fields) }),
  Finalized: ({ number }) => ({ kind: 'finalized', number: number as bigint }),
  LeafDemanded: ({ id, demand }) => ({ kind: 'demanded', id: id as Hex, demand: leafDemand(demand as Fields) }),
  DebitDemanded: ({ id, demand }) => ({ kind: 'demanded', id: id as Hex, demand: debitDemand(demand as Fields) }),
  Answered: ({ id, epoch }) => ({ kind: 'answered', id: id as Hex, epoch: epoch as bigint }),
  Convicted: ({ by }) => ({ kind: 'convicted', by: by as Address }),
  Collected: ({ epoch, indices }) => ({
    kind: 'collected',
    epoch: epoch as bigint,
    indices: listOf(indices).map(Number),
  }),
  InsuredClaimed: ({ index, member }) => ({ kind: 'insured', index: Number(index), member: member as Hex }),
}

/** Decodes a log of house, court or stake; undefined if the SDK has no use for it. */
export function decodeLog(log: Log): Said | undefined {
  let parsed: LogDescription | null = null
  for (const abi of [houseAbi, courtAbi, stakeAbi]) parsed ??= abi.parseLog(log)
  return parsed ? DECODERS[parsed.name]?.(plain(parsed.args.toObject(true)) as Fields) : undefined
}

const postingLog = ({ number, member, signer, owner, asset, amount = 0n, target }: Fields): PostingLog => ({
  number: number as bigint,
  member: member as Hex,
  identity: { signer: signer as Address, owner: owner as Address },
  asset: Number(asset),
  amount: amount as bigint,
  target: target as bigint | undefined,
})

const tallyOf = ({ depth, sums, ...rest }: Fields): Tally =>
  ({ ...rest, depth: Number(depth), sums: listOf(sums) }) as unknown as Tally

const epochOf = ({ members, left, limits, ...rest }: Fields): Epoch => {
  const tallies = { members: tallyOf(members as Fields), limits: tallyOf(limits as Fields) }
  return { ...rest, ...tallies, left: listOf(left) } as unknown as Epoch
}

const leafDemand = ({ index, credits, deposited, requested, ...rest }: Fields): Demand => {
  const amounts = { credits: listOf(credits), deposited: listOf(deposited), requested: listOf(requested) }
  return { about: 'leaf', ...rest, ...amounts, index: Number(index) } as unknown as Demand
}

/** Per asset: ethers makes an object of a list with one member. */
const listOf = (list: unknown): bigint[] => Object.values(list as Record<string, bigint>)

const debitDemand = ({ about, position, leg, fromIndex, toIndex, ...rest }: Fields): Demand => {
  const numbers = {
    position: Number(position),
    leg: Number(leg),
    fromIndex: Number(fromIndex),
    toIndex: Number(toIndex),
  }
  return { ...rest, ...numbers, about: ABOUT[Number(about)] } as unknown as Demand
}
