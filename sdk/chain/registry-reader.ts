import type { Outcome } from '../core/outcome.ts'
import type { Address, Hex } from '../core/types.ts'
import { registryAbi } from './abi.ts'
import { ask } from './ask.ts'
import { LogReader } from './logs.ts'
import type { Rpc } from './rpc.ts'

const KEYS_AT_ONCE = 256

/** Reads what the registry holds: outcomes as of a block, secrets from its events. */
export class RegistryReader {
  readonly #rpc: Rpc
  readonly #registry: Address
  readonly #firstBlock: number
  readonly #logs: LogReader

  constructor(rpc: Rpc, registry: Address, firstBlock: number) {
    this.#rpc = rpc
    this.#registry = registry
    this.#firstBlock = firstBlock
    this.#logs = new LogReader(rpc, registry)
  }

  /** The outcomes under these keys; `recordedAt` 0n means none. */
  async outcomes(keys: readonly Hex[], block: number): Promise<Outcome[]> {
    const found: Outcome[] = []
    for (let from = 0; from < keys.length; from += KEYS_AT_ONCE) {
      const some = keys.slice(from, from + KEYS_AT_ONCE)
      const [packed] = await ask(this.#rpc, this.#registry, registryAbi, 'outcomes', [some], block)
      for (const one of packed as bigint[]) found.push({ value: BigInt.asUintN(64, one), recordedAt: one >> 64n })
    }
    return found
  }

  /** The secret of 32 bytes that was revealed under a key up to a block; undefined: none was. */
  async secretOf(key: Hex, block: number): Promise<Hex | undefined> {
    const topics = [registryAbi.getEvent('Revealed')!.topicHash as Hex, key]
    const log = await this.#logs.findLast(topics, this.#firstBlock, block, () => true)
    return log && (registryAbi.parseLog(log)!.args.secret as Hex)
  }
}
