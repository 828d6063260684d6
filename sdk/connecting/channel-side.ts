import { randomBytes } from '@noble/hashes/utils.js'
import { toBytes, toHex } from '../core/bytes.ts'
import { type OutcomeSource, secretKey } from '../core/outcome.ts'
import { type Address, type ChannelId, COIN, type Hex } from '../core/types.ts'
import type { Node } from '../node/node.ts'
import type { LockedTransfer } from '../node/payments/transfers.ts'
import type { Arrived, Inlet, LockTerms, Outlet } from './side.ts'

/**
 * Locks towards the channel's peer, and pays when it shows the secret, after `shown` is done with it. Resolves when the peer has
 * acknowledged the lock.
 */
export async function lockForSecret(
  node: Node,
  registry: OutcomeSource,
  {
    channelId,
    key,
    amount,
    deadline,
    asset = COIN,
  }: LockTerms & { readonly channelId: ChannelId; readonly asset?: Address },
  shown: (secret: Hex) => Promise<void> = async () => {},
): Promise<void> {
  const id = toHex(randomBytes(16))
  // Before it is locked: the peer may ask in the same moment in which it hears of it.
  const forget = node.on('asked', (ask) => {
    if (ask.id !== id || ask.resolution.kind !== 'unlock' || ask.proof.length !== 32) return
    if (secretKey(registry, ask.proof) !== key) return
    forget()
    // What the peer is paid for must be kept first. If something fails, the registry judges: the peer can record the secret.
    void shown(toHex(ask.proof))
      .then(() => node.unlock(channelId, id, { asset }))
      .catch(() => {})
  })
  await node.lock(channelId, { id, key, amount, deadline, asset }).catch((error) => {
    forget()
    throw error
  })
}

/** Locks that the channel's peer makes. */
export const fromChannel = (node: Node, channelId: ChannelId, asset: Address = COIN): Inlet => ({
  onLock(handler) {
    const hear = (lock: LockedTransfer) => {
      const arrived = lock.channelId === channelId && lock.asset === asset ? arrivedIn(node, lock) : undefined
      if (arrived) handler(arrived)
    }
    for (const lock of node.transfers(channelId, asset)) hear(lock)
    return node.on('locked', hear)
  },
})

/** Only a lock that pays this node alone, by one key, and else goes back, is one of these. */
function arrivedIn(node: Node, { channelId, asset, direction, id, transfer }: LockedTransfer): Arrived | undefined {
  const { amount, deadline, refundTo, legs } = transfer
  const [leg] = legs
  if (direction !== 'in' || legs.length !== 1 || leg!.to === refundTo) return undefined
  return {
    amount,
    key: leg!.key,
    deadline,
    asset,
    // It stands in a state that the peer signed and that the chain would pay.
    sure: async () => {},
    claim: async (secret) => node.askUnlock(channelId, id, { asset, proof: toBytes(secret, 32) }),
    giveBack: async () => node.askCancel(channelId, id, { asset }),
  }
}

/** Locks towards the channel's peer, who is paid as soon as it shows the secret. */
export const intoChannel = (
  node: Node,
  registry: OutcomeSource,
  channelId: ChannelId,
  asset: Address = COIN,
): Outlet => ({
  asset,
  lock: (terms, shown) => lockForSecret(node, registry, { ...terms, channelId, asset }, shown),
})
