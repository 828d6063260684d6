import type {
  Demanded,
  HouseChain,
  HouseEvent,
  HouseFacts,
  HouseState,
  HouseTerms,
} from '../../../sdk/chain/house/house-chain.ts'
import { memberId } from '../../../sdk/clearing/account.ts'
import type { Answer, Challenge } from '../../../sdk/clearing/dispute.ts'
import type { Epoch } from '../../../sdk/clearing/epoch.ts'
import { type Posting, postingHash } from '../../../sdk/clearing/posting.ts'
import type { Outcome } from '../../../sdk/core/outcome.ts'
import { ZERO_HASH } from '../../../sdk/core/state.ts'
import { type Address, COIN, type Domain, type Hex, type Member } from '../../../sdk/core/types.ts'

const address = (byte: string): Address => `0x${byte.repeat(20)}`

/** A chain that takes everything at once and checks nothing: what a house tells it is for the test to look at. */
export class FakeChain {
  readonly domain: Domain = { chainId: 31_337n, adjudicator: address('a1') }
  readonly terms: HouseTerms
  readonly stake = address('a2')
  readonly sender: Address
  readonly confirmations = 1
  readonly epochs: Epoch[] = []
  readonly answers: Answer[] = []
  /** By their intents: the same one is sent once. */
  readonly challenges = new Map<string, Challenge>()
  readonly revealed: Hex[] = []
  readonly demands = new Map<Hex, Demanded>()
  readonly recorded = new Map<Hex, Outcome>()
  time = 1_000n
  isRunning = true
  final = 0n
  isSettled = false
  staked = 0n
  onEvent: HouseChain['onEvent'] = () => {}
  onState: HouseChain['onState'] = () => {}
  onHealth: HouseChain['onHealth'] = () => {}
  onAlarm: HouseChain['onAlarm'] = () => {}
  readonly #told: HouseEvent[] = []
  readonly #standing = new Map<string, { deposited: bigint; requested: bigint }>()
  #last: Posting | undefined
  #totals: bigint[]
  #isOn = false

  constructor(operator: Address, assets = 1) {
    this.sender = operator
    this.#totals = new Array<bigint>(assets).fill(0n)
    this.terms = {
      operator,
      court: address('a3'),
      registry: address('a4'),
      assets: new Array<Address>(assets).fill(COIN),
      interval: 4_000n,
      window: 1_000n,
      answerTime: 500n,
      answerTimeEach: 10n,
      answerTimeMost: 900n,
    }
  }

  /** As the port; what a test does not need is not there. */
  get port(): HouseChain {
    return this as unknown as HouseChain
  }

  #block() {
    return { number: Number(this.time), hash: ZERO_HASH, timestamp: this.time }
  }

  #facts(): HouseFacts {
    const lastCommitted = BigInt(this.epochs.length)
    const { isRunning, isSettled, final } = this
    const postingCount = this.#last?.number ?? 0n
    return { head: this.#block(), lastCommitted, finalized: final, final, postingCount, isRunning, isSettled }
  }

  async state(): Promise<HouseState> {
    return { latest: this.#facts(), confirmed: this.#facts() }
  }

  async start(): Promise<void> {
    this.#isOn = true
    for (const event of [...this.#told]) await this.onEvent(event)
    this.onState(await this.state())
  }

  async stop(): Promise<void> {
    this.#isOn = false
  }

  async tell(event: HouseEvent): Promise<void> {
    this.#told.push(event)
    if (this.#isOn) await this.onEvent(event)
  }

  /** Lets time pass and shows the house a new block. */
  async mine(seconds = 1n): Promise<void> {
    this.time += seconds
    if (this.#isOn) this.onState(await this.state())
  }

  async post(identity: Member, amount: bigint, target = 0n, asset = 0): Promise<void> {
    const member = memberId(identity)
    const before = this.#standing.get(`${member}/${asset}`) ?? { deposited: 0n, requested: 0n }
    const standing = {
      deposited: before.deposited + amount,
      requested: target > before.requested ? target : before.requested,
    }
    this.#standing.set(`${member}/${asset}`, standing)
    this.#totals = this.#totals.with(asset, this.#totals[asset]! + amount)
    const previous = this.#last ? postingHash(this.#last) : ZERO_HASH
    const number = (this.#last?.number ?? 0n) + 1n
    this.#last = { number, previous, member, asset, amount, ...standing, totals: this.#totals }
    const place = { block: this.#block(), logIndex: 0, transaction: ZERO_HASH }
    await this.tell({ kind: 'posted', ...place, posting: this.#last, identity })
  }

  /** The last posting is another one from now on. */
  fork(): void {
    this.#last = { ...this.#last!, amount: this.#last!.amount + 1n }
  }

  async commit(_previous: Epoch, next: Epoch) {
    this.time += 1n
    this.epochs.push(next)
    const place = { block: this.#block(), logIndex: 0, transaction: ZERO_HASH }
    // Confirmed a moment later, as on a chain.
    setTimeout(async () => {
      await this.tell({ kind: 'committed', ...place, epoch: next, committedAt: this.time })
      await this.mine()
    })
    return { transaction: ZERO_HASH, block: this.#block(), gasUsed: 76_000n }
  }

  async advance() {
    return { transaction: ZERO_HASH, block: this.#block(), gasUsed: 1n }
  }

  async outcomes(keys: readonly Hex[]): Promise<Outcome[]> {
    return keys.map((key) => this.recorded.get(key) ?? { value: 0n, recordedAt: 0n })
  }

  async demand(one: Demanded): Promise<void> {
    this.demands.set(one.id, one)
    await this.tell({ kind: 'demanded', block: this.#block(), logIndex: 0, transaction: ZERO_HASH, ...one })
  }

  async openDemands(epoch: bigint): Promise<Demanded[]> {
    return [...this.demands.values()].filter(({ demand }) => demand.epoch === epoch)
  }

  async backing(): Promise<bigint> {
    return this.staked
  }

  async epoch(number: bigint) {
    const epoch = this.epochs[Number(number) - 1]
    return epoch && { epoch, committedAt: this.time }
  }

  async epochStatus(number: bigint) {
    if (number > BigInt(this.epochs.length)) return undefined
    const challengeUntil = this.time + 1_000n
    return { committedAt: this.time, challenges: 1, open: 1, challengeUntil, answerUntil: challengeUntil + 510n }
  }

  async challenge(challenge: Challenge, { intent }: { readonly intent: string }) {
    this.challenges.set(intent, challenge)
    return { transaction: ZERO_HASH, block: this.#block(), gasUsed: 1n }
  }

  async reveal(secret: Hex) {
    this.revealed.push(secret)
    return { transaction: ZERO_HASH, block: this.#block(), gasUsed: 1n }
  }

  async leafShownIn(): Promise<undefined> {}

  async secretOf(): Promise<Hex | undefined> {
    return undefined
  }

  async answer(answer: Answer) {
    this.answers.push(answer)
    for (const [id, { demand }] of this.demands) if (demand === answer.demand) this.demands.delete(id)
    return { transaction: ZERO_HASH, block: this.#block(), gasUsed: 120_000n }
  }
}
