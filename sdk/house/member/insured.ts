import type { InsuredClaim } from '../../chain/house/house-chain.ts'
import type { Account } from '../../clearing/account.ts'
import { insuredOf, standsIn } from '../../clearing/limits.ts'
import { toHex } from '../../core/bytes.ts'
import type { Hex } from '../../core/types.ts'
import type { EpochProof, SignedReceipt } from '../messages.ts'
import type { Desk } from './desk.ts'
import type { ExitEpoch, HouseExit } from './exit-file.ts'
import type { SeenEpoch } from './state.ts'

type Spent = Pick<Account, 'epoch' | 'debits' | 'locked'>

// What the stake insures of the income that no final epoch holds.

/** A proof without limits that do not stand in its epoch: an operator that shows such insures nothing. */
export function withoutFalseLimits({ epoch }: Pick<SeenEpoch, 'epoch'>, id: Hex, proof: EpochProof): EpochProof {
  const isTrue = proof.limits && standsIn(epoch, id, proof.index, proof.limits)
  return isTrue ? proof : { ...proof, limits: undefined }
}

/** Debits and locks of the account that has most of them: any later one than `final` may be shown. */
function spentIn(accounts: readonly Spent[], asset: number, final: bigint): bigint {
  let most = 0n
  for (const { epoch, debits, locked } of accounts) {
    const spent = debits[asset]! + locked[asset]!
    if (epoch > final && spent > most) most = spent
  }
  return most
}

/** What of a member's unsettled money is paid from the stake if the house halts. */
export function insuredIn({ memory }: Desk, asset: number, final: bigint): bigint {
  const { state, epochs } = memory
  const proof = epochs.get(final)?.proof
  const newest = newestAfter(state.receipts, final)
  const line = proof?.leaf.lines[asset]
  const limit = proof?.limits?.amounts[asset]
  if (!line || !limit || !newest) return 0n
  const books = state.books.map(({ book }) => book)
  return insuredOf(line, limit, newest.receipt.credits[asset]!, spentIn(books, asset, final))
}

/** What to claim of the stake after a halt, with the last final epoch; undefined: nothing is owed. */
export function insuredClaim({ receipts, accounts }: HouseExit, last: ExitEpoch): InsuredClaim | undefined {
  const { epoch, proof, limits } = last
  const newest = newestAfter(receipts, epoch.number)
  if (!limits || !newest) return undefined
  const { receipt, signature } = newest
  const isOwed = proof.leaf.lines.some((line, asset) => {
    const spent = spentIn(accounts, asset, epoch.number)
    return insuredOf(line, limits.amounts[asset]!, receipt.credits[asset]!, spent) > 0n
  })
  return isOwed ? { epoch, proof, limits, receipt, signature: toHex(signature) } : undefined
}

const newestAfter = (receipts: readonly SignedReceipt[], final: bigint): SignedReceipt | undefined =>
  receipts
    .filter(({ receipt }) => receipt.epoch > final)
    .reduce<SignedReceipt | undefined>(
      (best, one) => (best && best.receipt.seq > one.receipt.seq ? best : one),
      undefined,
    )
