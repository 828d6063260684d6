import type { EthersHouse } from '../chain/house/ethers-house.ts'
import type { SharedHouse } from '../chain/house/shared.ts'
import { memberId } from '../clearing/account.ts'
import type { Hex } from '../core/types.ts'
import { parseHouseWatch } from '../house/member/watch-file.ts'
import type { HouseTower, HouseTowerEvent } from '../house/tower/tower.ts'
import { type WatchHouseOptions, watchHouse } from '../house/tower/watch-house.ts'

export interface HouseTowersParts {
  readonly chain: EthersHouse
  readonly shared: SharedHouse
  /** Where all of them remember, and how they ask the operator. */
  readonly options: Pick<WatchHouseOptions, 'store' | 'operator' | 'transports'>
  readonly tell: (member: Hex, event: HouseTowerEvent) => void
}

/** A tower for each member that a file was taken of, all of them on one connection to the house. */
export class HouseTowers {
  readonly #parts: HouseTowersParts
  readonly #towers = new Map<Hex, HouseTower>()

  constructor(parts: HouseTowersParts) {
    this.#parts = parts
  }

  /** Who is watched. */
  get all(): readonly HouseTower[] {
    return [...this.#towers.values()]
  }

  of(member: Hex): HouseTower | undefined {
    return this.#towers.get(member)
  }

  /** Watches for the member of this file, or takes what is newer in it. Throws HouseWatchError. */
  async take(text: string): Promise<HouseTower> {
    const { domain, terms } = this.#parts.chain
    const member = memberId(parseHouseWatch(text, domain, terms.operator).identity)
    const known = this.#towers.get(member)
    await known?.renew(text)
    const tower = known ?? (await this.#begin(member, text))
    this.#towers.set(member, tower)
    return tower
  }

  /** After the connection: what still waits for the chain ends with it. */
  async stop(): Promise<void> {
    await Promise.all(this.all.map((tower) => tower.stop()))
  }

  async #begin(member: Hex, text: string): Promise<HouseTower> {
    const { shared, options, tell } = this.#parts
    const port = shared.port()
    try {
      return await watchHouse(text, port, { ...options, onEvent: (event) => tell(member, event) })
    } catch (error) {
      // Half a tower would hear of the chain for ever.
      await port.stop()
      throw error
    }
  }
}
