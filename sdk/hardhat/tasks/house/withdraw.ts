import type { Address } from '../../../core/types.ts'
import { formatAmount, parseAmount } from '../../amounts.ts'
import { waitUntil } from '../../clock.ts'
import { TaskUsageError } from '../../errors.ts'
import { finalize, nextEpoch } from '../../house/finalizing.ts'
import { assertSpendable, chooseHouseAsset, type MemberActor } from '../../house/member.ts'
import type { Place } from '../../house/place.ts'
import { type MemberArgs, withMember } from '../../house/run.ts'
import { action } from '../../run.ts'
import type { Scene } from '../../scene.ts'

interface Args extends MemberArgs {
  readonly amount?: string | undefined
  readonly all: boolean
  readonly asset?: string | undefined
  readonly jump: boolean
}

const ASKED_MS = 120_000
const PAID_MS = 10_000

export default action((args: Args, scene) => {
  const { all, jump } = args
  if (all === (args.amount !== undefined)) throw new TaskUsageError('Give either --amount or --all.')
  return withMember(scene, args, async (member, place) => {
    const asset = chooseHouseAsset(member, args.asset)
    const unit = await member.unit(asset)
    const amount = all ? member.house.balance(asset).available : parseAmount(args.amount, unit)
    assertSpendable(member, amount, asset, unit)
    const withdrawal = await ask(member, asset, amount)
    console.log(`  ${member.name} asked for ${formatAmount(amount, unit)}`)
    const { epoch, isPaid } = await untilPaid(scene, member, place, { withdrawal, jump })
    console.log(
      isPaid
        ? `  ${formatAmount(amount, unit)} were paid to ${member.identity.owner}`
        : `  it is paid when the epoch is final: run "tally house finalize --as ${member.name}" then`,
    )
    return { epoch, isPaid, available: member.house.balance(asset).available }
  })
})

/** Resolves when the house has the request; whether it is paid shows later. */
async function ask({ house }: MemberActor, asset: Address, amount: bigint): Promise<{ readonly isPaid: boolean }> {
  const { available } = house.balance(asset)
  const withdrawal = { isPaid: false }
  let failure: Error | undefined
  // A task that ends before it is paid closes the member, and a later one collects it.
  house.withdraw(amount, { asset }).then(
    () => {
      withdrawal.isPaid = true
    },
    (error: Error) => {
      failure = error
    },
  )
  const isKnown = () => failure !== undefined || house.balance(asset).available <= available - amount
  if (!(await waitUntil(isKnown, ASKED_MS)))
    throw new TaskUsageError('The request was not mined in time. Look for it with "tally house inspect".')
  if (failure) throw failure
  return withdrawal
}

/** An operator elsewhere may have cut the open epoch before it saw the request: then it leaves in the next one. */
async function untilPaid(
  scene: Scene,
  member: MemberActor,
  place: Place,
  { withdrawal, jump }: { readonly withdrawal: { readonly isPaid: boolean }; readonly jump: boolean },
): Promise<{ readonly epoch: bigint; readonly isPaid: boolean }> {
  for (;;) {
    const { epoch, isFinal } = await finalize(scene, member, place, { epoch: await nextEpoch(member), jump })
    const isPaid = isFinal && (await waitUntil(() => withdrawal.isPaid, PAID_MS))
    if (isPaid || !isFinal) return { epoch, isPaid }
  }
}
