import { WHOLE } from '../../sdk/core/outcome.ts'
import { type PartEffect, type PartEvent, type PartStep, stepPart } from '../../sdk/protocols/forwarding.ts'
import type { Mode, Part } from '../../sdk/protocols/part.ts'
import { FEE, POLICY, type Rules, type Setting } from './route.ts'

// Rules with one of them left out, by a wrapper round the real ones: a search that finds no attack on these would find none at all.

/** The real rules, of whose effects some are held back or changed. */
const changing =
  (change: (effect: PartEffect) => readonly PartEffect[]): Rules =>
  (part, event, policy) => {
    const { next, effects } = stepPart(part, event, policy)
    return { next, effects: effects.flatMap(change) }
  }

/** Leaves upstream what was granted downstream, but nothing for the hop itself. */
const withoutFee = <T extends { readonly residual: bigint }>(effect: T): T => ({
  ...effect,
  residual: effect.residual > FEE ? effect.residual - FEE : 0n,
})

/** Gives back upstream as soon as a cancel is asked for downstream. */
const upstreamFirst: Rules = (part, event, policy): PartStep => {
  const { next, effects } = stepPart(part, event, policy)
  const isHop = part.incoming && part.outgoing?.status === 'locked'
  if (event.kind !== 'cancelAsked' || !isHop) return { next, effects }
  return { next, effects: [...effects, { kind: 'askCancel', residual: 0n }] }
}

/** Never hears of the chain again after its first look. */
const onceLooking: Rules = (part, event, policy) =>
  event.kind === 'view' && part.view ? { next: part, effects: [] } : stepPart(part, event, policy)

/** Pays whatever was locked as soon as the other end wants anything at all. */
const trusting: Rules = (part, event, policy) => {
  const { next, effects } = stepPart(part, event, policy)
  return event.kind === 'cancelAsked' ? { next, effects: [{ kind: 'unlockOut', value: WHOLE }] } : { next, effects }
}

/** Takes the two sides of an swap for amounts of one asset, when it is asked for what `when` says. */
const rawUnits =
  (when: (event: PartEvent) => boolean): Rules =>
  (part, event, policy) => {
    if (part.price === undefined || !when(event)) return stepPart(part, event, policy)
    const { price, incoming, outgoing } = part
    const { asset } = incoming!.edge
    const inOne: Part = { ...part, price: undefined, outgoing: { ...outgoing!, edge: { ...outgoing!.edge, asset } } }
    const { next, effects } = stepPart(inOne, event, policy)
    return { next: { ...next, price, outgoing: { ...next.outgoing!, edge: outgoing!.edge } }, effects }
  }

export interface Broken extends Omit<Setting, 'parties'> {
  readonly name: string
  readonly parties: number
  /** What the search must find. */
  readonly finds: RegExp
}

const sprites = { mode: 'sprites' as Mode, parties: 3, coalition: 0b101, policy: POLICY }

/** Parties are numbered from the payer; the coalition of 0b101 is payer and payee, that of 0b1010 the first hop and the payee. */
export const BROKEN: readonly Broken[] = [
  {
    ...sprites,
    name: 'without a margin',
    rules: stepPart,
    policy: { ...POLICY, margin: 0n, responseTime: 0n },
    finds: /party 1 loses principal: receives 0, pays 1000/,
  },
  {
    ...sprites,
    name: 'without a reveal at the margin',
    rules: changing((effect) => (effect.kind === 'reveal' ? [] : [effect])),
    finds: /party 1 loses principal: receives 0, pays 1000/,
  },
  {
    ...sprites,
    name: 'that give back upstream before downstream is final',
    rules: upstreamFirst,
    finds: /party 1 loses principal/,
  },
  {
    ...sprites,
    name: 'without a residual for the own fee',
    parties: 4,
    coalition: 0b1010,
    rules: changing((effect) => (effect.kind === 'askCancel' ? [withoutFee(effect)] : [effect])),
    finds: /party 2 is skipped: keeps 0/,
  },
  {
    ...sprites,
    name: 'without lock points (mode plain)',
    mode: 'plain',
    parties: 4,
    coalition: 0b1010,
    rules: stepPart,
    finds: /party 2 is skipped: keeps 0/,
  },
  {
    ...sprites,
    name: 'that let a payee give up after its secret has left',
    coalition: 0b010,
    rules: (part, event, policy) => {
      const step = stepPart(part, event, policy)
      return event.kind === 'giveUp' ? { ...step, next: { ...step.next, refused: 'GIVEN_UP' } } : step
    },
    finds: /party 2 shows the secret and is not paid/,
  },
  {
    ...sprites,
    name: 'that pay without a proof',
    coalition: 0b110,
    rules: trusting,
    finds: /party 0 pays without a proof/,
  },
  {
    ...sprites,
    name: 'that look at the chain once',
    coalition: 0b110,
    rules: onceLooking,
    finds: /party 0 has money locked for ever/,
  },
  {
    ...sprites,
    name: 'that compare what comes in with what goes out in raw units, where these are two assets',
    rules: rawUnits(() => true),
    swap: { hop: 1, price: { from: 2n, to: 1n }, offer: 1_010n },
    finds: /party 1 loses principal: receives 1010, pays 2000/,
  },
  {
    ...sprites,
    name: 'that take what they granted of one asset for as much of another',
    rules: rawUnits(({ kind }) => kind !== 'lockedIn' && kind !== 'lockedOut'),
    swap: { hop: 1, price: { from: 98n, to: 100n } },
    finds: /party 1 loses principal: receives 10, pays 20/,
  },
]
