import { type Address, COIN } from '../core/types.ts'
import type { LockView } from '../house/member/events.ts'
import type { HouseMember, Payee } from '../house/member/member.ts'
import type { Arrived, Inlet, Outlet } from './side.ts'

export interface FromHouseOptions {
  /** Up to this amount a lock is taken on the operator's word; default: none. */
  readonly credit?: bigint
  /** A demand that could not be made: from then on a lock is the operator's word again. */
  readonly onFault?: (error: unknown) => void
}

/**
 * Locks in the connector's favour in a house. That an epoch is final does not say that a lock stands in it, for only its payer is shown
 * the leaf: one above `credit` is demanded before the court in every epoch until it is decided, which costs the gas of the answers, and taken
 * when the first such epoch is final.
 */
export const fromHouse = (house: HouseMember, options: FromHouseOptions = {}): Inlet => ({
  onLock(handler) {
    for (const lock of house.locks()) if (lock.direction === 'in') handler(arrivedIn(house, lock, options))
    return house.on('locked', ({ lock }) => {
      if (lock.direction === 'in') handler(arrivedIn(house, lock, options))
    })
  },
})

const arrivedIn = (house: HouseMember, lock: LockView, { credit = 0n, onFault }: FromHouseOptions): Arrived => ({
  amount: lock.amount,
  key: lock.key,
  deadline: lock.deadline,
  asset: house.assets[lock.asset]!,
  sure: () => (lock.amount <= credit ? Promise.resolve() : demanded(house, lock, onFault)),
  claim: (secret) => house.release(lock, { secret }),
  giveBack: () => house.release(lock),
})

/** Demands a lock in every checked epoch while it stands; resolves when one of them is final. */
function demanded(house: HouseMember, lock: LockView, onFault: (error: unknown) => void = () => {}): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let asked: bigint | undefined
  const ask = async (number: bigint) => {
    if (!house.locks().some(({ id }) => id === lock.id)) {
      for (const forget of asking) forget()
      if (asked === undefined) reject(new Error('The lock was decided before it could be demanded.'))
      return
    }
    await house.dispute(number, { lock })
    asked ??= number
  }
  const demand = (number: bigint) => {
    if (number < lock.epoch || number <= house.final) return
    ask(number).catch((error) => {
      reject(error)
      onFault(error)
    })
  }
  const end = () => {
    stop()
    reject(new Error('The house ended before the lock was final.'))
  }
  const asking = [house.on('epoch', ({ number }) => demand(number))]
  const stops = [
    ...asking,
    house.on('final', ({ number }) => {
      if (asked !== undefined && number >= asked) resolve()
    }),
    house.on('halted', end),
    house.on('fault', end),
  ]
  const stop = () => {
    for (const forget of stops) forget()
  }
  for (let number = house.final + 1n; house.verifyEpoch(number); number++) demand(number)
  return promise
}

/** Locks towards a member of a house; it is paid when it shows the secret, or takes them by recording it. */
export const intoHouse = (house: HouseMember, to: Payee, asset: Address = COIN): Outlet => ({
  asset,
  async lock({ amount, key, deadline }, shown) {
    await house.lock(to, amount, { key, deadline, asset, shown })
  },
})
