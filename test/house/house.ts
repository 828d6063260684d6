import { concat, Signature, SigningKey, ZeroAddress, ZeroHash } from 'ethers'
import { network } from 'hardhat'
import {
  type Account,
  accountHash,
  amountRow,
  emptyTally,
  type HouseLock,
  type LockReceipt,
  type LockStatus,
  lockCreditHash,
  lockHash,
  lockReceiptHash,
  memberId,
  type Payment,
  paymentHash,
  type Receipt,
  receiptHash,
  statusRow,
} from '../../sdk/clearing/account.ts'
import { availableOf, type Epoch, emptyLeaf, type Leaf, type Line, leafRow } from '../../sdk/clearing/epoch.ts'
import {
  buildTally,
  highOf,
  type Row,
  sumWord,
  type TallyTree,
  tallyHash,
  tallyPath,
  tallyPaths,
  topOf,
} from '../../sdk/clearing/tally.ts'
import { hashWords } from '../../sdk/clearing/words.ts'
import { toHex } from '../../sdk/core/bytes.ts'
import { typedDigest } from '../../sdk/core/eip712.ts'
import type { Address, Domain, Hex, Member } from '../../sdk/core/types.ts'

export const { ethers, networkHelpers } = await network.create()

export const WINDOW = 1_000
export const ANSWER_TIME = 500
export const INTERVAL = 5_000
const TERMS = { interval: INTERVAL, window: WINDOW, answerTime: ANSWER_TIME, answerTimeEach: 10, answerTimeMost: 900 }
const WHOLE = 10n ** 18n
const least = (a: bigint, b: bigint) => [a, b].sort((x, y) => (x < y ? -1 : 1))[0]!
const NONE: Hex = ZeroHash as Hex

/** A leaf that stands for somebody else, so that a tree is as deep and as full as a large house's. */
const strangerRow = (i: number, width: number): Row => ({
  hash: hashWords([BigInt(i)]),
  sums: new Array<bigint>(width).fill(sumWord(WHOLE)),
})

/** A member as its operator keeps it; all of it can be tampered with before a commit. */
export interface Person {
  readonly name: string
  readonly key: SigningKey
  readonly identity: Member
  readonly id: Hex
  readonly index: number
  readonly deposited: bigint[]
  readonly requested: bigint[]
  readonly credits: bigint[]
  readonly debits: bigint[]
  readonly withdrawn: bigint[]
  seq: bigint
  receiptSeq: bigint
  account: Account | undefined
  signature: Hex
  payments: Payment[]
  /** Those of the last epoch committed. */
  lastPayments: Payment[]
  income: Row[]
  locks: (HouseLock | undefined)[]
}

/** One committed epoch with all its trees. */
export interface Committed {
  readonly epoch: Epoch
  readonly leaves: readonly (Leaf | undefined)[]
  readonly members: TallyTree
  readonly trees: ReadonlyMap<Hex, { payments: TallyTree; income: TallyTree; locks: TallyTree; statuses: TallyTree }>
  readonly accounts: ReadonlyMap<Hex, { account: Account; signature: Hex }>
}

/** An operator as a test needs it: honest unless the test tampers with a leaf. */
export class House {
  readonly people: Person[] = []
  readonly epochs: Committed[] = []
  readonly postings: { posting: { readonly member: Hex } & object; hash: Hex }[] = []
  readonly operator = new SigningKey(ethers.id('operator'))
  house!: Awaited<ReturnType<typeof ethers.deployContract>>
  court!: Awaited<ReturnType<typeof ethers.deployContract>>
  stake!: Awaited<ReturnType<typeof ethers.getContractAt>>
  registry!: Awaited<ReturnType<typeof ethers.deployContract>>
  domain!: Domain
  assets: string[] = []

  static async open(assets: readonly string[] = [ZeroAddress]): Promise<House> {
    const one = new House()
    one.assets = [...assets]
    one.registry = await ethers.deployContract('OutcomeRegistry')
    one.court = await ethers.deployContract('HouseCourt')
    const operator = ethers.computeAddress(one.operator)
    await networkHelpers.setBalance(operator, WHOLE * 1000n)
    await networkHelpers.impersonateAccount(operator)
    const terms = { ...TERMS, court: one.court.target, operator, registry: one.registry.target, assets }
    one.house = await ethers.deployContract('ClearingHouse', [terms])
    one.stake = await ethers.getContractAt('HouseStake', await one.house.getFunction('stake')())
    const { chainId } = await ethers.provider.getNetwork()
    one.domain = { chainId, adjudicator: (one.house.target as string).toLowerCase() as Address }
    const genesis: Epoch = {
      number: 0n,
      cutTime: 0n,
      cut: 0n,
      cutHash: NONE,
      members: topOf(buildTally([], one.width)),
      left: assets.map(() => 0n),
      limits: topOf(buildTally([], one.width)),
    }
    one.epochs.push({
      epoch: genesis,
      leaves: [],
      members: buildTally([], one.width),
      trees: new Map(),
      accounts: new Map(),
    })
    return one
  }

  get width(): number {
    return this.assets.length
  }

  get next(): bigint {
    return BigInt(this.epochs.length)
  }

  join(name: string): Person {
    const key = new SigningKey(ethers.id(`${name} signs`))
    const owner = ethers.computeAddress(ethers.id(`${name} owns`)).toLowerCase() as Address
    const identity = { signer: ethers.computeAddress(key).toLowerCase() as Address, owner }
    const zeros = () => this.assets.map(() => 0n)
    const person: Person = {
      name,
      key,
      identity,
      id: memberId(identity),
      index: this.people.length,
      deposited: zeros(),
      requested: zeros(),
      credits: zeros(),
      debits: zeros(),
      withdrawn: zeros(),
      seq: 0n,
      receiptSeq: 0n,
      account: undefined,
      signature: '0x',
      payments: [],
      lastPayments: [],
      income: [],
      locks: [],
    }
    this.people.push(person)
    return person
  }

  sign(key: SigningKey, structHash: Uint8Array): Hex {
    const { compactSerialized } = Signature.from(key.sign(typedDigest(this.domain, structHash)))
    return concat(['0x00', compactSerialized]) as Hex
  }

  async deposit(person: Person, amount: bigint, asset = 0): Promise<void> {
    const { signer, owner } = person.identity
    const value = this.assets[asset] === ZeroAddress ? amount : 0n
    await this.house.getFunction('deposit')(signer, owner, asset, amount, { value })
    person.deposited[asset] = person.deposited[asset]! + amount
    await this.#post(person, asset, amount)
  }

  async request(person: Person, target: bigint, asset = 0): Promise<void> {
    const { signer, owner } = person.identity
    await networkHelpers.setBalance(owner, WHOLE)
    await networkHelpers.impersonateAccount(owner)
    const asOwner = this.house.connect(await ethers.getSigner(owner))
    await asOwner.getFunction('request')(signer, asset, target)
    person.requested[asset] = target
    await this.#post(person, asset, 0n)
  }

  async #post(person: Person, asset: number, amount: bigint): Promise<void> {
    const number = this.postings.length + 1
    const totals = this.assets.map((_, i) => this.people.reduce((sum, { deposited }) => sum + deposited[i]!, 0n))
    const posting = {
      number,
      previous: this.postings.at(-1)?.hash ?? NONE,
      member: person.id,
      asset,
      amount,
      deposited: person.deposited[asset],
      requested: person.requested[asset],
      totals,
    }
    this.postings.push({ posting, hash: await this.house.getFunction('postingHash')(number) })
  }

  /** The payer signs a new account, which the operator countersigns. */
  #account(person: Person): void {
    const locked = this.assets.map((_, i) =>
      person.locks.reduce((sum, lock) => (lock?.asset === i ? sum + lock.amount : sum), 0n),
    )
    person.account = {
      member: person.id,
      index: person.index,
      epoch: this.next,
      seq: ++person.seq,
      debits: [...person.debits],
      locked,
      locks: toHex(tallyHash(topOf(this.#locks(person)))),
      payments: toHex(tallyHash(topOf(this.#payments(person)))),
    }
    person.signature = this.sign(person.key, accountHash(person.account))
  }

  pay(from: Person, to: Person, amount: bigint, { asset = 0, group = NONE, leg = 0, credit = true } = {}): Payment {
    const payment: Payment = {
      from: from.id,
      to: to.id,
      epoch: this.next,
      position: from.payments.length,
      asset,
      amount,
      group,
      leg,
    }
    from.payments.push(payment)
    from.debits[asset] = from.debits[asset]! + amount
    this.#account(from)
    if (credit) this.credit(to, amountRow(paymentHash(payment), asset, amount, this.width))
    return payment
  }

  credit(to: Person, row: Row): void {
    to.income.push(row)
    for (const [i, sum] of row.sums.entries()) to.credits[i] = to.credits[i]! + highOf(sum)
  }

  lock(
    from: Person,
    to: Person,
    amount: bigint,
    key: Hex,
    deadline: bigint,
    asset = 0,
  ): LockReceipt & { lock_: HouseLock } {
    const lock_: HouseLock = { to: to.id, asset, amount, key, deadline, epoch: this.next }
    from.locks.push(lock_)
    this.#account(from)
    return {
      payer: from.id,
      index: from.index,
      position: from.locks.length - 1,
      lock: toHex(lockHash(lock_)),
      lock_,
    }
  }

  lockSignature({ payer, index, position, lock }: LockReceipt): Hex {
    return this.sign(this.operator, lockReceiptHash({ payer, index, position, lock }))
  }

  receipt(person: Person, epoch = this.next): { receipt: Receipt; signature: Hex } {
    const receipt: Receipt = {
      member: person.id,
      index: person.index,
      epoch,
      seq: ++person.receiptSeq,
      credits: [...person.credits],
      income: toHex(tallyHash(topOf(buildTally(person.income, this.width)))),
    }
    return { receipt, signature: this.sign(this.operator, receiptHash(receipt)) }
  }

  /** The receipt that made somebody a member. */
  membership(person: Person, epoch = 1n): { receipt: Receipt; signature: Hex } {
    const { id: member, index } = person
    const receipt = { member, index, epoch, seq: 0n, credits: this.assets.map(() => 0n), income: this.empty() }
    return { receipt, signature: this.sign(this.operator, receiptHash(receipt)) }
  }

  #payments(person: Person): TallyTree {
    const rows = person.payments.map((one) => amountRow(paymentHash(one), one.asset, one.amount, this.width))
    return buildTally(rows, this.width)
  }

  #locks(person: Person): TallyTree {
    const row = (lock: HouseLock | undefined) => lock && amountRow(lockHash(lock), lock.asset, lock.amount, this.width)
    return buildTally(person.locks.map(row), this.width)
  }

  async statusOf(lock: HouseLock, time: bigint): Promise<LockStatus> {
    const [value, recordedAt] = await this.registry.getFunction('outcome')(lock.key)
    if (recordedAt !== 0n && recordedAt <= lock.deadline && recordedAt <= time) {
      const paid = (lock.amount * value) / WHOLE
      return { paid, refunded: lock.amount - paid, live: 0n }
    }
    if (time > lock.deadline) return { paid: 0n, refunded: lock.amount, live: 0n }
    return { paid: 0n, refunded: 0n, live: lock.amount }
  }

  /** Commits to everything so far. `tamper`: what a dishonest operator does to the leaves; `limits`: per person; `strangers`: more leaves of 10^18 each. */
  async commit(
    tamper: (leaves: Leaf[]) => void = () => {},
    { cut = this.postings.length, limits = [] as bigint[][], status = this.statusOf.bind(this), strangers = 0 } = {},
  ): Promise<Committed> {
    const previous = this.epochs.at(-1)!
    await networkHelpers.mine()
    const cutTime = BigInt(await networkHelpers.time.latest())
    const trees = new Map<Hex, { payments: TallyTree; income: TallyTree; locks: TallyTree; statuses: TallyTree }>()
    const leaves: Leaf[] = []
    for (const person of this.people) {
      const statuses: (LockStatus | undefined)[] = []
      for (const lock of person.locks) statuses.push(lock && (await status(lock, cutTime)))
      await this.#creditLocks(person, statuses, previous)
    }
    for (const person of this.people) {
      const statuses: (LockStatus | undefined)[] = []
      for (const lock of person.locks) statuses.push(lock && (await status(lock, cutTime)))
      const tree = {
        payments: this.#payments(person),
        income: buildTally(person.income, this.width),
        locks: this.#locks(person),
        statuses: buildTally(
          person.locks.map((lock, i) => lock && statusRow(lock, statuses[i]!, this.width)),
          2 * this.width,
        ),
      }
      trees.set(person.id, tree)
      leaves.push(this.#leaf(person, tree, statuses))
    }
    tamper(leaves)
    const others = Array.from({ length: strangers }, (_, i) => strangerRow(i, this.width))
    const members = buildTally([...leaves.map(leafRow), ...others], this.width)
    const insured = buildTally(
      limits.map((one, i) => ({
        hash: ethers.getBytes(this.people[i]!.id),
        sums: one.map((limit) => limit << 128n),
      })),
      this.width,
    )
    const left = previous.epoch.left.map((before, i) =>
      leaves.reduce((sum, leaf) => sum + leaf.lines[i]!.leaving, before),
    )
    const epoch: Epoch = {
      number: this.next,
      cutTime,
      cut: BigInt(cut),
      cutHash: cut === 0 ? NONE : this.postings[cut - 1]!.hash,
      members: topOf(members),
      left,
      limits: topOf(insured),
    }
    await networkHelpers.mine()
    const posting = (this.postings[cut - 1] ?? this.postings[0])?.posting
    const operator = this.house.connect(await ethers.getSigner(ethers.computeAddress(this.operator)))
    await operator.getFunction('commit')(previous.epoch, epoch, posting)
    const accounts = new Map(
      this.people.flatMap(({ id, account, signature }) => (account ? [[id, { account, signature }] as const] : [])),
    )
    const committed = { epoch, leaves, members, trees, accounts }
    this.epochs.push(committed)
    for (const person of this.people) {
      person.lastPayments = person.payments
      person.payments = []
      person.income = []
      for (const [i, line] of leaves[person.index]!.lines.entries()) person.withdrawn[i] = line.withdrawn
    }
    return committed
  }

  /** A lock pays into the income of the first epoch that sees it decided. */
  async #creditLocks(
    person: Person,
    statuses: readonly (LockStatus | undefined)[],
    previous: Committed,
  ): Promise<void> {
    for (const [position, lock] of person.locks.entries()) {
      const paid = statuses[position]?.paid ?? 0n
      if (!lock || paid === 0n) continue
      const before = await this.statusOf(lock, previous.epoch.cutTime)
      if (lock.epoch < this.next && before.live === 0n) continue
      const payee = this.people.find(({ id }) => id === lock.to)!
      const hash = lockCreditHash(person.id, position, toHex(lockHash(lock)), paid)
      this.credit(payee, amountRow(hash, lock.asset, paid, this.width))
    }
  }

  #leaf(person: Person, tree: { [name: string]: TallyTree }, statuses: readonly (LockStatus | undefined)[]): Leaf {
    const hash = (name: string) => toHex(tallyHash(topOf(tree[name]!)))
    const lines = this.assets.map((_, i): Line => {
      const sum = (pick: (status: LockStatus) => bigint) =>
        person.locks.reduce((total, lock, at) => (lock?.asset === i ? total + pick(statuses[at]!) : total), 0n)
      const line = {
        ...this.emptyLeaf.lines[i]!,
        deposited: person.deposited[i]!,
        credits: person.credits[i]!,
        debits: person.debits[i]!,
        locked: sum(({ paid, refunded, live }) => paid + refunded + live),
        paid: sum(({ paid }) => paid),
        refunded: sum(({ refunded }) => refunded),
        withdrawn: person.withdrawn[i]!,
      }
      const available = availableOf(line)
      const wanted = person.requested[i]! - line.withdrawn
      const leaving = wanted <= 0n ? 0n : least(wanted, available)
      return { ...line, withdrawn: line.withdrawn + leaving, leaving }
    })
    const names = {
      locks: hash('locks'),
      statuses: hash('statuses'),
      payments: hash('payments'),
      income: hash('income'),
    }
    return { member: person.id, seq: person.seq, ...names, lines }
  }

  /** A person's leaf with its path; where there was none, the empty leaf. */
  proof({ leaves, members }: Committed, { index }: Person) {
    const leaf = leaves[index] ?? this.emptyLeaf
    const path = index < 2 ** topOf(members).depth ? tallyPath(members, index) : []
    return { index, leaf, path }
  }

  get emptyLeaf(): Leaf {
    return emptyLeaf(this.width)
  }

  /** What `collect` and `exit` take for several people. */
  claims({ leaves, members }: Committed, people: readonly Person[]) {
    const sorted = [...people].sort((a, b) => a.index - b.index)
    const claims = sorted.map(({ index, identity }) => ({ index, leaf: leaves[index]!, identity }))
    return [
      claims,
      tallyPaths(
        members,
        sorted.map(({ index }) => index),
      ),
    ] as const
  }

  /** The account that a person's leaf was taken from. */
  accountOf({ accounts }: Committed, { id }: Person) {
    const none = { member: NONE, index: 0, epoch: 0n, seq: 0n, debits: [], locked: [], locks: NONE, payments: NONE }
    return accounts.get(id) ?? { account: none, signature: '0x' as Hex }
  }

  empty(width = this.width): Hex {
    return emptyTally(width)
  }
}
