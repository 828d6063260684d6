import type { HouseChain } from '../../chain/house/house-chain.ts'
import { memberId } from '../../clearing/account.ts'
import type { Address } from '../../core/types.ts'
import type { Store } from '../../storage/store.ts'
import type { Transport } from '../../transport/transport.ts'
import { transportFor } from '../member/join.ts'
import { LinkLostError } from '../member/link.ts'
import { Memory } from '../member/memory.ts'
import { parseHouseWatch } from '../member/watch-file.ts'
import { Looking } from './looking.ts'
import { HouseTower, type HouseTowerEvent } from './tower.ts'

/** What a tower of a house is made of, besides a watch file and a connection to the house. */
export interface WatchHouseOptions {
  /** What it remembers: one of its own, or one that it shares with towers of other members. */
  readonly store: Store
  /**
   * Where the operator is, such as `wss://…`. Without it, or if the file lets nobody look, every epoch is demanded before the court, and each
   * answer costs its gas.
   */
  readonly operator?: string
  /** With the key that the member named in `exportWatch`. */
  readonly transports?: readonly Transport[]
  /** The operator's key on that connection; default: the one that signs for the house. */
  readonly peer?: Address
  readonly onEvent?: (event: HouseTowerEvent) => void
}

/**
 * Watches a house for one member that is away, by its watch file: checks its leaf in every epoch and demands it where it is wrong or not shown
 * by half of the window. `chain`: not started yet; its sender pays gas and bonds, and what waits for the member goes to nobody else.
 * Throws `HouseWatchError` for a file that is none of this house.
 *
 * @example
 * ```ts
 * const chain = await connectHouse({ rpc, store: await openSqlite('chain.sqlite'), house, signer: towersWallet })
 * const tower = await watchHouse(text, chain, { store: await openSqlite('tower.sqlite'), operator: 'wss://house.example', transports })
 * ```
 */
export async function watchHouse(text: string, chain: HouseChain, options: WatchHouseOptions): Promise<HouseTower> {
  const { domain, terms } = chain
  const watch = parseHouseWatch(text, domain, terms.operator)
  const id = memberId(watch.identity)
  const assets = terms.assets.length
  const { memory, isNew } = await Memory.open(options.store, domain.adjudicator, id, assets)
  const tell = teller(options.onEvent)
  // Given for life: it stays where the store has newer accounts than this file.
  let permit = watch.permit?.signature
  const looking = options.operator
    ? new Looking({
        address: options.operator,
        operator: options.peer ?? terms.operator,
        domain,
        transport: transportFor(options.operator, options.transports ?? []),
        member: id,
        permit: () => permit,
        onRefused: (error) => tell({ kind: 'alarm', error }),
      })
    : undefined
  const tower = new HouseTower(
    {
      desk: { chain, memory, id, assets, tell, link: looking ?? NOBODY },
      parse: (newer) => parseHouseWatch(newer, domain, terms.operator),
      onTaken: (newer) => {
        permit = newer.permit?.signature ?? permit
      },
      onStop: () => looking?.stop(),
    },
    watch,
  )
  await tower.start(isNew)
  return tower
}

/** Who is asked where no operator was named. */
const NOBODY = { isUp: false, ask: () => Promise.reject(new LinkLostError()) }

/** A handler that throws stops nothing. */
function teller(onEvent: (event: HouseTowerEvent) => void = () => {}): (event: HouseTowerEvent) => void {
  const tell = (event: HouseTowerEvent): void => {
    try {
      onEvent(event)
    } catch (error) {
      // An alarm about an alarm would not end.
      if (event.kind !== 'alarm') tell({ kind: 'alarm', error: error as Error })
    }
  }
  return tell
}
