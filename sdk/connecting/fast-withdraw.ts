import { randomBytes } from '@noble/hashes/utils.js'
import type { HouseChain } from '../chain/house/house-chain.ts'
import { toBytes, toHex } from '../core/bytes.ts'
import { TallystickError } from '../core/errors.ts'
import { secretKey } from '../core/outcome.ts'
import type { Address, ChannelId, Hex } from '../core/types.ts'
import type { HouseMember, Payee } from '../house/member/member.ts'
import type { Node } from '../node/node.ts'
import type { LockedTransfer } from '../node/payments/transfers.ts'

/** A liquidity provider does not do its part of a fast withdrawal. */
export class FastWithdrawError extends TallystickError {
  readonly code = 'FAST_WITHDRAW_FAILED'
  readonly reason: 'TOO_DEAR' | 'NOT_LOCKED' | 'NOT_PAID'

  constructor(reason: FastWithdrawError['reason'], fact: string) {
    super(fact)
    this.reason = reason
  }
}

export interface FastWithdrawOptions {
  readonly amount: bigint
  readonly asset: Address
  /** A channel with the liquidity provider, which has the amount on its side. */
  readonly channelId: ChannelId
  /** Tells the provider the key; it answers whom to lock how much for, in the house. */
  readonly ask: (key: Hex) => Promise<{ readonly to: Payee; readonly price: bigint }>
  /** Most to pay, fee included. */
  readonly most: bigint
  /** Seconds that the money may be locked; default six hours. */
  readonly seconds?: bigint
  /** Milliseconds to wait for each step of the provider; default a minute. */
  readonly patience?: number
}

/**
 * Takes money out of a house without waiting for an epoch: a liquidity provider pays it in a channel, and is paid by the lock in the
 * house, by one secret. Resolves when the owner has it. Throws {@link FastWithdrawError}: the lock in the house comes back at its
 * deadline, or the channel is in dispute and pays.
 */
export async function fastWithdraw(
  { house, node, chain }: { readonly house: HouseMember; readonly node: Node; readonly chain: HouseChain },
  options: FastWithdrawOptions,
): Promise<void> {
  const { amount, asset, channelId, ask, most, seconds = 21_600n, patience = 60_000 } = options
  const secret = toHex(randomBytes(32))
  const registry = { chainId: chain.domain.chainId, condition: chain.terms.registry }
  const key = secretKey(registry, toBytes(secret))
  const { to, price } = await ask(key)
  if (price > most)
    throw new FastWithdrawError('TOO_DEAR', `The provider wants ${price}, more than ${most}. Ask another, or pay more.`)
  const deadline = (await chain.state()).latest.head.timestamp + seconds
  const isMine = ({ direction, transfer, ...lock }: LockedTransfer) =>
    direction === 'in' &&
    lock.channelId === channelId &&
    lock.asset === asset &&
    transfer.amount >= amount &&
    transfer.deadline >= deadline &&
    transfer.legs.length === 1 &&
    transfer.legs[0]!.key === key &&
    transfer.legs[0]!.to !== transfer.refundTo
  const locked = heard<LockedTransfer>((take) => node.on('locked', (lock) => isMine(lock) && take(lock)), patience)
  await house.lock(to, price, { key, deadline, asset })
  const lock = await locked
  if (!lock)
    throw new FastWithdrawError(
      'NOT_LOCKED',
      'The provider locks nothing. The lock in the house comes back at its deadline.',
    )
  const paid = heard<true>((take) => node.on('resolved', ({ id }) => id === lock.id && take(true)), patience)
  node.askUnlock(channelId, lock.id, { asset, proof: toBytes(secret) })
  if (await paid) return node.withdraw(channelId, amount, { asset })
  // The provider has seen the secret: it is recorded while it counts, and the chain pays from the channel.
  await chain.reveal(secret, { intent: `house/reveal/${key}`, before: deadline })
  await node.dispute(channelId, { asset })
  throw new FastWithdrawError(
    'NOT_PAID',
    'The provider does not pay. Its channel is in dispute, which pays by the secret.',
  )
}

/** What is heard first; undefined: nothing for so long. */
async function heard<T>(
  listen: (take: (value: T) => void) => () => void,
  milliseconds: number,
): Promise<T | undefined> {
  const { promise, resolve } = Promise.withResolvers<T | undefined>()
  const forget = listen(resolve)
  const timer = setTimeout(() => resolve(undefined), milliseconds)
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    forget()
  }
}
