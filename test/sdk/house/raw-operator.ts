import {
  accountHash,
  type HouseLock,
  lockHash,
  lockReceiptHash,
  type Payment,
  receiptHash,
} from '../../../sdk/clearing/account.ts'
import {
  accountOf,
  act,
  type Book,
  credit,
  type Entry,
  incomeHash,
  newBook,
  newIncome,
} from '../../../sdk/clearing/book.ts'
import { leafOf } from '../../../sdk/clearing/closing.ts'
import { type Epoch, leafRow } from '../../../sdk/clearing/epoch.ts'
import { buildTally, type Tally, tallyPath, topOf } from '../../../sdk/clearing/tally.ts'
import { toHex } from '../../../sdk/core/bytes.ts'
import { typedDigest } from '../../../sdk/core/eip712.ts'
import { ZERO_HASH } from '../../../sdk/core/state.ts'
import type { Hex, Member } from '../../../sdk/core/types.ts'
import { framesOf, HouseFrames } from '../../../sdk/house/frames.ts'
import type { MemberEvent } from '../../../sdk/house/member/events.ts'
import { joinHouse } from '../../../sdk/house/member/join.ts'
import type { HouseMember } from '../../../sdk/house/member/member.ts'
import {
  type EpochProof,
  HOUSE_PROTOCOL_VERSION,
  type HouseMessage,
  type Seat,
  type SignedReceipt,
  type ToldRelease,
} from '../../../sdk/house/messages.ts'
import { sessionSigner, signDirect } from '../../../sdk/signing/session.ts'
import { memoryStore } from '../../../sdk/storage/memory.ts'
import type { Store } from '../../../sdk/storage/store.ts'
import { type MemoryNetwork, memoryTransport } from '../../../sdk/transport/memory.ts'
import type { Connection, Listener } from '../../../sdk/transport/transport.ts'
import { FakeChain } from './fake-chain.ts'

export type Act = Extract<HouseMessage, { kind: 'act' }>
const PROMISED = { epoch: 0n, paid: ZERO_HASH, signature: new Uint8Array(), countersignature: new Uint8Array() }

/** The operator of a house with one member, which it tells whatever a test wants it to; all of it is signed as if it were right. */
export class RawOperator {
  readonly signer = sessionSigner(new Uint8Array(32).fill(99))
  readonly chain = new FakeChain(this.signer.address, 2)
  readonly network: MemoryNetwork = new Map()
  readonly store: Store = memoryStore()
  readonly member = sessionSigner(new Uint8Array(32).fill(1))
  readonly identity: Member = { signer: this.member.address, owner: this.signer.address }
  readonly events: MemberEvent[] = []
  readonly acts: Act[] = []
  readonly releases: ToldRelease[] = []
  open = 1n
  index = 0
  book: Book | undefined
  signed: Pick<Seat, 'epoch' | 'paid' | 'signature' | 'countersignature'> = PROMISED
  payments: Payment[] = []
  entries: Entry[] = []
  receiptSeq = 1n
  /** What the next seats say otherwise. */
  twist: (seat: Seat) => Seat = (seat) => seat
  /** What becomes of an act; default: it is taken. */
  onAct: (act: Act) => HouseMessage | undefined = (one) => this.take(one)
  /** What it shows of an epoch; default: nothing. */
  onAsk: (epoch: bigint) => EpochProof | undefined = () => undefined
  house!: HouseMember
  #connection: Connection | undefined
  #listener: Listener | undefined

  async begin(): Promise<this> {
    const transport = memoryTransport({ signer: this.signer, network: this.network })
    this.#listener = await transport.listen('memory:house', (connection) => this.#accept(connection))
    return this
  }

  /** The member joins, or joins again with what it remembers. */
  async join(store = this.store): Promise<HouseMember> {
    this.house = await joinHouse({
      chain: this.chain.port,
      signer: this.member,
      owner: this.identity.owner,
      store,
      transports: [memoryTransport({ signer: this.member, network: this.network })],
      operator: 'memory:house',
      onEvent: (event) => this.events.push(event),
    })
    return this.house
  }

  async stop(): Promise<void> {
    await this.house.close()
    await this.#listener?.close()
  }

  say(message: HouseMessage): void {
    for (const frame of framesOf(message)) this.#connection!.send(frame)
  }

  hangUp(): void {
    this.#connection?.close()
  }

  sign(hash: Uint8Array): Uint8Array {
    return signDirect(this.signer, typedDigest(this.chain.domain, hash))
  }

  /** A receipt over some entries, with the credits that were there before them. */
  receipt(epoch: bigint, entries: readonly Entry[], before: readonly bigint[] = [0n, 0n], seq = ++this.receiptSeq) {
    const income = credit({ ...newIncome(epoch, 2), credits: before }, entries)
    const { credits } = income
    const receipt = { member: this.house.id, index: this.index, epoch, seq, credits, income: incomeHash(income) }
    return { receipt, signature: this.sign(receiptHash(receipt)) } satisfies SignedReceipt
  }

  /** Somebody pays the member. */
  payment(epoch: bigint, amount: bigint, position = 0, from: Hex = `0x${'bb'.repeat(32)}`) {
    const payment: Payment = {
      from,
      to: this.house.id,
      epoch,
      position,
      asset: 0,
      amount,
      group: ZERO_HASH,
      leg: 0,
    }
    return { kind: 'payment', payment } as const
  }

  lock(payer: Member, payerId: Hex, lock: HouseLock, position = 0): void {
    const receipt = { payer: payerId, index: 7, position, lock: toHex(lockHash(lock)) }
    this.say({ kind: 'locked', lock: { payer, lock, receipt, signature: this.sign(lockReceiptHash(receipt)) } })
  }

  /** Countersigns what the acts come to. */
  take({ id, epoch, seq, acts, signature }: Act): HouseMessage {
    const base = this.book ?? newBook(this.house.id, this.index, epoch, 2)
    const { book, payments } = act(
      base.epoch === epoch ? base : { ...newBook(this.house.id, this.index, epoch, 2), ...kept(base) },
      acts,
      seq,
    )
    const account = accountOf(book)
    const countersignature = this.sign(accountHash(account))
    this.payments = base.epoch === epoch ? [...this.payments, ...payments] : [...payments]
    this.book = book
    this.signed = { epoch, paid: account.payments, signature, countersignature }
    return { kind: 'acted', id, signature: countersignature, locks: [] }
  }

  /** What the member has in an epoch if nothing of what it signed counts. */
  proof(number: bigint): EpochProof {
    const book = newBook(this.house.id, this.index, number, 2)
    const standing = { deposited: [1_000n, 0n], requested: [0n, 0n], withdrawn: [0n, 0n] }
    const leaf = leafOf(book, newIncome(number, 2), standing, [])
    const statuses = { depth: 0, node: ZERO_HASH, sums: [0n, 0n, 0n, 0n] }
    const path = tallyPath(buildTally([leafRow(leaf)], 2), 0)
    return { epoch: number, index: 0, leaf, path, entries: [], statuses, limits: undefined }
  }

  /** Commits to a proof, or to what nobody will look at. */
  async commit(
    number: bigint,
    { proof, salt = 0n, limits }: { proof?: EpochProof; salt?: bigint; limits?: Tally } = {},
  ): Promise<Epoch> {
    const empty = topOf(buildTally([], 2))
    const node = toHex(new Uint8Array(32).fill(Number(number + salt)))
    const members = proof ? topOf(buildTally([leafRow(proof.leaf)], 2)) : { ...empty, node }
    const cutTime = this.chain.time
    const epoch = { number, cutTime, cut: 1n, cutHash: ZERO_HASH, members, left: [0n, 0n], limits: limits ?? empty }
    this.chain.epochs[Number(number) - 1] = epoch
    const block = { number: 1, hash: ZERO_HASH, timestamp: this.chain.time }
    const place = { block, logIndex: 0, transaction: ZERO_HASH, committedAt: this.chain.time }
    await this.chain.tell({ kind: 'committed', ...place, epoch })
    return epoch
  }

  settings() {
    return { open: this.open, committed: this.open - 1n, nextCut: 2_000_000_000_000 }
  }

  #seat(): Seat {
    const blank = newBook(this.house?.id ?? ZERO_HASH, this.index, this.open, 2)
    const { seq, locks, debits } = this.book ?? blank
    const { index, payments, entries } = this
    const told = this.receipt(this.open, entries, [0n, 0n])
    return this.twist({ index, seq, ...this.signed, payments, locks, debits, entries, receipt: told })
  }

  #accept(connection: Connection): void {
    this.#connection = connection
    const frames = new HouseFrames(2 ** 24)
    connection.onFrame = (frame) => {
      const message = frames.take(frame)
      if (message) this.#hear(message)
    }
  }

  #show({ id, epoch }: Extract<HouseMessage, { kind: 'ask' }>): void {
    const proof = this.onAsk(epoch)
    this.say(
      proof ? { kind: 'proven', id, proof } : { kind: 'refused', id, code: 'NOT_HELD', reason: 'It is not here.' },
    )
  }

  #hear(message: HouseMessage): void {
    if (message.kind === 'greet')
      this.say({ kind: 'greet', protocol: HOUSE_PROTOCOL_VERSION, domain: this.chain.domain })
    if (message.kind === 'join')
      // The member's object is there a moment later.
      setTimeout(() => this.say({ kind: 'seated', id: message.id, settings: this.settings(), seat: this.#seat() }), 5)
    if (message.kind === 'ask') this.#show(message)
    if (message.kind === 'release') {
      this.releases.push(message.release)
      this.say({ kind: 'done', id: message.id })
    }
    if (message.kind !== 'act') return
    this.acts.push(message)
    const answer = this.onAct(message)
    if (answer) this.say(answer)
  }
}

const kept = ({ seq, debits, locked, locks, locksHash }: Book) => ({ seq, debits, locked, locks, locksHash })
