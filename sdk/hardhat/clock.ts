import { isDevelopment } from '../chain/rpc.ts'
import { TaskUsageError } from './errors.ts'
import type { Scene } from './scene.ts'

/** Mines a block of that chain time on a development chain. Throws {@link TaskUsageError} on any other. */
export async function jumpTo({ provider }: Scene, expiry: bigint): Promise<void> {
  try {
    await provider.send('evm_setNextBlockTimestamp', [Number(expiry)])
    await provider.send('evm_mine', [])
  } catch (cause) {
    throw new TaskUsageError("This network's clock cannot be moved. Leave out --jump and wait.", { cause })
  }
}

/** Mines a block on a development chain: one that mines for transactions alone stands still, and who waits for a block waits for ever. */
export async function mine({ provider, chainId }: Scene): Promise<void> {
  if (isDevelopment(chainId)) await provider.send('evm_mine', [])
}

/** Waits until something is so; false: it was not within that many milliseconds. */
export async function waitUntil(isDone: () => boolean | Promise<boolean>, patience: number): Promise<boolean> {
  const end = performance.now() + patience
  while (!(await isDone())) {
    if (performance.now() > end) return false
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return true
}
