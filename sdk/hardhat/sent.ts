import type { ChainReceipt } from '../chain/chain.ts'

/** A transaction of a task; without receipt and error it is under way. */
export interface Sent {
  readonly functionName: string
  receipt?: ChainReceipt
  error?: unknown
}

/** Notes what is sent. */
export function recorder() {
  const sent: Sent[] = []
  const record = async (functionName: string, sending: Promise<ChainReceipt>): Promise<ChainReceipt> => {
    const entry: Sent = { functionName }
    sent.push(entry)
    try {
      entry.receipt = await sending
      return entry.receipt
    } catch (error) {
      entry.error = error
      throw error
    }
  }
  return { sent, record }
}

/** Prints what was mined; what was asked for twice is one transaction. */
export function printSent(sent: readonly Sent[]): void {
  const mined = new Map(sent.flatMap((one) => (one.receipt ? [[one.receipt.transaction, one] as const] : [])))
  for (const [transaction, { functionName, receipt }] of mined)
    console.log(`  ${functionName}: ${transaction}, ${receipt!.gasUsed.toLocaleString('en')} gas`)
}
