import { type Address, COIN } from '../core/types.ts'
import type { LockView } from '../house/member/events.ts'
import type { HouseMember, Payee } from '../house/member/member.ts'
import type { Arrived, Inlet, Outlet } from './side.ts'

/**
 * Locks in the connector's favour in a house. `credit`: up to this amount one is taken at once; a larger one waits until its epoch is
 * final, for until then it is the operator's word.
 */
export const fromHouse = (house: HouseMember, { credit = 0n }: { readonly credit?: bigint } = {}): Inlet => ({
  onLock(handler) {
    for (const lock of house.locks()) if (lock.direction === 'in') handler(arrivedIn(house, lock, credit))
    return house.on('locked', ({ lock }) => {
      if (lock.direction === 'in') handler(arrivedIn(house, lock, credit))
    })
  },
})

const arrivedIn = (house: HouseMember, lock: LockView, credit: bigint): Arrived => ({
  amount: lock.amount,
  key: lock.key,
  deadline: lock.deadline,
  asset: house.assets[lock.asset]!,
  sure: () => (lock.amount <= credit ? Promise.resolve() : untilFinal(house, lock.epoch)),
  claim: (secret) => house.release(lock, { secret }),
  giveBack: () => house.release(lock),
})

async function untilFinal(house: HouseMember, epoch: bigint): Promise<void> {
  if (house.final >= epoch) return
  const stops: (() => void)[] = []
  await new Promise<void>((resolve, reject) => {
    const fail = () => reject(new Error(`The house ended before epoch ${epoch} was final.`))
    stops.push(
      house.on('final', ({ number }) => {
        if (number >= epoch) resolve()
      }),
      house.on('halted', fail),
      house.on('fault', fail),
    )
  }).finally(() => {
    for (const stop of stops) stop()
  })
}

/** Locks towards a member of a house; it takes them by recording the secret. */
export const intoHouse = (house: HouseMember, to: Payee, asset: Address = COIN): Outlet => ({
  asset,
  async lock({ amount, key, deadline }) {
    await house.lock(to, amount, { key, deadline, asset })
  },
})
