import type { HouseChain } from '../../chain/house/house-chain.ts'
import { receiptHash } from '../../clearing/account.ts'
import type { Statement } from '../../clearing/dispute.ts'
import { typedDigest } from '../../core/eip712.ts'
import type { Address, Domain, Hex, Member } from '../../core/types.ts'
import { verifyEnvelope } from '../../signing/signature.ts'
import type { SessionSigner } from '../../signing/signer.ts'
import type { SignedReceipt } from '../messages.ts'
import type { MemberEvent } from './events.ts'
import type { OperatorLink } from './link.ts'
import type { Memory } from './memory.ts'

/** What every part of a member works with. */
export interface Desk {
  readonly chain: HouseChain
  readonly domain: Domain
  readonly signer: SessionSigner
  readonly identity: Member
  /** {@link Member} hashed. */
  readonly id: Hex
  /** Who signs for the house. */
  readonly operator: Address
  readonly assets: number
  readonly memory: Memory
  readonly link: OperatorLink
  readonly tell: (event: MemberEvent) => void
  /** Something went wrong for good: nothing is signed any more. */
  readonly fault: (why: string) => void
  /** The same, with two statements of the operator that show it. */
  readonly convict: (why: string, one: Statement, other: Statement) => void
}

export const NONE: Hex = `0x${'00'.repeat(32)}`

/** Whether the operator signed this struct. */
export const isOperators = ({ domain, operator }: Desk, structHash: Uint8Array, signature: Uint8Array): boolean =>
  verifyEnvelope(domain, typedDigest(domain, structHash), signature, operator)

export const isSignedReceipt = (desk: Desk, { receipt, signature }: SignedReceipt): boolean =>
  receipt.member === desk.id && isOperators(desk, receiptHash(receipt), signature)

/**
 * Whether an epoch can be open by now: while one is being committed the next one is. What is labelled later is no evidence before that
 * epoch comes, and it may never come.
 */
export async function canBeOpen({ chain }: Desk, epoch: bigint): Promise<boolean> {
  const { lastCommitted } = (await chain.state()).latest
  // The operator may have seen a commit a moment earlier.
  return epoch <= lastCommitted + 2n || (await chain.epochStatus(epoch - 2n)) !== undefined
}

/** What of the deposits and requests of a member stands up to a posting; all if there is none. */
export function standingAt(
  { memory, assets }: Pick<Desk, 'memory' | 'assets'>,
  cut?: bigint,
): { deposited: bigint[]; requested: bigint[] } {
  const standing = { deposited: zeros(assets), requested: zeros(assets) }
  const sorted = [...memory.postings.values()].sort((a, b) => (a.number < b.number ? -1 : 1))
  for (const { number, asset, deposited, requested } of sorted) {
    if (cut !== undefined && number > cut) break
    standing.deposited[asset] = deposited
    standing.requested[asset] = requested
  }
  return standing
}

/** What has left in checked epochs. */
export function withdrawnBefore({ memory, assets }: Desk, before?: bigint): readonly bigint[] {
  const seen = [...memory.epochs.values()].filter(
    ({ epoch, proof }) => proof && (before === undefined || epoch.number < before),
  )
  const last = seen.reduce<(typeof seen)[number] | undefined>(
    (best, one) => (best && best.epoch.number > one.epoch.number ? best : one),
    undefined,
  )
  return last?.proof?.leaf.lines.map(({ withdrawn }) => withdrawn) ?? zeros(assets)
}

export const zeros = (assets: number): bigint[] => new Array<bigint>(assets).fill(0n)
