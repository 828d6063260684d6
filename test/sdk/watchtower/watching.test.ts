import { expect } from 'chai'
import fc from 'fast-check'
import { laneWordOf } from '../../../sdk/core/state.ts'
import type { LedgerWord } from '../../../sdk/core/types.ts'
import type { ChainFacts } from '../../../sdk/protocols/ledger.ts'
import { type Answer, type Case, type WatchPolicy, watch } from '../../../sdk/watchtower/watching.ts'
import '../core/arbitraries.ts'
import { channelOf, evidenceOf, ledgerOf, signed } from './evidence.ts'

const PERIOD = 600n
const BEGUN = 1_800_000_000n
const EXPIRY = BEGUN + PERIOD
const POLICY: WatchPolicy = { margin: 60n, delay: 0n, settle: false }
const channel = channelOf()

interface Situation {
  readonly now?: bigint
  readonly generation?: number
  /** Versions that the challenge showed, and that answers recorded. */
  readonly shown?: readonly [bigint, bigint]
  readonly recorded?: readonly [bigint, bigint]
  readonly phase?: 'open' | 'disputed'
  readonly confirmed?: Partial<{ phase: 'open' | 'disputed'; generation: number; number: number }>
}

const wordOf = (phase: 'open' | 'disputed', generation: number): LedgerWord =>
  phase === 'open'
    ? { phase, recorded: false, generation, seq: 0, balances: [1_000n, 1_000n] }
    : { phase, recorded: false, generation, expiry: EXPIRY, commitment: 0n }

const laneWord = (version: bigint, lane: number, generation: number): bigint =>
  version === 0n ? 0n : laneWordOf(signed(channel, { version, lane, generation }).state)

function factsOf(situation: Situation): ChainFacts {
  const { now = BEGUN + 1n, generation = 0, shown = [0n, 0n], recorded = [0n, 0n], phase = 'disputed' } = situation
  const latest = wordOf(phase, generation)
  const { phase: deep = phase, generation: ended = generation, number = 100 } = situation.confirmed ?? {}
  const words = (versions: readonly [bigint, bigint]) =>
    versions.map((version, lane) => laneWord(version, lane, generation))
  return {
    head: { number: 110, timestamp: now },
    confirmedHead: { number, timestamp: now },
    latest,
    confirmed: wordOf(deep, ended),
    latestBalances: [1_000n, 1_000n],
    confirmedBalances: [1_000n, 1_000n],
    base: phase === 'disputed' ? [0n, ...words(shown)] : [],
    lanes: words(recorded),
  }
}

function caseOf(situation: Situation, versions: readonly [bigint, bigint] = [5n, 7n], over: Partial<Case> = {}): Case {
  const evidence = [evidenceOf(channel, versions, { generation: situation.generation ?? 0 })]
  return { ...ledgerOf(channel), channel, evidence, worth: 0, since: 90, facts: factsOf(situation), ...over }
}

const answersTo = (one: Case, policy: Partial<WatchPolicy> = {}): Answer[] =>
  watch([one], { ...POLICY, ...policy }).filter((action) => action.kind === 'answer')

const versionsIn = (answers: readonly Answer[]) =>
  answers.flatMap(({ states }) => states.map(({ state: { lane, version } }) => [lane, version]))

describe('watching', () => {
  it('answers a challenge with every lane that is older on chain, and no other', () => {
    expect(versionsIn(answersTo(caseOf({})))).to.deep.equal([
      [0, 5n],
      [1, 7n],
    ])
    expect(versionsIn(answersTo(caseOf({ shown: [4n, 7n] })))).to.deep.equal([[0, 5n]])
    expect(versionsIn(answersTo(caseOf({ shown: [4n, 6n], recorded: [5n, 0n] })))).to.deep.equal([[1, 7n]])
  })

  it('sends nothing that the chain holds already, or newer', () => {
    for (const shown of [
      [5n, 7n],
      [6n, 7n],
      [9n, 9n],
    ] as const)
      expect(watch([caseOf({ shown })], POLICY)).to.deep.equal([])
    expect(watch([caseOf({ recorded: [5n, 8n] })], POLICY)).to.deep.equal([])
  })

  it('C6 shows no state of another generation', () => {
    const evidence = [
      evidenceOf(channel, [5n, 7n], { generation: 0 }),
      evidenceOf(channel, [1n, 0n], { generation: 2 }),
    ]
    const one = caseOf({ generation: 2 }, [0n, 0n], { evidence })
    expect(versionsIn(answersTo(one))).to.deep.equal([[0, 1n]])
    expect(answersTo(caseOf({ generation: 1 }, [0n, 0n], { evidence }))).to.deep.equal([])
  })

  it('takes the newest of each lane from the appointments of several clients', () => {
    const evidence = [evidenceOf(channel, [5n, 2n]), evidenceOf(channel, [3n, 9n]), evidenceOf(channel, [5n, 9n])]
    expect(versionsIn(answersTo(caseOf({}, [0n, 0n], { evidence })))).to.deep.equal([
      [0, 5n],
      [1, 9n],
    ])
  })

  it('C16 answers until the last second before the expiry, and not at it', () => {
    const [last] = answersTo(caseOf({ now: EXPIRY - 1n }))
    expect(last).to.deep.include({ expiry: EXPIRY, before: EXPIRY, isLate: true })
    expect(answersTo(caseOf({ now: EXPIRY }))).to.deep.equal([])
  })

  it('aims at a margin before the expiry, of a quarter of the period at most', () => {
    expect(answersTo(caseOf({}))[0]).to.include({ before: EXPIRY - 60n, isLate: false })
    expect(answersTo(caseOf({}), { margin: 10_000n })[0]).to.include({ before: EXPIRY - 150n, isLate: false })
    expect(answersTo(caseOf({ now: EXPIRY - 59n }))[0]).to.include({ before: EXPIRY, isLate: true })
  })

  it('leaves the first word to others as long as it was told, but half of the period at most', () => {
    expect(answersTo(caseOf({ now: BEGUN + 99n }), { delay: 100n })).to.deep.equal([])
    expect(answersTo(caseOf({ now: BEGUN + 100n }), { delay: 100n })).to.have.length(1)
    expect(answersTo(caseOf({ now: BEGUN + 300n }), { delay: 10_000n })).to.have.length(1)
  })

  it('S30 puts the nearest deadline first, and the most at stake among equals', () => {
    const cases = [
      { worth: 60, now: BEGUN + 1n, period: 600 },
      { worth: 10, now: BEGUN + 1n, period: 600 },
      { worth: 0, now: BEGUN + 1n, period: 300 },
      { worth: 100, now: BEGUN + 1n, period: 600 },
    ].map(({ worth, now, period }, index) => {
      const its = channelOf('alice', 'mallory', BigInt(index), period)
      const facts = factsOf({ now })
      const latest = { ...wordOf('disputed', 0), expiry: BEGUN + BigInt(period) } as LedgerWord
      return {
        ...ledgerOf(its),
        channel: its,
        evidence: [evidenceOf(its, [5n, 0n])],
        worth,
        since: 0,
        facts: { ...facts, latest },
      }
    })
    const order = watch(cases, POLICY).map((action) => (action.kind === 'answer' ? action.worth : 'none'))
    expect(order).to.deep.equal([0, 100, 60, 10])
  })

  it('settles after the expiry if it was told to and holds what the chain counts', () => {
    const expired = { now: EXPIRY, shown: [4n, 7n], recorded: [5n, 0n] } as const
    expect(watch([caseOf(expired)], POLICY)).to.deep.equal([])
    const [action] = watch([caseOf(expired)], { ...POLICY, settle: true })
    expect(action).to.include({ kind: 'settle', generation: 0 })
    expect(action?.kind === 'settle' && action.states.map(({ version }) => version)).to.deep.equal([5n, 7n])
    // Of an older or newer state it knows only the hash.
    for (const shown of [
      [4n, 7n],
      [5n, 8n],
    ] as const)
      expect(watch([caseOf({ now: EXPIRY, shown })], { ...POLICY, settle: true })).to.deep.equal([])
    expect(watch([caseOf({ now: EXPIRY, shown: [0n, 0n] })], { ...POLICY, settle: true })).to.have.length(1)
  })

  it('S23 closes a case when it is over for good, not when a reorganisation can still bring it back', () => {
    const closes = (one: Case) => watch([one], POLICY).some(({ kind }) => kind === 'close')
    expect(closes(caseOf({ phase: 'open', confirmed: { phase: 'disputed' } }))).to.equal(false)
    expect(closes(caseOf({ phase: 'open', confirmed: { number: 89 } }))).to.equal(false)
    expect(closes(caseOf({ phase: 'open', confirmed: { number: 90 } }))).to.equal(true)
    const settled = caseOf({ phase: 'open', generation: 1, confirmed: { phase: 'disputed', generation: 0 } })
    expect(closes({ ...settled, evidence: [evidenceOf(channel, [5n, 7n])] })).to.equal(false)
    expect(closes({ ...caseOf({ phase: 'open', generation: 1 }), evidence: [evidenceOf(channel, [5n, 7n])] })).to.equal(
      true,
    )
    expect(watch([caseOf({}, [5n, 7n], { facts: undefined })], POLICY)).to.deep.equal([])
  })

  describe('under any sequence of challenges, answers, reorganisations and appointments', () => {
    type Move =
      | { readonly kind: 'appoint'; readonly versions: readonly [bigint, bigint] }
      | { readonly kind: 'raise'; readonly lane: 0 | 1; readonly version: bigint }
      | { readonly kind: 'reorg' }
      | { readonly kind: 'wait'; readonly seconds: bigint }

    const version = fc.bigInt(0n, 12n)
    const move: fc.Arbitrary<Move> = fc.oneof(
      fc.record({ kind: fc.constant('appoint' as const), versions: fc.tuple(version, version) }),
      fc.record({ kind: fc.constant('raise' as const), lane: fc.constantFrom(0 as const, 1 as const), version }),
      fc.constant({ kind: 'reorg' as const }),
      fc.record({ kind: fc.constant('wait' as const), seconds: fc.bigInt(0n, 50n) }),
    )
    const larger = (a: bigint, b: bigint) => (a > b ? a : b)

    it('lets no lane end below what was appointed in time, and never repeats what the chain holds', () => {
      fc.assert(
        fc.property(
          fc.tuple(version, version),
          fc.array(move, { maxLength: 20 }),
          fc.boolean(),
          (shown, moves, isPatient) => {
            const policy = { ...POLICY, delay: isPatient ? 200n : 0n }
            const held: Case['evidence'][number][] = []
            let recorded: [bigint, bigint] = [0n, 0n]
            let now = BEGUN
            const look = () => {
              const one = caseOf({ now, shown, recorded }, [0n, 0n], { evidence: held })
              for (const { states } of answersTo(one, policy))
                for (const { state } of states) {
                  const counting = larger(shown[state.lane]!, recorded[state.lane]!)
                  expect(state.version > counting, 'an answer that changes nothing').to.equal(true)
                  recorded = recorded.with(state.lane, state.version) as [bigint, bigint]
                }
            }
            for (const next of [...moves, { kind: 'wait', seconds: 300n } as const]) {
              if (next.kind === 'appoint') held.push(evidenceOf(channel, next.versions))
              if (next.kind === 'raise')
                recorded = recorded.with(next.lane, larger(recorded[next.lane]!, next.version)) as [bigint, bigint]
              // What was recorded is gone; what the challenge showed stays with the challenge.
              if (next.kind === 'reorg') recorded = [0n, 0n]
              if (next.kind === 'wait') now = now + next.seconds < EXPIRY ? now + next.seconds : EXPIRY - 1n
              look()
            }
            for (const lane of [0, 1] as const) {
              const newest = held
                .flatMap(({ states }) => states.filter(({ state }) => state.lane === lane))
                .map(({ state }) => state.version)
              expect(larger(shown[lane], recorded[lane]) >= newest.reduce(larger, 0n)).to.equal(true)
            }
          },
        ),
        { numRuns: 150 },
      )
    })
  })
})
