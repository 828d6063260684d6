import { validateInstance } from '../../core/app.ts'
import { memberBySigner } from '../../core/channel.ts'
import { TallystickError } from '../../core/errors.ts'
import type { Address } from '../../core/types.ts'
import { type AppTerms, seatsHeldBy } from '../../protocols/app.ts'
import { MAX_STAKES } from '../../protocols/app-wire.ts'
import type { GroupSlot } from '../groups/group-slot.ts'
import { DEFAULT_FORWARDING } from '../hops/policy.ts'

/** Terms that no honest player could keep, or that could cost one its stake. */
export class InvalidTermsError extends TallystickError {
  readonly code = 'INVALID_APP_TERMS'

  constructor(fact: string) {
    super(`${fact} Propose other terms.`)
  }
}

/** By default an app would lock its stakes longer than hubs do by default. */
export class LockTooLongError extends TallystickError {
  readonly code = 'APP_LOCK_TOO_LONG'
  /** Seconds: with this budget, or less, the stakes can be locked. */
  readonly budget: number

  constructor(seconds: bigint, most: bigint, budget: number) {
    super(
      `The stakes would be locked for ${seconds} s, and hubs lock for ${most} s unless they say otherwise. Give a budget of ${budget} s or less, or name endBy if the hubs allow more.`,
    )
    this.budget = budget
  }
}

/** Seconds for the conclusion of what ends by the clock to reach the registry before the deadline. */
export const CONCLUSION = 3_600n
/** Seconds that honest players need to reach the chain at all. */
const INCLUSION = 600n
/** Seconds in which a move that is forced is surely mined: some blocks. */
const MIN_BUDGET = 60

function check(holds: boolean, fact: string): void {
  if (!holds) throw new InvalidTermsError(fact)
}

/** Throws {@link InvalidTermsError} or an `InvalidInstanceError` unless an honest player can keep these terms. */
export function assertTerms(terms: AppTerms, { me, now }: { readonly me: Address; readonly now: bigint }): void {
  const { instance, stakes, deadline } = terms
  validateInstance(instance)
  const { seats, endBy, budget } = instance
  check(budget >= MIN_BUDGET, `A budget of ${budget} s may pass before a move is mined; ${MIN_BUDGET} s are the least.`)
  check(seatsHeldBy(instance, me).length > 0, 'No seat is this node’s.')
  check(new Set(seats).size > 1, 'All seats are of one player.')
  // Two rounds of all clocks: what was shown last may once be answered by something newer.
  const least = now + 2n * BigInt(budget) * BigInt(seats.length) + INCLUSION
  check(endBy > least, `An end by ${endBy} leaves no time for a dispute, which may take until ${least}.`)
  check(deadline >= endBy + CONCLUSION, `A deadline of ${deadline} is not ${CONCLUSION} s after the end by ${endBy}.`)
  check(stakes.length <= MAX_STAKES, `${stakes.length} stakes are more than ${MAX_STAKES}.`)
  const names = new Set<string>()
  for (const { from, to, asset, amount } of stakes) {
    const [payer, payee] = [seats[from], seats[to]]
    check(payer !== undefined && payee !== undefined, `A stake is from seat ${from} to seat ${to}, of ${seats.length}.`)
    check(payer !== payee, `A stake is from seat ${from} to seat ${to}, both of one player.`)
    check(amount > 0n, 'A stake is zero.')
    names.add(`${payer}/${to}/${asset}`)
  }
  check(names.size === stakes.length, 'A player has two stakes of one asset for one seat.')
}

/** Throws {@link LockTooLongError} if stakes over hubs would come back before these terms begin, since a hub refuses them. */
export function assertHubsLock({ instance, deadline }: AppTerms, now: bigint): void {
  const { maxOutcomeLock } = DEFAULT_FORWARDING
  // A hub's newest block may be older than this node's.
  const most = maxOutcomeLock - INCLUSION
  const excess = deadline - now - most
  if (excess <= 0n) return
  // Two rounds of all clocks lie before the end.
  const clocks = 2n * BigInt(instance.seats.length)
  const less = (excess + clocks - 1n) / clocks
  throw new LockTooLongError(deadline - now, most, instance.budget - Number(less))
}

/**
 * Throws {@link InvalidTermsError} unless these stakes can be locked in the group, as far as this node has part in them. `slot`: the group, if this
 * node is a member of it.
 */
export function assertStakeGroup(
  { instance, stakes, group }: AppTerms,
  me: Address,
  slot: GroupSlot | undefined,
): void {
  const { seats } = instance
  if (!slot) {
    const isMine = stakes.some(({ from, to }) => seats[from] === me || seats[to] === me)
    check(!isMine, `The group ${group!.channelId} of the stakes is unknown here.`)
    return
  }
  check(
    slot.ledger.generation === group!.generation,
    `The group’s generation ${group!.generation} is not the current one.`,
  )
  const { asset, channel } = slot.entry
  for (const { from, to, asset: staked } of stakes) {
    const isBetween = [from, to].every((seat) => memberBySigner(channel, seats[seat]!) !== undefined)
    check(isBetween, `The stake from seat ${from} to seat ${to} is not between members of the group.`)
    check(staked === asset, `A stake of ${staked} cannot be locked in a group of ${asset}.`)
  }
}
