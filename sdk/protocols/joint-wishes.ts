import type { JointPayment, Wish } from './joint.ts'

/** A wish and whose it is. */
export interface OwnedWish {
  readonly from: number
  readonly wish: Wish
}

/**
 * What one round makes of all wishes, so that nobody ends below zero: payments count at once, so that what goes round in a circle needs no
 * money. Where somebody would end below zero, the divisible wishes of that member are cut, the last ones first; then whole ones are left out.
 */
export function compose(owned: readonly bigint[], wishes: readonly OwnedWish[]): JointPayment[] {
  const amounts = wishes.map(({ wish }) => wish.amount)
  const left = [...owned]
  for (const { from, wish } of wishes) {
    left[from]! -= wish.amount
    left[wish.to]! += wish.amount
  }
  const cut = (index: number, by: bigint) => {
    const { from, wish } = wishes[index]!
    amounts[index]! -= by
    left[from]! += by
    left[wish.to]! -= by
  }
  for (
    let short = left.findIndex((amount) => amount < 0n);
    short !== -1;
    short = left.findIndex((amount) => amount < 0n)
  ) {
    const index = nextToCut(short, amounts, wishes)
    // Below zero without having asked for anything: the chain took a deposit back, and nothing here mends that.
    if (index === undefined) return wishes.map(({ from, wish: { id, to } }) => ({ from, id, to, amount: 0n }))
    const need = -left[short]!
    cut(index, wishes[index]!.wish.divisible && need < amounts[index]! ? need : amounts[index]!)
  }
  return wishes.map(({ from, wish: { id, to } }, index) => ({ from, id, to, amount: amounts[index]! }))
}

/** The last divisible wish of a member that is not cut to nothing, or else its last whole one. */
function nextToCut(member: number, amounts: readonly bigint[], wishes: readonly OwnedWish[]): number | undefined {
  const open = [...wishes.keys()].filter((index) => wishes[index]!.from === member && amounts[index]! > 0n)
  return open.filter((index) => wishes[index]!.wish.divisible).at(-1) ?? open.at(-1)
}
