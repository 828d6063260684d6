import type { Result, TransactionDescription } from 'ethers'
import type { Proof } from '../../clearing/dispute.ts'
import type { Line } from '../../clearing/epoch.ts'
import type { Tally } from '../../clearing/tally.ts'
import type { Hex } from '../../core/types.ts'
import { courtAbi } from './abi.ts'

/** A leaf that an answer showed to the court, with the top of its statuses. */
export interface ShownLeaf extends Proof {
  readonly statuses: Tally
}

/** Where `answerLeaf` has them. */
const PROOFS = 4
const STATUSES = 7

/** What a call of the court shows; undefined: no leaf. Nothing in it is checked. */
export function shownLeafIn(data: string): ShownLeaf | undefined {
  const call = parsed(data)
  if (call?.name !== 'answerLeaf') return undefined
  const { index, leaf, path } = call.args[PROOFS][1] as Result
  const { member, seq, locks, statuses, payments, income, lines } = leaf as Result
  const { depth, node, sums } = call.args[STATUSES] as Result
  return {
    index: Number(index),
    leaf: { member, seq, locks, statuses, payments, income, lines: [...lines].map(lineOf) },
    path: [...path] as Hex[],
    statuses: { depth: Number(depth), node, sums: [...sums] },
  }
}

const lineOf = (line: Result): Line => line.toObject() as Line

function parsed(data: string): TransactionDescription | null {
  try {
    return courtAbi.parseTransaction({ data })
  } catch {
    // Whatever it is, it was no answer that the court took.
    return null
  }
}
