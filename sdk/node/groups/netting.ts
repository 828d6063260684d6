import { netObligations } from '../../clearing/netting/net.ts'
import { COIN } from '../../core/types.ts'
import type { Netter } from '../../protocols/joint.ts'

/** Pays the most of all divisible wishes together that nobody's balance forbids. */
export const netDivisible: Netter = (owned, wishes) => {
  const obligations = wishes.map(({ from, wish: { to, amount } }, index) => ({
    id: `${index}`,
    from: `${from}`,
    to: `${to}`,
    // A round has one asset; which it is does not matter to the engine.
    asset: COIN,
    amount,
    kind: 'divisible' as const,
  }))
  const funds = owned.map((amount, member) => ({ member: `${member}`, asset: COIN, amount }))
  return netObligations(obligations, funds).discharges.map(({ amount }) => amount)
}
