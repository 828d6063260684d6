import { formatAmount, parseAmount } from '../../amounts.ts'
import { chooseHouseAsset } from '../../house/member.ts'
import { type MemberArgs, withMember } from '../../house/run.ts'
import { action } from '../../run.ts'

interface Args extends MemberArgs {
  readonly amount?: string | undefined
  readonly asset?: string | undefined
}

export default action((args: Args, scene) =>
  withMember(scene, args, async (member) => {
    const { name, house, unit } = member
    const asset = chooseHouseAsset(member, args.asset)
    const format = await unit(asset)
    const amount = parseAmount(args.amount, format)
    await house.deposit(amount, { asset })
    const { available } = house.balance(asset)
    console.log(`  ${name} deposited ${formatAmount(amount, format)} and can spend ${formatAmount(available, format)}`)
    return { available }
  }),
)
