import { expect } from 'chai'
import { type PartEvent, stepPart } from '../../sdk/protocols/forwarding.ts'
import { POLICY, type Rules, searchOutcome } from './outcome.ts'

/** The rules of a hop that does not wait for what an effect leads to. */
const hasty =
  (after: (effects: readonly { readonly kind: string }[], event: PartEvent) => PartEvent | undefined): Rules =>
  (part, event, policy) => {
    const step = stepPart(part, event, policy)
    const more = after(step.effects, event)
    if (!more) return step
    const next = stepPart(step.next, more, policy)
    return { next: next.next, effects: [...step.effects, ...next.effects] }
  }

const BROKEN: readonly (readonly [string, Rules, typeof POLICY])[] = [
  [
    'asks above for a split that is not acknowledged below',
    hasty((effects) => (effects.some(({ kind }) => kind === 'splitOut') ? { kind: 'splitOut' } : undefined)),
    POLICY,
  ],
  [
    'leads below before it was led to',
    // Every split above counts as led.
    (part, event, policy) => {
      const { next, effects } = stepPart(part, event, policy)
      const deal = next.incoming?.deal
      if (deal?.stage !== 'split' || event.kind !== 'splitIn') return { next, effects }
      const led = stepPart(next, { kind: 'ledIn', key: deal.key }, policy)
      return { next: led.next, effects: [...effects, ...led.effects] }
    },
    POLICY,
  ],
  [
    'never records a secret that it has paid for',
    (part, event, policy) => {
      const { next, effects } = stepPart(part, event, policy)
      return { next, effects: effects.filter(({ kind }) => kind !== 'reveal') }
    },
    POLICY,
  ],
  ['pays on the secret when it is too late to record it', stepPart, { ...POLICY, margin: 0n }],
  [
    'gives back above what is not back from below',
    (part, event, policy) => {
      const { next, effects } = stepPart(part, event, policy)
      const back = effects.find((effect) => effect.kind === 'endOut' && effect.piece === 'rest')
      if (!back) return { next, effects }
      const more = stepPart(next, { kind: 'endedOut', piece: 'rest', values: [] }, policy)
      return { next: more.next, effects: [...effects, ...more.effects] }
    },
    POLICY,
  ],
]

describe('the model of outcome locks', function () {
  this.timeout(120_000)

  it('S35 S36 finds no run in which a hop pays more than it receives, whatever its peers agree on', () => {
    expect(searchOutcome(100_000)).to.equal(undefined)
  })

  for (const [name, rules, policy] of BROKEN)
    it(`finds the loss of a hop that ${name}`, () => {
      expect(searchOutcome(60_000, rules, policy)).to.not.equal(undefined)
    })
})
