import { z } from 'zod'
import type { Hex } from '../core/types.ts'
import type { Insurance } from '../house/operator/insuring.ts'
import { readText, UsageError } from './files.ts'

const amounts = z.array(
  z
    .string()
    .regex(/^\d{1,39}$/, 'is not a whole number in quotes')
    .transform(BigInt),
)
const file = z.strictObject({
  each: amounts.optional(),
  members: z.record(z.string().regex(/^0x[0-9a-f]{64}$/, "is no member's id"), amounts).optional(),
})

/** What the stake insures, from a file of JSON: `{ "each": ["1000"], "members": { "0x…": ["5000"] } }`. Throws {@link UsageError}. */
export function readLimits(path: string): Insurance {
  const text = readText(path, 'limits')
  try {
    const { each, members } = file.parse(JSON.parse(text))
    const named = members && new Map(Object.entries(members) as [Hex, bigint[]][])
    return { ...(each && { each }), ...(named && { members: named }) }
  } catch (cause) {
    throw new UsageError(
      `The file ${path} holds no limits. Write {"each": ["1000"], "members": {"0x…": ["5000"]}}, an amount per asset. Check --limits.`,
      { cause },
    )
  }
}
