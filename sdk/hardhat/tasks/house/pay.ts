import { TallystickError } from '../../../core/errors.ts'
import type { Hex } from '../../../core/types.ts'
import type { Payee } from '../../../house/member/member.ts'
import { actorName, memberIdentity } from '../../actor.ts'
import { formatAmount, parseAmount } from '../../amounts.ts'
import { required, TaskUsageError } from '../../errors.ts'
import { assertSpendable, chooseHouseAsset } from '../../house/member.ts'
import { untilConnected } from '../../house/online.ts'
import type { Place } from '../../house/place.ts'
import { type MemberArgs, withMember, withMemberAt } from '../../house/run.ts'
import { action } from '../../run.ts'
import type { Scene } from '../../scene.ts'

interface Args extends MemberArgs {
  readonly to?: string | undefined
  readonly amount?: string | undefined
  readonly asset?: string | undefined
  readonly count: number
}

const ID = /^0x[0-9a-f]{64}$/

export default action((args: Args, scene) => {
  const { count } = args
  const to = required(args.to, 'to', 'bob')
  if (count < 1) throw new TaskUsageError(`${count} payments are none. Give a --count of at least 1.`)
  if (to === args.as) throw new TaskUsageError('A payment needs two parties. Name another one with --to.')
  return withMember(scene, args, async (member, place) => {
    const { name, house, unit } = member
    const asset = chooseHouseAsset(member, args.asset)
    const format = await unit(asset)
    const amount = parseAmount(args.amount, format)
    assertSpendable(member, BigInt(count) * amount, asset, format)
    const payee = await payeeOf(scene, to, place)
    // Together they go under one signature.
    await house.payMany(Array.from({ length: count }, () => ({ to: payee, amount, asset })))
    const { available } = house.balance(asset)
    const times = count === 1 ? '' : ` ${count} times`
    console.log(
      `  ${name} paid ${formatAmount(amount, format)}${times} and can spend ${formatAmount(available, format)}`,
    )
    return { available }
  })
})

/** An actor here joins first: only who is a member can be paid. */
async function payeeOf(scene: Scene, to: string, place: Place): Promise<Payee> {
  if (ID.test(to)) return to as Hex
  const as = actorName(to, 'to')
  try {
    return await withMemberAt(scene, { as }, place, async (payee) => {
      await untilConnected(payee, place)
      return payee.house.id
    })
  } catch (error) {
    // It acts in another task at this moment, so it is a member.
    if (!(error instanceof TallystickError && error.code === 'STORE_IN_USE')) throw error
    return memberIdentity(scene, as)
  }
}
