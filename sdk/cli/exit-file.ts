import { z } from 'zod'
import type { Address, Domain } from '../core/types.ts'
import { type ExitLedger, parseExitFile } from '../node/leaving/exit.ts'
import { readText } from './files.ts'

const header = z.object({
  chainId: z.string().regex(/^\d{1,40}$/),
  adjudicator: z.string().regex(/^0x[0-9a-f]{40}$/),
})

/** An exit file with the chain it is for. Throws an ExitFileError or a UsageError. */
export function readExitFile(path: string): { domain: Domain; ledgers: ExitLedger[]; text: string } {
  const text = readText(path, 'file')
  const domain = domainOf(text)
  return { domain, ledgers: parseExitFile(text, domain), text }
}

/** What the file says of itself; anything unreadable is left to the parser to explain. */
function domainOf(text: string): Domain {
  try {
    const { chainId, adjudicator } = header.parse(JSON.parse(text))
    return { chainId: BigInt(chainId), adjudicator: adjudicator as Address }
  } catch {
    return { chainId: 0n, adjudicator: `0x${'00'.repeat(20)}` }
  }
}
