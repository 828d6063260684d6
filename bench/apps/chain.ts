import type { AppChain } from '../../sdk/chain/apps/app-chain.ts'
import type { Chain } from '../../sdk/chain/chain.ts'
import type { Address } from '../../sdk/core/types.ts'
import { funded } from '../funded-chain.ts'

const ARBITER: Address = `0x${'a7'.repeat(20)}`

/** A chain on which everything is funded and nobody ever disputes: while players agree, the arbiter has no part in a game. */
export function playable(sender: Address): Chain {
  const chain = funded(sender)
  const nothing = (): never => {
    throw new Error('Nothing is sent to the arbiter while games are measured.')
  }
  const apps: AppChain = {
    domain: { ...chain.domain, adjudicator: ARBITER },
    source: { chainId: chain.domain.chainId, condition: ARBITER },
    watch: () => () => {},
    status: async () => ({ standing: undefined, values: undefined, recordedAt: 0n }),
    isDeployed: async () => false,
    deploy: nothing,
    submit: nothing,
    move: nothing,
    conclude: nothing,
    agree: nothing,
  }
  return { ...chain, apps, outcomes: async (keys) => keys.map(() => ({ value: 0n, recordedAt: 0n })) }
}
