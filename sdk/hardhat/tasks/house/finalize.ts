import { formatAmount } from '../../amounts.ts'
import { finalize, nextEpoch } from '../../house/finalizing.ts'
import { untilQuiet } from '../../house/online.ts'
import { type MemberArgs, withMember } from '../../house/run.ts'
import { action } from '../../run.ts'

interface Args extends MemberArgs {
  readonly jump: boolean
}

/** The last epoch that is committed and not final; if there is none, the open one. */
export default action((args: Args, scene) =>
  withMember(scene, args, async (member, place) => {
    const { name, house, chain, unit } = member
    const { lastCommitted, final } = (await chain.state()).latest
    const epoch = lastCommitted > final ? lastCommitted : await nextEpoch(member)
    const { jump } = args
    const result = await finalize(scene, member, place, { epoch, jump })
    await untilQuiet(member)
    for (const [asset, { available, unsettled }] of house.balances()) {
      const format = await unit(asset)
      const credit = unsettled === 0n ? '' : `, of that ${formatAmount(unsettled, format)} in no final epoch`
      console.log(`  ${name} can spend ${formatAmount(available, format)}${credit}`)
    }
    return result
  }),
)
